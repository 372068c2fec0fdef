/** Tones: each has a mark and a word, so that colour is never alone. */
import type { Tone } from './types.ts';

export interface ToneLook {
  readonly mark: string;
  readonly word: string;
  /** SGR foreground code of the terminal; undefined keeps the default colour. */
  readonly ansi: number | undefined;
}

export const TONES: Readonly<Record<Tone, ToneLook>> = {
  good: { mark: '✔', word: 'good', ansi: 32 },
  bad: { mark: '✖', word: 'bad', ansi: 31 },
  warn: { mark: '▲', word: 'warning', ansi: 33 },
  info: { mark: 'ℹ', word: 'note', ansi: 36 },
  neutral: { mark: '•', word: '', ansi: undefined },
};

/** The tone of that name, or undefined for anything else. */
export function toneFromText(text: unknown): Tone | undefined {
  return typeof text === 'string' && text in TONES ? (text as Tone) : undefined;
}
