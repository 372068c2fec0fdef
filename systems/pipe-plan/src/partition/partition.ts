/** Stages and replicas of one backbone by dynamic programming over (layers, stages, devices, replicas of the last stage).
 *
 *  Transition: W' = max(W, p·cF + cB, p·F + Bk), Y' = max(Y, sync − C − cB), C' = C + cB + Bk; minimise (M+2S−2)·W + Y.
 *  `pareto` keeps every non-dominated triple and is exact; `paper` keeps one scalar per state and is not. */
import { FrontPool } from './front-pool.ts';
import { boundOf, linkIndex, type Partition, type PartitionProblem } from './problem.ts';

export interface PartitionOptions {
  /** Default `pareto`. */
  readonly method?: 'pareto' | 'paper';
  /** Refuses a stage (memory): layers [start, end), replicas, stage index counted from the front. */
  readonly fits?: (start: number, end: number, replicas: number, stage: number) => boolean;
}

/** The best partition into exactly `numStages` stages that use all devices, or undefined if there is none.
 *  The scalar program runs first; what cannot beat its answer is not kept, so exactness costs little more.
 *  Cost: O(S·L²·D·R²·|front|) time; fronts rarely exceed a handful. */
export function partition(
  problem: PartitionProblem,
  numStages: number,
  options: PartitionOptions = {},
): Partition | undefined {
  const scalar = sweep(problem, numStages, { ...options, method: 'paper' }).at(-1);
  if (options.method === 'paper') return scalar;
  // The scalar program may drop every partition that fits memory only where none is left.
  return sweep(problem, numStages, options, limitsFrom(problem, numStages, scalar)).at(-1);
}

/** A good partition for every number of stages from 1 to `maxStages` in one sweep of the scalar program: the first pass
 *  of a search, whose best candidates `partition` then makes exact. */
export function scalarPartitions(problem: PartitionProblem, maxStages: number): (Partition | undefined)[] {
  return sweep(problem, maxStages, { method: 'paper' });
}

/** What a triple may reach at most if it is still to match a known partition. */
interface Limits {
  readonly slowestMs: number;
  readonly exposedMs: number;
}

const ROUNDING = 1 + 1e-12;

function limitsFrom(problem: PartitionProblem, numStages: number, known: Partition | undefined): Limits {
  const bound = (known?.boundMs ?? Infinity) * ROUNDING;
  return { slowestMs: bound / (problem.numMicroBatches + 2 * numStages - 2), exposedMs: bound };
}

/** [layer] the least time per device that the layers from there on need, were they spread perfectly over one device. */
function remainingWork(problem: PartitionProblem): Float64Array {
  const { numLayers, replicas, forwardPasses, forwardPrefixMs, backwardPrefixMs } = problem;
  const sums = new Float64Array(numLayers + 1);
  for (let layer = numLayers - 1; layer >= 0; layer--) {
    let least = Infinity;
    replicas.forEach((count, index) => {
      const forward = forwardPrefixMs[index]![layer + 1]! - forwardPrefixMs[index]![layer]!;
      const backward = backwardPrefixMs[index]![layer + 1]! - backwardPrefixMs[index]![layer]!;
      least = Math.min(least, count * (forwardPasses * forward + backward));
    });
    sums[layer] = sums[layer + 1]! + least;
  }
  return sums;
}

