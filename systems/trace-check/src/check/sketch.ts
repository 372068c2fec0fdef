/** Linear sketches: S[h(i)] += s(i)·x_i with bucket and sign from (module and slot, logical index). Sketches of shards add up to the
 *  sketch of the whole, so traces of constant size can be compared across shardings; ‖S(a) − S(b)‖ estimates ‖a − b‖. */
import { counterHash, streamFromId } from '@tenfold/core/base';
import { parseId } from '../trace/canonical-id.ts';
import { runsOfBox } from '../trace/box-runs.ts';
import type { LogicalTensor, Shard } from '../trace/trace-run.ts';
import type { ReplicaFinding } from '../types.ts';

/** Thresholds are widened by this: the estimate at 1024 buckets is off by a few percent. */
export const SKETCH_GUARD = 1.1;

/** Sketch of a local tensor. @param data  local elements, f32. @param buckets  a power of two */
export function sketchLocal(
  id: string,
  shard: Pick<Shard['entry'], 'boxes' | 'global' | 'local' | 'flat'>,
  data: Float32Array,
  buckets: number,
): Float64Array {
  const sketch = new Float64Array(buckets);
  const { module, slot } = parseId(id);
  const stream = streamFromId(slot === undefined ? module : `${module}#${slot}`, 0);
  const mask = buckets - 1;
  const global = shard.flat ? [shard.global.reduce((total, size) => total * size, 1)] : shard.global;
  for (const box of shard.boxes) {
    const { starts, locals, length } = runsOfBox(box, global, shard.local, id);
    for (let r = 0; r < starts.length; r++)
      for (let i = 0; i < length; i++) {
        const hash = counterHash(stream, starts[r] + i);
        const value = data[locals[r] + i];
        sketch[hash & mask] += hash >= 0x80000000 ? -value : value;
      }
  }
  return sketch;
}

export interface MergedSketch {
  readonly sketch: Float64Array;
  readonly replica: ReplicaFinding | undefined;
  readonly numUncovered: number;
}

/** Adds the sketches of disjoint shards; copies (equal boxes) are compared and counted once.
 *  Entries at level full are sketched here; stored sketches of more buckets are folded. */
export function mergeSketches(tensor: LogicalTensor, buckets: number): MergedSketch {
  const total = new Float64Array(buckets);
  const firstOf = new Map<string, { rank: number; sketch: Float64Array; coords: Shard['coords'] }>();
  let replica: ReplicaFinding | undefined;
  let numCovered = 0;
  const partialKeys = new Set<string>();
  for (const shard of tensor.shards) {
    const partial = (shard.entry.partial ?? []).map((axis) => shard.coords[axis]).join(',');
    partialKeys.add(partial);
    const key = `${partial}|${JSON.stringify(shard.entry.boxes)}`;
    const sketch = sketchOfShard(tensor.id, shard, buckets);
    const first = firstOf.get(key);
    if (!first) {
      firstOf.set(key, { rank: shard.rank, sketch, coords: shard.coords });
      for (let i = 0; i < buckets; i++) total[i] += sketch[i];
      numCovered += shard.entry.boxes.reduce((sum, { n }) => sum + n.reduce((a, b) => a * b, 1), 0);
      continue;
    }
    let dd = 0;
    let bb = 0;
    for (let i = 0; i < buckets; i++) {
      dd += (sketch[i] - first.sketch[i]) ** 2;
      bb += first.sketch[i] ** 2;
    }
    if (dd === 0) continue;
    const axes = Object.keys(shard.coords).filter((axis) => shard.coords[axis] !== first.coords[axis]);
    if (!replica || axes.length < replica.axes.length)
      replica = {
        axes,
        rel: bb === 0 ? Infinity : Math.sqrt(dd / bb),
        numDiffering: 1,
        ranks: [first.rank, shard.rank],
      };
  }
  const numUncovered = Math.max(0, tensor.numel * Math.max(1, partialKeys.size) - numCovered);
  if (tensor.shards.some(({ entry }) => entry.partialMean))
    for (let i = 0; i < buckets; i++) total[i] /= partialKeys.size;
  return { sketch: total, replica, numUncovered };
}

function sketchOfShard(id: string, shard: Shard, buckets: number): Float64Array {
  const { entry } = shard;
  const isSketch = entry.norm2 !== undefined;
  const count = isSketch ? (shard.numStored ?? buckets) : entry.local.reduce((total, size) => total * size, 1);
  const data = new Float32Array(count);
  shard.read(0, count, data, 0);
  return isSketch ? foldSketch(data, buckets) : sketchLocal(id, entry, data, buckets);
}

/** The sketch that fewer buckets would have given: the bucket is the low bits of the hash, the sign its highest.
 *  @param buckets  a power of two, at most the length of the sketch */
function foldSketch(sketch: Float32Array, buckets: number): Float64Array {
  const folded = new Float64Array(buckets);
  for (let i = 0; i < sketch.length; i++) folded[i & (buckets - 1)] += sketch[i];
  return folded;
}
