/** The outer search: pipeline groups, stages, micro-batches and warm-ups; each candidate partitioned and simulated, the
 *  most promising filled, the fastest that fits memory returned.   S = 1 is data parallelism and is in the space. */
import { throwIfCancelled } from '@tenfold/core/base';
import { partition, scalarPartitions, type PartitionOptions } from '../partition/partition.ts';
import type { Candidate, PlanOptions, SearchResult } from '../plan-types.ts';
import type { Cluster, DiffusionModel, Warmup } from '../types.ts';
import { candidateFrom } from './candidate.ts';
import { planFrom } from './filled-plan.ts';
import { failSearch, leastPeakBytes } from './least-memory.ts';
import { createSpace, peakBytesOf, problemOf, stageBytesOf, type Point, type Space } from './space.ts';

const MAX_GROUP_DEVICES = 16;
const MAX_MICRO_PER_STAGE = 8;
/** Candidates that are filled, best estimates first. */
const NUM_FILLED = 12;
/** Candidates whose partition is made exact. */
const NUM_REFINED = 24;

/** @throws TF-PIPE-001 on a bad model, -002 on a batch that cannot be divided, -003 if nothing fits (names the least cap
 *  that works), -005 on more stages than layers or devices */
export function searchPlans(model: DiffusionModel, cluster: Cluster, options: PlanOptions): SearchResult {
  const space = createSpace(model, cluster, options);
  const cells = cellsOf(space);
  const candidates = cells.flatMap((cell, index) => {
    options.onProgress?.(index, cells.length);
    throwIfCancelled(options.signal, 'searchPlans');
    return candidatesOfCell(space, cell);
  });
  if (candidates.length === 0)
    failSearch({
      ...options,
      numDevices: cluster.numDevices,
      memoryBytes: cluster.memoryBytes,
      numLayers: space.model.backbones[0]!.layers.length,
      leastBytes: leastBytesOf(space, cells),
    });
  candidates.sort(iterationOrder);
  const finalists = candidates.slice(0, NUM_REFINED).map((candidate) => refine(space, candidate));
  finalists.sort(iterationOrder);
  const plans = finalists.slice(0, NUM_FILLED).map((candidate) => planFrom(space, candidate));
  plans.sort((a, b) => a.iterationMs - b.iterationMs);
  return { best: plans[0]!, plans, grid: bestPerCell([...finalists, ...candidates]), numCandidates: candidates.length };
}

/** All groups process the whole batch in one iteration, so the shorter iteration is the better plan. */
function iterationOrder(a: Candidate, b: Candidate): number {
  return a.estimateMs - b.estimateMs || a.numStages - b.numStages || a.numMicroBatches - b.numMicroBatches;
}

type Cell = Pick<Point, 'groupDevices' | 'numMicroBatches'>;

function cellsOf({ cluster, options }: Space): Cell[] {
  const sizes =
    options.groupDevices === undefined
      ? divisors(cluster.numDevices).filter((d) => d <= MAX_GROUP_DEVICES)
      : [options.groupDevices];
  const cells: Cell[] = [];
  for (const groupDevices of sizes) {
    const numGroups = cluster.numDevices / groupDevices;
    if (!Number.isInteger(numGroups) || options.batch % numGroups !== 0) continue;
    const groupBatch = options.batch / numGroups;
    const micros = options.numMicroBatches === undefined ? divisors(groupBatch) : [options.numMicroBatches];
    for (const numMicroBatches of micros)
      if (groupBatch % numMicroBatches === 0 && numMicroBatches <= MAX_MICRO_PER_STAGE * groupDevices)
        cells.push({ groupDevices, numMicroBatches });
  }
  return cells;
}

