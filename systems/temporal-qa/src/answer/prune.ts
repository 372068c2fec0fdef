/** Hard pruning: evidence that does not stand in the asked relation to the constraint is removed before ranking. */
import { bestVerdict, DAY_MAX, edtfFromSpan, type Signal, type TimeSpan, type Verdict } from '../time/index.ts';
import type { Scored } from '../retrieve/candidates.ts';
import { faithKeeps } from './faith-compat.ts';
import type { Mode, Pruned } from './types.ts';

export interface Judged extends Scored {
  readonly verdict: Verdict;
}

export function prune(
  scored: readonly Scored[],
  signal: Signal,
  constraint: readonly TimeSpan[],
  mode: Mode,
): { readonly kept: Judged[]; readonly pruned: Pruned[] } {
  const kept: Judged[] = [];
  const pruned: Pruned[] = [];
  for (const item of scored) {
    const verdict: Verdict =
      constraint.length === 0
        ? item.spans.length > 0
          ? 'certain'
          : 'undated'
        : bestVerdict(signal, item.spans, constraint);
    if (constraint.length === 0 || mode === 'off' || keeps(item, verdict, signal, constraint, mode))
      kept.push({ ...item, verdict });
    else pruned.push({ evidence: item.evidence, reason: reasonOf(item.spans, verdict, signal, constraint) });
  }
  return { kept, pruned };
}

function keeps(item: Scored, verdict: Verdict, signal: Signal, constraint: readonly TimeSpan[], mode: Mode): boolean {
  switch (mode) {
    case 'faith-compat':
      return faithKeeps(item.spans, signal, constraint);
    case 'certain-only':
      return verdict === 'certain';
    case 'lenient':
      return verdict !== 'impossible';
    case 'strict':
      return verdict === 'certain' || verdict === 'possible';
    case 'off':
      return true;
  }
}

/** Words for certain, possible and impossible. */
type Wording = readonly [certain: string, possible: string, impossible: string];

const OVERLAP_WORDS: Wording = ['overlaps', 'may overlap', 'does not overlap'];
const RELATION_WORDS: Readonly<Record<Signal, Wording>> = {
  BEFORE: ['is before', 'may be before', 'is not before'],
  AFTER: ['is after', 'may be after', 'is not after'],
  OVERLAP: OVERLAP_WORDS,
  START: ['begins in', 'may begin in', 'does not begin in'],
  FINISH: ['ends in', 'may end in', 'does not end in'],
  ORDINAL: OVERLAP_WORDS,
  NONE: OVERLAP_WORDS,
};
/** For moments, which cannot overlap anything. */
const INSIDE_WORDS: Wording = ['is in', 'may be in', 'is not in'];

export function reasonOf(
  spans: readonly TimeSpan[],
  verdict: Verdict,
  signal: Signal,
  constraint: readonly TimeSpan[],
): string {
  if (spans.length === 0) return 'states no time';
  const time = spans.slice(0, 3).map(timeText).join(', ');
  if (constraint.length === 0) return `the evidence states ${time}`;
  const bound = constraint.slice(0, 2).map(boundText).join(', ');
  const isMoment = RELATION_WORDS[signal] === OVERLAP_WORDS && spans.every((span) => span.kind === 'event');
  const [certain, possible, impossible] = isMoment ? INSIDE_WORDS : RELATION_WORDS[signal];
  return `${time} ${verdict === 'impossible' ? impossible : verdict === 'certain' ? certain : possible} ${bound}`;
}

/** A condition that is one whole day, month, year … by its name. */
export function boundText(span: TimeSpan): string {
  if (span.s0 !== span.s1 || span.e0 !== span.e1) return timeText(span);
  const whole = edtfFromSpan({ ...span, s1: span.e1, e0: span.s0, kind: 'event' });
  return /^\[|\.\.|X/.test(whole) ? timeText(span) : whole;
}

export function timeText(span: TimeSpan): string {
  return span.e1 >= DAY_MAX && span.kind === 'state' && !span.openStart
    ? `${edtfFromSpan(span)} (no end stated)`
    : edtfFromSpan(span);
}
