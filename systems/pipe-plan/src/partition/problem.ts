/** The partition problem in numbers: prefix sums of times per replica count, cut times, synchronisation.
 *
 *  F(i,j,r) = Σ f_l(b/r), Bk likewise; cF(i;u,r,r') = α + X_i·b/β(u,r,r'), where β is that of min(r,r') links inside a
 *  node and of the network cards between nodes; sync(i,j,u,r) = all-reduce of ΣG over r·W. u counts the devices before. */

export interface PartitionProblem {
  readonly numLayers: number;
  /** D: devices of one pipeline group. */
  readonly numDevices: number;
  /** M. */
  readonly numMicroBatches: number;
  /** Allowed numbers of replicas of a stage, ascending. */
  readonly replicas: readonly number[];
  /** [replica index][layer count]: time of the first layers at the local micro-batch. */
  readonly forwardPrefixMs: readonly Float64Array[];
  readonly backwardPrefixMs: readonly Float64Array[];
  /** [L + 1] bytes of a micro-batch over the cut before layer i; 0 where nothing crosses. */
  readonly cutForwardBytes: Float64Array;
  readonly cutBackwardBytes: Float64Array;
  /** [D + 1, R, R] at `linkIndex`: what a byte takes, and the latency, by where the cut lies among the devices. */
  readonly cutMsPerByte: Float64Array;
  readonly cutLatencyMs: Float64Array;
  /** [L + 1] gradient bytes of the first layers. */
  readonly gradPrefixBytes: Float64Array;
  /** [D + 1, R] at position · R + replica index: all-reduce time = fixed + bytes · perByte. */
  readonly syncFixedMs: Float64Array;
  readonly syncMsPerByte: Float64Array;
  /** Same index: nodes whose network cards the all-reduce occupies. Absent: none. */
  readonly syncCards?: readonly (readonly number[])[];
  /** Forward passes per micro-batch: 1, or 2 with self-conditioning. */
  readonly forwardPasses: 1 | 2;
}

/** A partition with the terms of equation (1). */
export interface Partition {
  /** Ends of the stages in layers, the last is L. */
  readonly ends: readonly number[];
  readonly replicas: readonly number[];
  /** W*: the longest round of a stage or channel. */
  readonly slowestMs: number;
  /** Y*: synchronisation that earlier stages do not hide. */
  readonly exposedSyncMs: number;
  /** (M + 2S − 2)·W* + Y*. */
  readonly boundMs: number;
}

/** Equation (1). */
export function boundOf(numMicroBatches: number, numStages: number, slowestMs: number, exposedSyncMs: number): number {
  return (numMicroBatches + 2 * numStages - 2) * slowestMs + exposedSyncMs;
}

/** Where the tables keep the link between replicas `left` and `right` (indices) that meet at device `position`. */
export function linkIndex(
  { replicas }: Pick<PartitionProblem, 'replicas'>,
  position: number,
  left: number,
  right: number,
): number {
  return (position * replicas.length + left) * replicas.length + right;
}

/** @param link  as `linkIndex` gives it
 *  @returns forward and backward time of the cut */
export function cutMs(problem: PartitionProblem, cut: number, link: number): [number, number] {
  const forward = problem.cutForwardBytes[cut]!;
  const backward = problem.cutBackwardBytes[cut]!;
  const latency = problem.cutLatencyMs[link]!;
  const perByte = problem.cutMsPerByte[link]!;
  return [forward > 0 ? latency + forward * perByte : 0, backward > 0 ? latency + backward * perByte : 0];
}

/** @param place  position of the stage's first device · R + replica index */
export function syncMs(problem: PartitionProblem, start: number, end: number, place: number): number {
  const bytes = problem.gradPrefixBytes[end]! - problem.gradPrefixBytes[start]!;
  return bytes > 0 ? problem.syncFixedMs[place]! + bytes * problem.syncMsPerByte[place]! : 0;
}

/** The terms of (1) for given stages. Written apart from the dynamic program, so that each can check the other. */
export function evaluatePartition(
  problem: PartitionProblem,
  ends: readonly number[],
  replicas: readonly number[],
): Partition {
  let slowestMs = 0;
  let exposedSyncMs = 0;
  let hiddenMs = 0;
  let start = 0;
  let position = 0;
  let before = -1;
  for (let stage = 0; stage < ends.length; stage++) {
    const end = ends[stage]!;
    const index = problem.replicas.indexOf(replicas[stage]!);
    const forward = problem.forwardPrefixMs[index]![end]! - problem.forwardPrefixMs[index]![start]!;
    const backward = problem.backwardPrefixMs[index]![end]! - problem.backwardPrefixMs[index]![start]!;
    if (stage > 0) {
      const [cutForward, cutBackward] = cutMs(problem, start, linkIndex(problem, position, before, index));
      slowestMs = Math.max(slowestMs, problem.forwardPasses * cutForward + cutBackward);
      hiddenMs += cutBackward;
    }
    slowestMs = Math.max(slowestMs, problem.forwardPasses * forward + backward);
    exposedSyncMs = Math.max(
      exposedSyncMs,
      syncMs(problem, start, end, position * problem.replicas.length + index) - hiddenMs,
    );
    hiddenMs += backward;
    start = end;
    position += replicas[stage]!;
    before = index;
  }
  const boundMs = boundOf(problem.numMicroBatches, ends.length, slowestMs, exposedSyncMs);
  return { ends, replicas, slowestMs, exposedSyncMs, boundMs };
}
