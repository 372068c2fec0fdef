/** Orders that exist to be measured: the forward pass cut wherever it can be, always into the same number of parts. What
 *  they take says what parts cost; see measured-costs.ts. */
import { delayIrregular } from './all-reduce-placement.ts';
import { groupForward } from './forward-groups.ts';
import { partitionGraph } from './partition.ts';
import { chooseRanges } from './range-choice.ts';
import { priceRanges, type CutRange } from './range-costs.ts';
import { stepOps, type StepOp } from './step-ops.ts';
import type { OverlapGraph, PartCosts } from './types.ts';

/** @returns undefined if nothing can be cut into so many parts */
export function profileOrder(graph: OverlapGraph, numParts: number, costs: PartCosts): StepOp[] | undefined {
  const groups = groupForward(graph);
  const { firstOp } = groups;
  const pricer = priceRanges(graph, groups, { costs, maxParts: numParts });
  const numOps = (start: number, end: number): number => firstOp[end]! - firstOp[start]!;
  const { ranges } = chooseRanges({
    ...pricer.problem,
    // The more is cut the better; of equal covers the one with fewer, longer ranges.
    rangeMs(start, end, k) {
      if (k === 1) return 0;
      if (k !== numParts || !Number.isFinite(pricer.problem.rangeMs(start, end, k))) return Infinity;
      return 0.5 - numOps(start, end);
    },
  });
  const cuts: CutRange[] = [];
  for (const range of ranges) {
    if (range.numParts === 1) continue;
    const cut = pricer.cutRange(firstOp[range.start]!, firstOp[range.end]!, numParts);
    if (!('kind' in cut)) cuts.push(cut);
  }
  if (cuts.length === 0) return undefined;
  const { graph: planned, notes } = partitionGraph(graph, cuts);
  return stepOps(delayIrregular(planned).ops, notes);
}
