/** The whole optimiser: order of weight gradients, ranges and parts of the forward pass, reductions into gaps; a plan is
 *  accepted only if it is predicted to beat the one accepted before it, of a simpler mode, by more than one per cent. */
import { throwIfCancelled } from '@tenfold/core/base';
import { delayIrregular, placeAllReduces } from './all-reduce-placement.ts';
import { scheduleDw, type DwRule, type DwSchedule } from './dw-order.ts';
import { groupForward, type ForwardGroups } from './forward-groups.ts';
import { isAllToAll } from './op-graph.ts';
import { partitionGraph, type PlanNote } from './partition.ts';
import { simulatePlan, type PlanSimulation, type Slowdown } from './plan-simulation.ts';
import { chooseRanges, type ChosenRange } from './range-choice.ts';
import { priceRanges, type CutRange, type RangePricer } from './range-costs.ts';
import type { OverlapGraph, PartCosts } from './types.ts';

export const MODES = ['none', 'tutel', 'dw', 'partition', 'both', 'exact'] as const;
/** none: written order. tutel: only exchanges and experts are cut, best k. dw: weight gradients (public code's rule).
 *  partition: forward ranges. both: the two. exact: both, weight gradients assigned optimally. */
export type Mode = (typeof MODES)[number];

export interface PlanOptions {
  readonly costs: PartCosts;
  /** ρ, default 8. */
  readonly maxParts?: number;
  /** γ, default a fifth of the time between two layers. */
  readonly gammaMs?: number;
  /** ι in groups, default the distance of two layers. */
  readonly maxGroups?: number;
  readonly slowdown?: Slowdown;
  readonly dwRule?: DwRule;
  /** For the exact assignment: ms, default 2000. */
  readonly timeLimitMs?: number;
  readonly signal?: AbortSignal;
}

export interface Plan {
  readonly mode: Mode;
  readonly graph: OverlapGraph;
  readonly notes: ReadonlyMap<string, PlanNote>;
  readonly ranges: readonly (ChosenRange & { readonly firstOp: number; readonly endOp: number })[];
  readonly dw?: DwSchedule;
  readonly simulation: PlanSimulation;
}

export interface Optimised {
  /** Every mode that was tried. */
  readonly plans: Readonly<Record<Mode, Plan>>;
  /** Taken in order of MODES: a plan replaces the one accepted before it if it beats it by more than 1 %. No other
   *  beats the last by more. */
  readonly accepted: Mode;
  readonly groups: ForwardGroups;
  readonly numEvaluations: number;
}

const DEFAULT_MAX_PARTS = 8;
const MIN_GAIN = 0.01;
const EXACT_LIMITS = { timeLimitMs: 2000, relativeGap: 0.002 } as const;

/** @throws TF-OVERLAP-001, TF-OVERLAP-002 on graphs that are none */
export async function optimise(graph: OverlapGraph, options: PlanOptions): Promise<Optimised> {
  const { costs, maxParts = DEFAULT_MAX_PARTS, slowdown, signal } = options;
  const groups = groupForward(graph, options);
  const pricer = priceRanges(graph, groups, { costs, maxParts });
  const choice = chooseRanges(pricer.problem);
  throwIfCancelled(signal, 'optimise');
  const chosen = choice.ranges.filter(({ numParts }) => numParts > 1);
  const official = await scheduleDw(graph, { ...options, rule: options.dwRule ?? 'official' });
  const exact = await scheduleDw(graph, { ...EXACT_LIMITS, ...options, rule: 'exact' });
  throwIfCancelled(signal, 'optimise');
  const finish = (mode: Mode, ranges: readonly ChosenRange[], dw?: DwSchedule): Plan => {
    const source = dw?.graph ?? graph;
    const cuts = ranges.map((range) => cutOf(pricer, groups, range));
    const { graph: cut, notes } = partitionGraph(source, cuts);
    const placed = delayIrregular(placeAllReduces(cut));
    const located = ranges.map((range, index) => ({ ...range, firstOp: cuts[index]!.start, endOp: cuts[index]!.end }));
    const simulation = simulatePlan(placed, slowdown);
    return { mode, graph: placed, notes, ranges: located, simulation, ...(dw ? { dw } : {}) };
  };
  const plans: Record<Mode, Plan> = {
    none: finish('none', []),
    tutel: finish('tutel', expertRanges(graph, groups, pricer, maxParts)),
    dw: finish('dw', [], official),
    partition: finish('partition', chosen),
    both: finish('both', chosen, official),
    exact: finish('exact', chosen, exact),
  };
  let accepted: Mode = 'none';
  for (const mode of MODES) {
    const bestMs = plans[accepted].simulation.makespanMs;
    if (plans[mode].simulation.makespanMs < bestMs * (1 - MIN_GAIN)) accepted = mode;
  }
  return { plans, accepted, groups, numEvaluations: choice.numEvaluations };
}

/** Expert-only splitting: each layer's exchanges and experts in the one k that is best for all layers together. */
function expertRanges(
  graph: OverlapGraph,
  { firstOp }: ForwardGroups,
  { problem }: RangePricer,
  maxParts: number,
): ChosenRange[] {
  const blocks = firstOp.slice(0, -1).flatMap((first, group) => {
    const end = firstOp[group + 1]!;
    return graph.ops.slice(first, end).some(isAllToAll) ? [group] : [];
  });
  let best: ChosenRange[] = [];
  let bestMs = Infinity;
  for (let numParts = 2; numParts <= maxParts; numParts++) {
    const ranges = blocks.map((start) => {
      const ms = problem.rangeMs(start, start + 1, numParts);
      return { start, end: start + 1, numParts, ms };
    });
    const ms = ranges.reduce((sum, range) => sum + range.ms, 0);
    if (ms < bestMs) [best, bestMs] = [ranges, ms];
  }
  return best;
}

function cutOf(pricer: RangePricer, { firstOp }: ForwardGroups, { start, end, numParts }: ChosenRange): CutRange {
  const found = pricer.cutRange(firstOp[start]!, firstOp[end]!, numParts);
  if ('kind' in found) throw new Error(`optimise: a chosen range cannot be cut (${found.kind})`);
  return found;
}