/** Stage counts that the options and the rule S ≤ M ≤ 8·S allow. */
function stageCounts({ model, options }: Space, { groupDevices, numMicroBatches }: Cell): number[] {
  const most = Math.min(groupDevices, model.backbones[0]!.layers.length, options.numStages ?? Infinity);
  const counts: number[] = [];
  for (let numStages = options.numStages ?? 1; numStages <= most; numStages++) {
    const isOutside =
      numStages > 1 && (numMicroBatches < numStages || numMicroBatches > MAX_MICRO_PER_STAGE * numStages);
    if (!isOutside || options.numMicroBatches !== undefined) counts.push(numStages);
  }
  return counts;
}

function recomputations({ recompute = 'auto' }: PlanOptions): readonly boolean[] {
  return recompute === 'always' ? [true] : recompute === 'never' ? [false] : [false, true];
}

function candidatesOfCell(space: Space, cell: Cell): Candidate[] {
  const { cluster, options } = space;
  let counts = stageCounts(space, cell);
  const candidates: Candidate[] = [];
  for (const recomputes of recomputations(options)) {
    if (counts.length === 0) break;
    const problem = problemOf(space, { ...cell, recomputes });
    const free = scalarPartitions(problem, Math.max(...counts));
    const found = new Set<number>();
    for (const numStages of counts) {
      const warmups: readonly Warmup[] =
        numStages === 1 ? ['classic'] : options.warmup ? [options.warmup] : ['classic', 'commAware'];
      for (const warmup of warmups) {
        const point: Point = { ...cell, numStages, warmup, recomputes };
        let chosen = free[numStages - 1];
        if (!chosen) continue;
        if (peakBytesOf(chosen, stageBytesOf(space, point)) > cluster.memoryBytes) {
          chosen = partition(problem, numStages, { method: 'paper', fits: fitsMemory(space, point) });
          if (!chosen) continue;
        }
        found.add(numStages);
        candidates.push(candidateFrom(space, problem, point, chosen));
      }
    }
    // Recomputation is for stage counts that do not fit without it.
    counts = counts.filter((numStages) => !found.has(numStages));
  }
  return candidates;
}

function fitsMemory(space: Space, point: Point): NonNullable<PartitionOptions['fits']> {
  const bytesOf = stageBytesOf(space, point);
  return (start, end, replicas, stage) => bytesOf(start, end, replicas, stage) <= space.cluster.memoryBytes;
}

/** The classic warm-up holds the fewest micro-batches. */
function leastBytesOf(space: Space, cells: readonly Cell[]): number {
  let least = Infinity;
  for (const recomputes of recomputations(space.options)) {
    for (const cell of cells) {
      const problem = problemOf(space, { ...cell, recomputes });
      for (const numStages of stageCounts(space, cell)) {
        const point: Point = { ...cell, numStages, warmup: space.options.warmup ?? 'classic', recomputes };
        least = Math.min(least, leastPeakBytes(problem, numStages, stageBytesOf(space, point)));
      }
    }
  }
  return least;
}

/** The exact partition for a candidate's settings; kept if it also simulates at least as fast. */
function refine(space: Space, candidate: Candidate): Candidate {
  if (space.options.method === 'paper') return candidate;
  const problem = problemOf(space, candidate);
  const exact = partition(problem, candidate.numStages, { fits: fitsMemory(space, candidate) });
  if (!exact) return candidate;
  const refined = candidateFrom(space, problem, candidate, exact);
  return refined.estimateMs <= candidate.estimateMs ? refined : candidate;
}

function bestPerCell(candidates: readonly Candidate[]): Candidate[] {
  const best = new Map<string, Candidate>();
  for (const candidate of candidates) {
    const key = `${candidate.numStages}x${candidate.numMicroBatches}`;
    const before = best.get(key);
    if (!before || candidate.estimateMs < before.estimateMs) best.set(key, candidate);
  }
  return [...best.values()].sort((a, b) => a.numStages - b.numStages || a.numMicroBatches - b.numMicroBatches);
}

function divisors(value: number): number[] {
  return Array.from({ length: value }, (_, index) => index + 1).filter((divisor) => value % divisor === 0);
}
