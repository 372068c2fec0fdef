/** The partition problem in numbers: prefix sums of times per replica count, cut times, synchronisation.
 *
 *  F(i,j,r) = Σ f_l(b/r), Bk likewise; cF(i;r,r') = α + X_i·b/(β·min(r,r')); sync(i,j,r) = all-reduce of ΣG over r·W. */

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
  /** [L + 1] time of the cut before layer i over one link, without latency; 0 where nothing crosses. */
  readonly cutForwardMs: Float64Array;
  readonly cutBackwardMs: Float64Array;
  readonly latencyMs: number;
  /** [L + 1] gradient bytes of the first layers. */
  readonly gradPrefixBytes: Float64Array;
  /** [replica index] all-reduce time = fixed + bytes · perByte. */
  readonly syncFixedMs: Float64Array;
  readonly syncMsPerByte: Float64Array;
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

export function cutMs(problem: PartitionProblem, cut: number, left: number, right: number): [number, number] {
  const links = Math.min(left, right);
  const forward = problem.cutForwardMs[cut]!;
  const backward = problem.cutBackwardMs[cut]!;
  return [
    forward > 0 ? problem.latencyMs + forward / links : 0,
    backward > 0 ? problem.latencyMs + backward / links : 0,
  ];
}

export function syncMs(problem: PartitionProblem, start: number, end: number, replicaIndex: number): number {
  const bytes = problem.gradPrefixBytes[end]! - problem.gradPrefixBytes[start]!;
  return bytes > 0 ? problem.syncFixedMs[replicaIndex]! + bytes * problem.syncMsPerByte[replicaIndex]! : 0;
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
  for (let stage = 0; stage < ends.length; stage++) {
    const end = ends[stage]!;
    const index = problem.replicas.indexOf(replicas[stage]!);
    const forward = problem.forwardPrefixMs[index]![end]! - problem.forwardPrefixMs[index]![start]!;
    const backward = problem.backwardPrefixMs[index]![end]! - problem.backwardPrefixMs[index]![start]!;
    if (stage > 0) {
      const [cutForward, cutBackward] = cutMs(problem, start, replicas[stage - 1]!, replicas[stage]!);
      slowestMs = Math.max(slowestMs, problem.forwardPasses * cutForward + cutBackward);
      hiddenMs += cutBackward;
    }
    slowestMs = Math.max(slowestMs, problem.forwardPasses * forward + backward);
    exposedSyncMs = Math.max(exposedSyncMs, syncMs(problem, start, end, index) - hiddenMs);
    hiddenMs += backward;
    start = end;
  }
  const boundMs = boundOf(problem.numMicroBatches, ends.length, slowestMs, exposedSyncMs);
  return { ends, replicas, slowestMs, exposedSyncMs, boundMs };
}
