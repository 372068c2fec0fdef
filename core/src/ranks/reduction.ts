/** Reducing one chunk of n members in a fixed order, so that the bits do not depend on who does it or when.
 *
 *  Orders for chunk c of n (members by position in the group):
 *  ring        ((x_{c+1} + x_{c+2}) + …) + x_c, indices mod n: the path of chunk c around a ring that ends at member c
 *  rank-order  ((x_0 + x_1) + …) + x_{n−1}
 *  tree        x_i += x_{i+s} for s = 1, 2, 4, … and i a multiple of 2s: a binary tree with root 0
 *  With wire dtype bf16 every operand and every partial result is rounded to bf16 (nearest even), as each hop would. */
import { decodeFloats, encodeFloats, type Dtype, type TensorData } from '../tensor/index.ts';
import { BLOCK_ELEMENTS, simdBlocks, type BlockOp } from './simd-blocks.ts';

export type Reduction = 'sum' | 'mean' | 'max' | 'min';
export type ReduceAlgorithm = 'ring' | 'tree' | 'rank-order';
export type WireDtype = 'float32' | 'bfloat16';

export interface ReduceRequest {
  readonly dtype: Dtype;
  readonly reduction: Reduction;
  readonly algorithm: ReduceAlgorithm;
  /** Only float32 tensors may travel as bfloat16. */
  readonly wire: WireDtype;
}

type Numbers =
  | Float32Array
  | Float64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint32Array
  | Uint16Array
  | Uint8Array;

/** @param members  each member's chunk, by position; all of one length
 *  @param chunk  which chunk it is (ring order depends on it)
 *  @param target  where the result goes; may be one of the members
 *  Cost: O(n · length).   Mutates: target. */
export function reduceChunk(
  { dtype, reduction, algorithm, wire }: ReduceRequest,
  members: readonly TensorData[],
  chunk: number,
  target: TensorData,
): void {
  if (dtype === 'int64' || dtype === 'uint64') return reduceBigInts(reduction, members, target as BigInt64Array);
  const n = members.length;
  const isSmallFloat = dtype === 'float16' || dtype === 'bfloat16';
  const isRoundedToBf16 = wire === 'bfloat16' && dtype === 'float32';
  const numScratch = algorithm === 'tree' ? n : 2;
  // Whole blocks stay in the first-level cache; plain float32 additions go through vector instructions.
  const simd = dtype === 'float32' && !isRoundedToBf16 ? simdBlocks(numScratch + 1) : undefined;
  const scratch: readonly Numbers[] = simd
    ? simd.blocks
    : Array.from({ length: numScratch }, () =>
        isSmallFloat ? new Float32Array(BLOCK_ELEMENTS) : sameClass(target as Numbers, BLOCK_ELEMENTS),
      );
  const result = scratch[0]!;
  const smallTarget = isSmallFloat ? new Uint16Array(BLOCK_ELEMENTS) : undefined;
  simd?.blocks[numScratch]!.fill(n); // the divisor of means

  for (let start = 0; start < target.length; start += BLOCK_ELEMENTS) {
    const length = Math.min(BLOCK_ELEMENTS, target.length - start);
    if (algorithm === 'tree') {
      for (let i = 0; i < n; i++) load(i, i, start, length);
      for (let stride = 1; stride < n; stride *= 2) {
        for (let i = 0; i + stride < n; i += 2 * stride) combine(i, i + stride, length);
      }
    } else {
      const first = algorithm === 'ring' ? chunk + 1 : 0;
      load(0, first % n, start, length);
      for (let i = 1; i < n; i++) {
        load(1, (first + i) % n, start, length);
        combine(0, 1, length);
      }
    }
    if (reduction === 'mean') divide(length);
    if (smallTarget && isSmallFloat) {
      encodeFloats(dtype, result.subarray(0, length) as Float32Array, smallTarget);
      (target as Uint16Array).set(smallTarget.subarray(0, length), start);
    } else (target as Numbers).set(length === BLOCK_ELEMENTS ? result : result.subarray(0, length), start);
  }

  function load(into: number, position: number, start: number, length: number): void {
    const source = (members[position] as Numbers).subarray(start, start + length);
    if (isSmallFloat) decodeFloats(dtype, source as Uint16Array, scratch[into] as Float32Array);
    else scratch[into]!.set(source);
    if (isRoundedToBf16) roundToBf16(scratch[into] as Float32Array, length);
  }

  function combine(target: number, operand: number, length: number): void {
    if (simd) return simd.apply(BLOCK_OPS[reduction], target, operand, length);
    const into = scratch[target]!;
    const other = scratch[operand]!;
    if (reduction === 'max') {
      for (let i = 0; i < length; i++) into[i] = Math.max(into[i]!, other[i]!);
    } else if (reduction === 'min') {
      for (let i = 0; i < length; i++) into[i] = Math.min(into[i]!, other[i]!);
    } else for (let i = 0; i < length; i++) into[i]! += other[i]!;
    round(into, length);
  }

  function divide(length: number): void {
    if (simd) return simd.apply('div', 0, numScratch, length);
    for (let i = 0; i < length; i++) result[i] = result[i]! / n;
    round(result, length);
  }

  /** Partial results are what travels: round them to the dtype of the wire. */
  function round(values: Numbers, length: number): void {
    if (isRoundedToBf16 || dtype === 'bfloat16') roundToBf16(values as Float32Array, length);
    else if (dtype === 'float16') roundToFloat16(values as Float32Array, length);
  }
}

const BLOCK_OPS: Readonly<Record<Reduction, BlockOp>> = { sum: 'add', mean: 'add', max: 'max', min: 'min' };

function reduceBigInts(reduction: Reduction, members: readonly TensorData[], target: BigInt64Array): void {
  const n = BigInt(members.length);
  for (let i = 0; i < target.length; i++) {
    let value = (members[0] as BigInt64Array)[i]!;
    for (let position = 1; position < members.length; position++) {
      const other = (members[position] as BigInt64Array)[i]!;
      if (reduction === 'max') value = other > value ? other : value;
      else if (reduction === 'min') value = other < value ? other : value;
      else value += other;
    }
    target[i] = reduction === 'mean' ? value / n : value;
  }
}

/** Round to nearest even in place. */
function roundToBf16(values: Float32Array, length: number): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, length);
  for (let i = 0; i < length; i++) {
    const bits = words[i]!;
    const isNan = (bits & 0x7fffffff) > 0x7f800000;
    words[i] = isNan ? (bits | 0x00400000) & 0xffff0000 : (bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000;
  }
}

function roundToFloat16(values: Float32Array, length: number): void {
  const view = values.subarray(0, length);
  decodeFloats('float16', encodeFloats('float16', view), view);
}

function sameClass(like: Numbers, length: number): Numbers {
  const ArrayType = like.constructor as new (length: number) => Numbers;
  return new ArrayType(length);
}
