/** Ranking of answers: a log-linear score of evidence, slot, verdict and distance in time; support is gathered. */
import { gapDays, type Signal, type TimeSpan } from '../time/index.ts';
import type { Linker } from '../retrieve/linker.ts';
import type { Frame } from '../understand/frame.ts';
import { nameKey } from '../understand/words.ts';
import { reasonOf, type Judged } from './prune.ts';
import { RANK_WEIGHTS as W } from './rank-weights.ts';
import { slotAnswers } from './slots.ts';
import type { Answer, Support } from './types.ts';

const MAX_SUPPORT = 5;
const MAX_ITEMS = 400;
const SLOTS_PER_ITEM = 4;
/** The nearest rule counts in months. */
const DAYS_PER_MONTH = 30;

export interface RankInput {
  readonly frame: Frame;
  readonly signal: Signal;
  readonly constraint: readonly TimeSpan[];
  readonly questionStems: ReadonlySet<string>;
  readonly linker: Linker;
}

/** Answers in falling order of score. */
export function rankAnswers(kept: readonly Judged[], input: RankInput): Answer[] {
  const { frame, signal, constraint } = input;
  const byKey = new Map<string, { label: string; score: number; items: Judged[] }>();
  for (const item of kept.slice(0, MAX_ITEMS)) {
    const base = itemScore(item, signal, constraint);
    for (const { label, fit } of slotAnswers(item.evidence, frame, input.questionStems, input.linker).slice(
      0,
      SLOTS_PER_ITEM,
    )) {
      const score = base + W.fit * fit;
      const key = nameKey(label);
      const known = byKey.get(key);
      if (!known) byKey.set(key, { label, score, items: [item] });
      else {
        known.score = Math.max(known.score, score) + W.moreSupport;
        known.items.push(item);
      }
    }
  }
  return [...byKey.values()]
    .toSorted((a, b) => b.score - a.score || (a.label < b.label ? -1 : 1))
    .map(({ label, score, items }) => {
      const ranked = items.toSorted((a, b) => itemScore(b, signal, constraint) - itemScore(a, signal, constraint));
      return {
        label,
        id: label,
        score,
        verdict: ranked[0]!.verdict,
        support: ranked
          .slice(0, MAX_SUPPORT)
          .map((item) => ({ ...supportOf(item), why: reasonOf(item.spans, item.verdict, signal, constraint) })),
      };
    });
}

function itemScore(item: Judged, signal: Signal, constraint: readonly TimeSpan[]): number {
  let score = W.evidence * item.score + W.source[item.evidence.source];
  if (constraint.length > 0) {
    if (signal === 'BEFORE' || signal === 'AFTER') {
      let gap = Infinity;
      let isSameYearEvent = false;
      for (const span of item.spans)
        for (const window of constraint) {
          const days = gapDays(signal, span, window);
          if (days < gap) {
            gap = days;
            isSameYearEvent = span.kind === 'event' && item.verdict === 'possible';
          }
        }
      if (Number.isFinite(gap)) score -= W.gap * Math.log(1 + gap / DAYS_PER_MONTH);
      if (isSameYearEvent) score -= W.sameYear;
      // years that touch (68 and 68–69) are as good as days that do
      score +=
        item.verdict === 'possible' && gap === 0 && !isSameYearEvent ? W.verdict.certain : W.verdict[item.verdict];
    } else {
      score += W.verdict[item.verdict];
      if (signal === 'OVERLAP') score += W.overlap * overlapShare(item.spans, constraint);
    }
  }
  return score;
}

/** Largest share of intersection in hull over all pairs, 0..1. */
function overlapShare(spans: readonly TimeSpan[], constraint: readonly TimeSpan[]): number {
  let best = 0;
  for (const span of spans) {
    for (const window of constraint) {
      const inner = Math.min(span.e1, window.e1) - Math.max(span.s0, window.s0) + 1;
      const hull = Math.max(span.e1, window.e1) - Math.min(span.s0, window.s0) + 1;
      if (inner > 0) best = Math.max(best, inner / hull);
    }
  }
  return best;
}

export function supportOf(item: Judged): Support {
  return {
    evidence: item.evidence,
    spans: item.spans,
    verdict: item.verdict,
    why: item.spans.length > 0 ? 'states this time' : 'states no time',
  };
}
