/** Ranking of answers by a log-linear model: p(answer) ∝ exp(max over its evidence of w·features + fit + support).
 *  The weights are trained by scripts/train-rankers.ts; its log is beside them. */
import { readFileSync } from 'node:fs';
import { ITEM_FEATURES, type Candidate, type EvidenceGraph, type RankInput } from './evidence-graph.ts';
import { reasonOf, type Judged } from './prune.ts';
import type { Answer, Support } from './types.ts';

const MAX_SUPPORT = 5;

export type RankFeature = (typeof ITEM_FEATURES)[number] | 'fit' | 'moreSupport';
export type RankWeights = Readonly<Record<RankFeature, number>>;

let shipped: RankWeights | undefined;

export function shippedWeights(): RankWeights {
  shipped ??= JSON.parse(readFileSync(new URL('rank-weights.json', import.meta.url), 'utf8')) as RankWeights;
  return shipped;
}

export interface LinearScore {
  readonly score: number;
  /** Place of the best edge among the candidate's edges. */
  readonly best: number;
}

export function linearScore(graph: EvidenceGraph, candidate: Candidate, weights: RankWeights): LinearScore {
  let score = -Infinity;
  let best = 0;
  candidate.edges.forEach(({ item, fit }, index) => {
    const own = itemScore(graph.features[item]!, weights) + weights.fit * fit;
    if (own > score) [score, best] = [own, index];
  });
  return { score: score + weights.moreSupport * Math.log(candidate.edges.length), best };
}

function itemScore(features: readonly number[], weights: RankWeights): number {
  let score = 0;
  for (let k = 0; k < ITEM_FEATURES.length; k++) score += weights[ITEM_FEATURES[k]!] * features[k]!;
  return score;
}

/** Answers in falling order of score, each with its best evidence first.
 *  @param scores  one a candidate (a graph network's); default: the log-linear model's */
export function rankAnswers(graph: EvidenceGraph, input: RankInput, scores?: ArrayLike<number>): Answer[] {
  const weights = shippedWeights();
  const byItem = graph.features.map((features) => itemScore(features, weights));
  const ranked = graph.candidates
    .map((candidate, index) => ({
      candidate,
      score: scores?.[index] ?? linearScore(graph, candidate, weights).score,
    }))
    .toSorted((a, b) => b.score - a.score || (a.candidate.label < b.candidate.label ? -1 : 1));
  const answers = oneAnswerOfFact(graph, ranked).map(({ candidate, score }) => {
    const edges = candidate.edges.toSorted(
      (a, b) => byItem[b.item]! + weights.fit * b.fit - byItem[a.item]! - weights.fit * a.fit,
    );
    const items = edges.map(({ item }) => graph.items[item]!);
    return {
      label: candidate.label,
      id: candidate.label,
      score,
      verdict: items[0]!.verdict,
      support: items.slice(0, MAX_SUPPORT).map((item) => ({
        ...supportOf(item),
        why: reasonOf(item.spans, item.verdict, input.signal, input.constraint),
      })),
    };
  });
  return input.signal === 'OVERLAP'
    ? [...answers.filter(isStated), ...answers.filter((one) => !isStated(one))]
    : answers;
}

/** Evidence that may hold only because nobody says when it began or ended stands behind what is certain. */
function isStated({ verdict, support }: Answer): boolean {
  return verdict !== 'possible' || !support[0]!.spans.some((span) => span.openStart === true || span.openEnd === true);
}

/** A fact answers with its best slot alone: "Catholic Church, pope, Paul VI" does not also answer "Catholic Church". */
function oneAnswerOfFact<T extends { readonly candidate: Candidate }>(graph: EvidenceGraph, ranked: readonly T[]): T[] {
  const taken = new Set<number>();
  return ranked.filter(({ candidate }) => {
    const isFact = (item: number) => graph.items[item]!.evidence.source === 'kb';
    const isNew = candidate.edges.some(({ item }) => !isFact(item) || !taken.has(item));
    for (const { item } of candidate.edges) taken.add(item);
    return isNew;
  });
}

export function supportOf(item: Judged): Support {
  return {
    evidence: item.evidence,
    spans: item.spans,
    verdict: item.verdict,
    why: reasonOf(item.spans, item.verdict, 'NONE', []),
  };
}