function sweep(
  problem: PartitionProblem,
  maxStages: number,
  options: PartitionOptions,
  limits?: Limits,
): (Partition | undefined)[] {
  const { numLayers, numDevices, numMicroBatches, replicas, forwardPasses } = problem;
  const { method = 'pareto', fits } = options;
  const numReplicas = replicas.length;
  const numStates = (numLayers + 1) * (numDevices + 1) * numReplicas;
  const weight = numMicroBatches + 2 * maxStages - 2;
  const pool = new FrontPool();
  const remaining = remainingWork(problem);
  // No partition has a faster slowest stage than this, so smaller values need not be told apart.
  const floor = method === 'pareto' ? (remaining[0]! / numDevices) * (2 - ROUNDING) : 0;
  let heads = new Int32Array(numStates).fill(-1);
  const best: (Partition | undefined)[] = [];
  const stateOf = (layer: number, used: number, replica: number): number =>
    (layer * (numDevices + 1) + used) * numReplicas + replica;

  /** Extends one triple (or the empty start) by a stage [start, end) of every length and replica count. */
  const extend = (into: Int32Array, stage: number, start: number, used: number, last: number, entry: number): void => {
    const slowest = entry < 0 ? floor : pool.slowest[entry]!;
    const exposed = entry < 0 ? 0 : pool.exposed[entry]!;
    const hidden = entry < 0 ? 0 : pool.hidden[entry]!;
    for (let index = 0; index < numReplicas; index++) {
      const count = replicas[index]!;
      const left = numDevices - used - count;
      if (left < 0) break;
      let cutBackward = 0;
      let ground = slowest;
      if (entry >= 0) {
        const link = linkIndex(problem, used, last, index);
        const latency = problem.cutLatencyMs[link]!;
        const perWireByte = problem.cutMsPerByte[link]!;
        const forwardWire = problem.cutForwardBytes[start]!;
        const backwardWire = problem.cutBackwardBytes[start]!;
        cutBackward = backwardWire > 0 ? latency + backwardWire * perWireByte : 0;
        const cutForward = forwardWire > 0 ? latency + forwardWire * perWireByte : 0;
        ground = Math.max(ground, forwardPasses * cutForward + cutBackward);
      }
      const forwardPrefix = problem.forwardPrefixMs[index]!;
      const backwardPrefix = problem.backwardPrefixMs[index]!;
      const compensation = hidden + cutBackward;
      const fixed = problem.syncFixedMs[used * numReplicas + index]!;
      const perByte = problem.syncMsPerByte[used * numReplicas + index]!;
      // All devices are used exactly when all layers are.
      const firstEnd = left === 0 ? numLayers : start + 1;
      const lastEnd = left === 0 ? numLayers : numLayers - 1;
      if (limits && left > 0 && stage + 1 === maxStages) continue;
      for (let end = firstEnd; end <= lastEnd; end++) {
        if (fits && !fits(start, end, count, stage)) continue;
        const backward = backwardPrefix[end]! - backwardPrefix[start]!;
        const stageMs = forwardPasses * (forwardPrefix[end]! - forwardPrefix[start]!) + backward;
        const bytes = problem.gradPrefixBytes[end]! - problem.gradPrefixBytes[start]!;
        const sync = bytes > 0 ? fixed + bytes * perByte : 0;
        const newSlowest = Math.max(ground, stageMs);
        const newExposed = Math.max(exposed, sync - compensation);
        if (limits) {
          if (newSlowest > limits.slowestMs || weight * newSlowest + newExposed > limits.exposedMs) continue;
          if (remaining[end]! > left * limits.slowestMs * ROUNDING) continue;
        }
        const newHidden = compensation + backward;
        const state = stateOf(end, used + count, index);
        const added =
          method === 'pareto'
            ? pool.insert(into, state, newSlowest, newExposed, newHidden)
            : pool.insertScalar(into, state, [newSlowest, newExposed, newHidden], weight);
        if (added < 0) continue;
        pool.parent[added] = entry;
        pool.layer[added] = end;
        pool.replica[added] = index;
      }
    }
  };

  for (let stage = 0; stage < maxStages; stage++) {
    const into = new Int32Array(numStates).fill(-1);
    if (stage === 0) extend(into, 0, 0, 0, -1, -1);
    else
      for (let layer = stage; layer < numLayers; layer++)
        for (let used = stage; used < numDevices; used++)
          for (let index = 0; index < numReplicas; index++)
            for (let entry = heads[stateOf(layer, used, index)]!; entry >= 0; entry = pool.next[entry]!)
              extend(into, stage, layer, used, index, entry);
    heads = into;
    best.push(bestOf(problem, pool, heads, stage + 1, stateOf));
  }
  return best;
}

function bestOf(
  problem: PartitionProblem,
  pool: FrontPool,
  heads: Int32Array,
  numStages: number,
  stateOf: (layer: number, used: number, replica: number) => number,
): Partition | undefined {
  let found = -1;
  let boundMs = Infinity;
  for (let index = 0; index < problem.replicas.length; index++) {
    const state = stateOf(problem.numLayers, problem.numDevices, index);
    for (let entry = heads[state]!; entry >= 0; entry = pool.next[entry]!) {
      const bound = boundOf(problem.numMicroBatches, numStages, pool.slowest[entry]!, pool.exposed[entry]!);
      if (bound < boundMs) [found, boundMs] = [entry, bound];
    }
  }
  if (found < 0) return undefined;
  const ends: number[] = [];
  const counts: number[] = [];
  for (let entry = found; entry >= 0; entry = pool.parent[entry]!) {
    ends.unshift(pool.layer[entry]!);
    counts.unshift(problem.replicas[pool.replica[entry]!]!);
  }
  return { ends, replicas: counts, slowestMs: pool.slowest[found]!, exposedSyncMs: pool.exposed[found]!, boundMs };
}
