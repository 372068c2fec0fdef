/** Merging shards of a logical tensor, a stretch at a time: coverage, copies, pending sums. */
import { runsOfBox, type Runs } from '../trace/box-runs.ts';
import type { LogicalTensor, Shard } from '../trace/trace-run.ts';
import type { ReplicaFinding } from '../types.ts';

/** Elements merged at once: stretches of both runs stay in the cache, and the loops over them are compiled early. */
export const CHUNK_ELEMENTS = 1 << 14;
/** Shorter stretches are placed element by element. */
const LEAST_BLOCK = 32;

// Shared by all mergers of a thread: a stretch is filled without interruption.
const covered = new Uint8Array(CHUNK_ELEMENTS);
const owner = new Uint16Array(CHUNK_ELEMENTS);
const scratch = new Float32Array(CHUNK_ELEMENTS);
const sharedSums = new Float64Array(CHUNK_ELEMENTS);

interface PlacedShard {
  readonly shard: Shard;
  /** Runs of every box; starts rise within a box. */
  readonly runs: readonly Runs[];
}

export interface Merger {
  readonly tensor: LogicalTensor;
  /** Fills target[0 … count) with logical elements [start, start + count); uncovered ones become 0.
   *  Stretches must be asked for in order, each once. */
  fill(start: number, count: number, target: Float32Array): void;
  readonly numUncovered: () => number;
  readonly replica: () => ReplicaFinding | undefined;
}

interface ReplicaSums {
  dd: number;
  bb: number;
  numDiffering: number;
  ranks: [number, number];
  axes: Set<string>;
}

/** @throws TF-TRACE-007 if a box leaves its tensor. Cost: O(runs) memory, then O(elements held). */
export function createMerger(tensor: LogicalTensor): Merger {
  const groups = groupsOf(tensor);
  const isMean = tensor.shards.some(({ entry }) => entry.partialMean);
  const sums = groups.length > 1 ? sharedSums : undefined;
  const replica: ReplicaSums = { dd: 0, bb: 0, numDiffering: 0, ranks: [0, 0], axes: new Set() };
  const coordsOf = new Map(tensor.shards.map(({ rank, coords }) => [rank, coords]));
  let numUncovered = 0;

  function fillGroup(group: readonly PlacedShard[], start: number, count: number, target: Float32Array): void {
    if (isPlainStretch(group, start, count)) {
      const [{ shard, runs }] = group;
      shard.read(runs[0].locals[0] + start - runs[0].starts[0], count, target, 0);
      return;
    }
    covered.fill(0, 0, count);
    for (const { shard, runs } of group) for (const box of runs) fillBox(shard, box, start, count, target);
    if (covered.subarray(0, count).includes(0))
      for (let i = 0; i < count; i++) {
        if (covered[i] !== 0) continue;
        numUncovered++;
        target[i] = 0;
      }
  }

  function fillBox(shard: Shard, { starts, locals, length }: Runs, start: number, count: number, target: Float32Array) {
    const end = start + count;
    let first = lowerBound(starts, start - length + 1);
    while (first < starts.length && starts[first] < end) {
      // As many runs as fit into the scratch array are read at once; what lies between them is read along.
      const low = Math.max(starts[first], start);
      const localLow = locals[first] + low - starts[first];
      let last = first;
      let localHigh = locals[first] + Math.min(length, end - starts[first]);
      while (last + 1 < starts.length && starts[last + 1] < end) {
        const high = locals[last + 1] + Math.min(length, end - starts[last + 1]);
        if (high - localLow > CHUNK_ELEMENTS) break;
        localHigh = high;
        last++;
      }
      shard.read(localLow, localHigh - localLow, scratch, 0);
      for (let r = first; r <= last; r++) {
        const from = Math.max(starts[r], start);
        const to = Math.min(starts[r] + length, end);
        place(shard.rank, locals[r] + from - starts[r] - localLow, from - start, to - from, target);
      }
      first = last + 1;
    }
  }

  function place(rank: number, source: number, at: number, count: number, target: Float32Array): void {
    // Blocks that nobody else holds, the usual case, are copied whole.
    if (count >= LEAST_BLOCK && !covered.subarray(at, at + count).includes(1)) {
      target.set(scratch.subarray(source, source + count), at);
      covered.fill(1, at, at + count);
      owner.fill(rank, at, at + count);
      return;
    }
    for (let i = 0; i < count; i++) {
      const value = scratch[source + i];
      const j = at + i;
      if (covered[j] === 0) {
        covered[j] = 1;
        owner[j] = rank;
        target[j] = value;
        continue;
      }
      const known = target[j];
      replica.bb += known * known;
      if (value === known || (value !== value && known !== known)) continue;
      const d = value - known;
      replica.dd += d * d;
      if (replica.numDiffering++ === 0) replica.ranks = [owner[j], rank];
      noteAxes(owner[j], rank);
    }
  }

  const notedPairs = new Set<number>();
  function noteAxes(a: number, b: number): void {
    if (notedPairs.has(a * 65536 + b)) return;
    notedPairs.add(a * 65536 + b);
    const [x, y] = [coordsOf.get(a)!, coordsOf.get(b)!];
    const differing = Object.keys(x).filter((axis) => x[axis] !== y[axis]);
    if (differing.length === 1) replica.axes.add(differing[0]);
    else if (replica.axes.size === 0 && differing.length > 1) replica.axes.add(differing.join('+'));
  }

  return {
    tensor,
    fill(start, count, target) {
      if (!sums) return fillGroup(groups[0], start, count, target);
      sums.fill(0, 0, count);
      for (const group of groups) {
        fillGroup(group, start, count, target);
        for (let i = 0; i < count; i++) sums[i] += target[i];
      }
      const divisor = isMean ? groups.length : 1;
      for (let i = 0; i < count; i++) target[i] = sums[i] / divisor;
    },
    numUncovered: () => numUncovered,
    replica() {
      if (replica.numDiffering === 0) return undefined;
      return {
        axes: [...replica.axes],
        rel: replica.bb === 0 ? Infinity : Math.sqrt(replica.dd / replica.bb),
        numDiffering: replica.numDiffering,
        ranks: replica.ranks,
      };
    },
  };
}

