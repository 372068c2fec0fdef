/** A state as a shape and a word; colour only repeats what they say. */
import type { RunStatus } from '@tenfold/core/store';
import type { Tone } from '@tenfold/core/report';
import type { ReactNode } from 'react';

/** Shapes on a 10-unit grid: tick disc, cross disc, triangle, square, ring. */
const TONE_SHAPES: Readonly<Record<Tone, ReactNode>> = {
  good: <path d="M5 0a5 5 0 1 1 0 10A5 5 0 0 1 5 0Zm2.2 3.1L4.3 6 2.9 4.7l-.8.9 2.2 2.1L8 4z" />,
  bad: (
    <path d="M5 0a5 5 0 1 1 0 10A5 5 0 0 1 5 0ZM3.2 2.4l-.8.8L4.2 5 2.4 6.8l.8.8L5 5.8l1.8 1.8.8-.8L5.8 5l1.8-1.8-.8-.8L5 4.2z" />
  ),
  warn: <path d="M5 .4 10 9.6H0ZM4.5 3.6v3h1v-3Zm0 3.7v1h1v-1Z" />,
  info: <path d="M1 1h8v8H1z" />,
  neutral: <path d="M5 0a5 5 0 1 1 0 10A5 5 0 0 1 5 0Zm0 1.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7Z" />,
};

export function ToneMark({ tone, size = 10 }: { readonly tone: Tone; readonly size?: number }) {
  return (
    <svg className={`tf-mark tone-${tone}`} width={size} height={size} viewBox="0 0 10 10" aria-hidden="true">
      {TONE_SHAPES[tone]}
    </svg>
  );
}

export function Badge({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }) {
  return (
    <span className={`tf-badge tone-${tone}`}>
      <ToneMark tone={tone} />
      {children}
    </span>
  );
}

const STATUS_WORDS: Readonly<Record<RunStatus, { readonly tone: Tone; readonly word: string }>> = {
  queued: { tone: 'neutral', word: 'Queued' },
  running: { tone: 'info', word: 'Running' },
  done: { tone: 'good', word: 'Done' },
  problems: { tone: 'warn', word: 'Problems found' },
  failed: { tone: 'bad', word: 'Failed' },
  cancelled: { tone: 'neutral', word: 'Cancelled' },
  interrupted: { tone: 'warn', word: 'Interrupted' },
};

export function StatusBadge({ status }: { readonly status: RunStatus }) {
  const { tone, word } = STATUS_WORDS[status];
  return <Badge tone={tone}>{word}</Badge>;
}
