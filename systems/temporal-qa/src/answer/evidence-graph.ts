/** Evidence and answer candidates as a bipartite graph with features: what both rankers score.
 *  An edge says that a piece of evidence holds the candidate in a slot that the question leaves open. */
import { gapDays, type Signal, type TimeSpan } from '../time/index.ts';
import type { Linker } from '../retrieve/linker.ts';
import type { Frame } from '../understand/frame.ts';
import { nameKey, STOP_WORDS, stemOf, wordsOf } from '../understand/words.ts';
import type { Judged } from './prune.ts';
import { slotAnswers } from './slots.ts';

export interface RankInput {
  readonly frame: Frame;
  readonly signal: Signal;
  readonly constraint: readonly TimeSpan[];
  readonly questionStems: ReadonlySet<string>;
  readonly linker: Linker;
}

export interface Edge {
  /** Index into `items`. */
  readonly item: number;
  /** How well the slot fits what is asked, about −1 … 2. */
  readonly fit: number;
}

export interface Candidate {
  readonly label: string;
  readonly key: string;
  readonly edges: readonly Edge[];
}

export interface EvidenceGraph {
  readonly items: readonly Judged[];
  /** One row of ITEM_FEATURES a piece of evidence. */
  readonly features: readonly (readonly number[])[];
  readonly candidates: readonly Candidate[];
}

/** What is known of a piece of evidence, apart from the slots. */
export const ITEM_FEATURES = [
  'evidence',
  'coverage',
  'focus',
  'kb',
  'table',
  'info',
  'certain',
  'impossible',
  'undated',
  'gap',
  'gapRank',
  'sameYear',
  'overlap',
  'openEnd',
  'conditionWords',
] as const;

const MAX_ITEMS = 400;
const SLOTS_PER_ITEM = 4;
/** The nearest rule counts in months. */
const DAYS_PER_MONTH = 30;
/** Farther ones are alike. */
const MAX_GAP_RANK = 4;

export function graphOf(kept: readonly Judged[], input: RankInput): EvidenceGraph {
  const items = kept.slice(0, MAX_ITEMS);
  const conditionStems = stemsOf(input.frame.clause ?? '').filter(
    (stem) => !new Set(stemsOf(input.frame.main)).has(stem),
  );
  const candidates = new Map<string, { label: string; key: string; edges: Edge[] }>();
  items.forEach((item, index) => {
    const slots = slotAnswers(item.evidence, input.frame, input.questionStems, input.linker).slice(0, SLOTS_PER_ITEM);
    for (const { label, fit } of slots) {
      const key = nameKey(label);
      const known = candidates.get(key);
      if (known) known.edges.push({ item: index, fit });
      else candidates.set(key, { label, key, edges: [{ item: index, fit }] });
    }
  });
  const features = items.map((item) => featuresOf(item, input, conditionStems));
  rankGaps(features);
  return {
    items,
    features,
    candidates: [...candidates.values()],
  };
}

function featuresOf(item: Judged, { signal, constraint }: RankInput, conditionStems: readonly string[]): number[] {
  const { source } = item.evidence;
  const isOrdered = constraint.length > 0 && (signal === 'BEFORE' || signal === 'AFTER');
  const isBound = constraint.length > 0;
  const nearest = isOrdered ? nearestOf(item, signal, constraint) : { months: 0, isSameYear: false, touches: false };
  const shared = conditionStems.filter((stem) => item.stems.has(stem)).length;
  return [
    item.score,
    item.coverage,
    item.focus,
    Number(source === 'kb'),
    Number(source === 'table'),
    Number(source === 'info'),
    // years that touch (68 and 68–69) are as good as days that do
    Number(isBound && (item.verdict === 'certain' || nearest.touches)),
    Number(isBound && item.verdict === 'impossible'),
    Number(isBound && item.verdict === 'undated'),
    nearest.months,
    0, // gapRank: known when all are
    Number(nearest.isSameYear),
    isBound && signal === 'OVERLAP' ? overlapShare(item.spans, constraint) : 0,
    Number(item.spans.some((span) => span.openEnd === true)),
    conditionStems.length > 0 ? shared / conditionStems.length : 0,
  ];
}

/** Fills gapRank: 0 for the nearest, 1 for the next …; what may lie in the condition's own year comes last. */
function rankGaps(features: readonly number[][]): void {
  const [gap, rank, sameYear] = (['gap', 'gapRank', 'sameYear'] as const).map((name) =>
    ITEM_FEATURES.indexOf(name),
  ) as [number, number, number];
  const distinct = [...new Set(features.filter((row) => row[sameYear] === 0).map((row) => row[gap]!))].toSorted(
    (a, b) => a - b,
  );
  for (const row of features)
    row[rank] = row[sameYear] === 1 ? MAX_GAP_RANK : Math.min(MAX_GAP_RANK, distinct.indexOf(row[gap]!));
}

/** The nearest rule: "the one before" is the adjacent one. @returns log(1 + gap in months) of the nearest pair */
function nearestOf(item: Judged, signal: Signal, constraint: readonly TimeSpan[]) {
  let gap = Infinity;
  let isSameYear = false;
  for (const span of item.spans) {
    for (const window of constraint) {
      const days = gapDays(signal, span, window);
      if (days >= gap) continue;
      gap = days;
      isSameYear = span.kind === 'event' && item.verdict === 'possible';
    }
  }
  return {
    months: Number.isFinite(gap) ? Math.log(1 + gap / DAYS_PER_MONTH) : 0,
    isSameYear,
    touches: item.verdict === 'possible' && gap === 0 && !isSameYear,
  };
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

function stemsOf(text: string): string[] {
  return wordsOf(text)
    .filter((word) => !STOP_WORDS.has(word))
    .map(stemOf);
}
