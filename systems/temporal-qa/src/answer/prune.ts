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

const RELATION_TEXT: Readonly<Record<Signal, string>> = {
  BEFORE: 'before',
  AFTER: 'after',
  OVERLAP: 'in',
  START: 'starting in',
  FINISH: 'ending in',
  ORDINAL: 'in',
  NONE: 'in',
};

export function reasonOf(
  spans: readonly TimeSpan[],
  verdict: Verdict,
  signal: Signal,
  constraint: readonly TimeSpan[],
): string {
  if (spans.length === 0) return 'states no time';
  const time = spans.slice(0, 3).map(timeText).join(', ');
  const bound = constraint.slice(0, 2).map(timeText).join(', ');
  const relation = RELATION_TEXT[signal];
  if (verdict === 'impossible') return `${time} is not ${relation} ${bound}`;
  return verdict === 'certain' ? `${time} is ${relation} ${bound}` : `${time} may be ${relation} ${bound}`;
}

export function timeText(span: TimeSpan): string {
  return span.e1 >= DAY_MAX && span.kind === 'state' && !span.openStart
    ? `${edtfFromSpan(span)} (no end stated)`
    : edtfFromSpan(span);
}
