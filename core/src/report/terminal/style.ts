/** Terminal styles: functions that wrap text in SGR codes, or leave it alone. */
import { TONES } from '../tones.ts';
import type { Tone } from '../types.ts';

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  tone(tone: Tone, text: string): string;
}

const wrap = (open: number, close: number) => (text: string) => `\u001B[${open}m${text}\u001B[${close}m`;

const plain = (text: string): string => text;

/** @param hasColor  false makes every style the identity */
export function createStyle(hasColor: boolean): Style {
  if (!hasColor) return { bold: plain, dim: plain, tone: (_tone, text) => text };
  return {
    bold: wrap(1, 22),
    dim: wrap(2, 22),
    tone: (tone, text) => {
      const { ansi } = TONES[tone];
      return ansi === undefined ? text : wrap(ansi, 39)(text);
    },
  };
}
