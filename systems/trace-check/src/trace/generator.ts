/** The consistent generator: any box of a logical tensor of any size, made alone, bit-identical here and in the collector.
 *  Value of logical index i of id s: core's counter-based normal; token ids come with a coverage rule. */
import { counterHash, fnv1a32, normalAt, streamFromId } from '@tenfold/core/base';
import { encodeFloats, decodeFloats } from '@tenfold/core/tensor';
import type { Box } from '../types.ts';
import { runsOfBox } from './box-runs.ts';

export interface GeneratedValues {
  readonly sigma: number;
  /** Added after scaling; 1 for norm weights. Default 0. */
  readonly mean?: number;
}

/** Local tensor of the boxes, f32: mean + σ·normal in f64, rounded once to f32.
 *  Cost: O(local elements). */
export function generateLocal(
  id: string,
  planSeed: number,
  global: readonly number[],
  local: readonly number[],
  boxes: readonly Box[],
  { sigma, mean = 0 }: GeneratedValues,
): Float32Array {
  const stream = streamFromId(id, planSeed);
  const values = new Float32Array(local.reduce((total, size) => total * size, 1));
  for (const box of boxes) {
    const { starts, locals, length } = runsOfBox(box, global, local, id);
    for (let r = 0; r < starts.length; r++) {
      const from = starts[r];
      const at = locals[r];
      for (let i = 0; i < length; i++) values[at + i] = mean + normalAt(stream, from + i, sigma);
    }
  }
  return values;
}

/** The whole logical tensor. */
export function generateWhole(
  id: string,
  planSeed: number,
  global: readonly number[],
  values: GeneratedValues,
): Float32Array {
  const zeros = global.map(() => 0);
  return generateLocal(id, planSeed, global, global, [{ g: zeros, n: global, l: zeros }], values);
}

/** Rounds in place to nearest even. */
export function roundToBfloat16(values: Float32Array): Float32Array {
  return decodeFloats('bfloat16', encodeFloats('bfloat16', values), values);
}

/** Token ids of one micro-batch, [S·B] with the sequence outermost. The first places hold, for every tensor-parallel size
 *  up to `maxTp` that divides V, the first and last id of each shard (V/TP·r and V/TP·r − 1): wrong masks hide elsewhere.
 *  @returns ids in 0..V−1 */
export function generateTokens(id: string, planSeed: number, count: number, numVocab: number, maxTp = 64): Int32Array {
  const stream = streamFromId(id, planSeed);
  const tokens = Int32Array.from({ length: count }, (_, i) => counterHash(stream, i) % numVocab);
  const wanted = wantedTokens(boundaryTokens(numVocab, maxTp), count, counterHash(stream, count));
  // Spread over the sequence so that every context-parallel chunk holds some.
  const stride = Math.max(1, Math.floor(count / Math.max(1, wanted.length)));
  wanted.forEach((token, i) => (tokens[(i * stride) % count] = token));
  return tokens;
}

/** Ids that are always there: those of the widest shards. */
const NUM_ALWAYS = 4;

/** All of them where they fit; else half as many as there are tokens, others in each batch, so that batches stay distinct. */
function wantedTokens(boundaries: readonly number[], count: number, hash: number): readonly number[] {
  if (boundaries.length <= count) return boundaries;
  const always = boundaries.slice(0, Math.min(NUM_ALWAYS, count >> 1));
  const others = boundaries.slice(NUM_ALWAYS);
  const numOthers = (count >> 1) - always.length;
  return [...always, ...Array.from({ length: numOthers }, (_, i) => others[(hash + i) % others.length])];
}

/** First and last id of every vocabulary shard, widest shards first. */
export function boundaryTokens(numVocab: number, maxTp = 64): number[] {
  const found = new Set<number>([0, numVocab - 1]);
  for (let tp = 2; tp <= Math.min(maxTp, numVocab / 2); tp *= 2) {
    if (numVocab % tp !== 0) continue;
    for (let r = 1; r < tp; r++) {
      found.add((numVocab / tp) * r - 1);
      found.add((numVocab / tp) * r);
    }
  }
  return [...found];
}

/** Share of the boundary ids that a batch holds. */
export function tokenCoverage(tokens: Iterable<number>, numVocab: number, maxTp: number): number {
  const present = new Set(tokens);
  const wanted = boundaryTokens(numVocab, maxTp);
  return wanted.filter((token) => present.has(token)).length / wanted.length;
}

/** Hash of numbers in order, as text (tokens, parameters). */
export function hashOfNumbers(values: Iterable<number>): string {
  return fnv1a32([...values].join(','))
    .toString(16)
    .padStart(8, '0');
}