/** Shards that add up (partial sums) are separate groups; within a group equal coordinates of the partial axes. */
function groupsOf({ shards, id }: LogicalTensor): PlacedShard[][] {
  const groups = new Map<string, PlacedShard[]>();
  for (const shard of shards) {
    const { entry, coords } = shard;
    const key = (entry.partial ?? []).map((axis) => coords[axis]).join(',');
    const global = entry.flat ? [entry.global.reduce((total, size) => total * size, 1)] : entry.global;
    const runs = entry.boxes
      .map((box) => runsOfBox(box, global, entry.local, id))
      .filter(({ starts }) => starts.length > 0);
    const group = groups.get(key);
    if (group) group.push({ shard, runs });
    else groups.set(key, [{ shard, runs }]);
  }
  return [...groups.values()];
}

/** True if one shard alone holds the stretch in one run: it is read straight into the target. */
function isPlainStretch(group: readonly PlacedShard[], start: number, count: number): boolean {
  if (group.length !== 1 || group[0].runs.length !== 1) return false;
  const { starts, length } = group[0].runs[0];
  return starts.length === 1 && starts[0] <= start && start + count <= starts[0] + length;
}

/** First index whose value is at least `wanted`. */
function lowerBound(sorted: Float64Array, wanted: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The whole logical tensor in memory. */
export function mergeWhole(tensor: LogicalTensor): { data: Float32Array; merger: Merger } {
  const merger = createMerger(tensor);
  const data = new Float32Array(tensor.numel);
  for (let start = 0; start < tensor.numel; start += CHUNK_ELEMENTS) {
    const count = Math.min(CHUNK_ELEMENTS, tensor.numel - start);
    merger.fill(start, count, data.subarray(start, start + count));
  }
  return { data, merger };
}
