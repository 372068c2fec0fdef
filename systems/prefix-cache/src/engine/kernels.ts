/** The engine's inner loops in WebAssembly SIMD. All are row-invariant: what is computed for a token depends on its content
 *  and absolute position alone, in one fixed order of operations, however a prompt is cut. No fused multiply-add.
 *  - tile4 / tile1: products of 4 rows or 1 row with 8 columns; both add over k in rising order, one accumulator an element.
 *  - scan: one token of one Mamba-2 head, h ← a·h + (dt·x)⊗B, y = h·C + D·x; four partial sums over the state width.
 *  - dots: products of a query with keys; four partial sums over the head width.
 *  - blend: weighted sum of values, over positions in rising order. */
import { assembleModule, op, type WasmFunction } from './wasm-assembler.ts';

export interface Kernels {
  readonly memory: WebAssembly.Memory;
  readonly floats: Float32Array;
  /** y[r, 0..8) = Σ_k x[r, k] · w[k, 0..8); pointers and strides in bytes, k in elements · 4. */
  tile4(x: number, w: number, y: number, kBytes: number, xStride: number, yStride: number): void;
  tile1(x: number, w: number, y: number, kBytes: number): void;
  scan(
    h: number,
    x: number,
    b: number,
    c: number,
    y: number,
    a: number,
    dt: number,
    d: number,
    pBytes: number,
    nBytes: number,
  ): void;
  /** out[j] = q · key[j] for j in [0, outBytes / 4). */
  dots(q: number, keys: number, out: number, outBytes: number, stride: number, widthBytes: number): void;
  /** out[0..16) = Σ_j weight[j] · value[j][0..16). */
  blend(weights: number, values: number, out: number, weightBytes: number, stride: number): void;
}

const VECTOR_BYTES = 16;
const FLOAT_BYTES = 4;
const PAGE_BYTES = 65_536;
const TILE_COLUMN_BYTES = 32;

/** Sum of the four lanes of a local, in lane order. */
const laneSum = (local: number): number[] => [
  ...op.get(local),
  ...op.lane(0),
  ...op.get(local),
  ...op.lane(1),
  ...op.f32Add,
  ...op.get(local),
  ...op.lane(2),
  ...op.f32Add,
  ...op.get(local),
  ...op.lane(3),
  ...op.f32Add,
];

const multiplyAdd = (accumulator: number, a: number, b: number): number[] => [
  ...op.get(accumulator),
  ...op.get(a),
  ...op.get(b),
  ...op.vMul,
  ...op.vAdd,
  ...op.set(accumulator),
];

function tile(name: string, numRows: number): WasmFunction {
  const [x, w, y, kBytes, xStride, yStride] = [0, 1, 2, 3, 4, 5];
  const numParams = numRows === 1 ? 4 : 6;
  // Locals: row pointers, limit, row value, two weights, 2 accumulators a row.
  const row = (r: number): number => numParams + r;
  const limit = numParams + numRows;
  const value = limit + 1;
  const weight = (j: number): number => value + 1 + j;
  const sum = (r: number, j: number): number => value + 3 + r * 2 + j;
  const rows = Array.from({ length: numRows }, (_, r) => r);
  return {
    name,
    params: Array.from({ length: numParams }, () => 'i32' as const),
    locals: [
      ...rows.map(() => 'i32' as const),
      'i32' as const,
      'v128' as const,
      'v128' as const,
      'v128' as const,
      ...rows.flatMap(() => ['v128', 'v128'] as const),
    ],
    body: [
      ...rows.flatMap((r) => [
        r === 0 ? op.get(x) : [...op.get(row(r - 1)), ...op.get(xStride), ...op.add],
        op.set(row(r)),
        op.zero,
        op.set(sum(r, 0)),
        op.zero,
        op.set(sum(r, 1)),
      ]),
      op.get(x),
      op.get(kBytes),
      op.add,
      op.set(limit),
      op.loop(
        row(0),
        limit,
        op.get(w),
        op.load(),
        op.set(weight(0)),
        op.get(w),
        op.load(VECTOR_BYTES),
        op.set(weight(1)),
        op.advance(w, TILE_COLUMN_BYTES),
        ...rows.flatMap((r) => [
          op.get(row(r)),
          op.loadSplat(),
          op.set(value),
          multiplyAdd(sum(r, 0), value, weight(0)),
          multiplyAdd(sum(r, 1), value, weight(1)),
          op.advance(row(r), FLOAT_BYTES),
        ]),
      ),
      ...rows.flatMap((r) => [
        op.get(y),
        op.get(sum(r, 0)),
        op.store(),
        op.get(y),
        op.get(sum(r, 1)),
        op.store(VECTOR_BYTES),
        r + 1 < numRows ? op.advanceBy(y, yStride) : [],
      ]),
    ],
  };
}

function scan(): WasmFunction {
  const [h, x, b, c, y, a, dt, d, pBytes, nBytes] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  const [xLimit, bAt, cAt, bLimit, decay, input, state, sum] = [10, 11, 12, 13, 14, 15, 16, 17];
  return {
    name: 'scan',
    params: ['i32', 'i32', 'i32', 'i32', 'i32', 'f32', 'f32', 'f32', 'i32', 'i32'],
    locals: ['i32', 'i32', 'i32', 'i32', 'v128', 'v128', 'v128', 'v128'],
    body: [
      op.get(x),
      op.get(pBytes),
      op.add,
      op.set(xLimit),
      op.get(b),
      op.get(nBytes),
      op.add,
      op.set(bLimit),
      op.get(a),
      op.splat,
      op.set(decay),
      op.loop(
        x,
        xLimit,
        op.get(x),
        op.f32Load(),
        op.get(dt),
        op.f32Mul,
        op.splat,
        op.set(input),
        op.zero,
        op.set(sum),
        op.get(b),
        op.set(bAt),
        op.get(c),
        op.set(cAt),
        op.loop(
          bAt,
          bLimit,
          op.get(h),
          op.load(),
          op.get(decay),
          op.vMul,
          op.get(input),
          op.get(bAt),
          op.load(),
          op.vMul,
          op.vAdd,
          op.set(state),
          op.get(h),
          op.get(state),
          op.store(),
          op.get(sum),
          op.get(state),
          op.get(cAt),
          op.load(),
          op.vMul,
          op.vAdd,
          op.set(sum),
          op.advance(h, VECTOR_BYTES),
          op.advance(bAt, VECTOR_BYTES),
          op.advance(cAt, VECTOR_BYTES),
        ),
        op.get(y),
        laneSum(sum),
        op.get(x),
        op.f32Load(),
        op.get(d),
        op.f32Mul,
        op.f32Add,
        op.f32Store(),
        op.advance(x, FLOAT_BYTES),
        op.advance(y, FLOAT_BYTES),
      ),
    ],
  };
}

function dots(): WasmFunction {
  const [q, keys, out, outBytes, stride, widthBytes] = [0, 1, 2, 3, 4, 5];
  const [outLimit, qAt, keyAt, qLimit, sum] = [6, 7, 8, 9, 10];
  return {
    name: 'dots',
    params: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
    locals: ['i32', 'i32', 'i32', 'i32', 'v128'],
    body: [
      op.get(out),
      op.get(outBytes),
      op.add,
      op.set(outLimit),
      op.get(q),
      op.get(widthBytes),
      op.add,
      op.set(qLimit),
      op.loop(
        out,
        outLimit,
        op.zero,
        op.set(sum),
        op.get(q),
        op.set(qAt),
        op.get(keys),
        op.set(keyAt),
        op.loop(
          qAt,
          qLimit,
          op.get(sum),
          op.get(qAt),
          op.load(),
          op.get(keyAt),
          op.load(),
          op.vMul,
          op.vAdd,
          op.set(sum),
          op.advance(qAt, VECTOR_BYTES),
          op.advance(keyAt, VECTOR_BYTES),
        ),
        op.get(out),
        laneSum(sum),
        op.f32Store(),
        op.advance(out, FLOAT_BYTES),
        op.advanceBy(keys, stride),
      ),
    ],
  };
}

function blend(): WasmFunction {
  const [weights, values, out, weightBytes, stride] = [0, 1, 2, 3, 4];
  const [limit, weight] = [5, 6];
  const sum = (j: number): number => 7 + j;
  const vectors = [0, 1, 2, 3];
  return {
    name: 'blend',
    params: ['i32', 'i32', 'i32', 'i32', 'i32'],
    locals: ['i32', 'v128', 'v128', 'v128', 'v128', 'v128'],
    body: [
      op.get(weights),
      op.get(weightBytes),
      op.add,
      op.set(limit),
      ...vectors.flatMap((j) => [op.zero, op.set(sum(j))]),
      op.loop(
        weights,
        limit,
        op.get(weights),
        op.loadSplat(),
        op.set(weight),
        ...vectors.map((j) => [
          ...op.get(sum(j)),
          ...op.get(weight),
          ...op.get(values),
          ...op.load(j * VECTOR_BYTES),
          ...op.vMul,
          ...op.vAdd,
          ...op.set(sum(j)),
        ]),
        op.advance(weights, FLOAT_BYTES),
        op.advanceBy(values, stride),
      ),
      ...vectors.flatMap((j) => [op.get(out), op.get(sum(j)), op.store(j * VECTOR_BYTES)]),
    ],
  };
}

/** Compiles the kernels over a fresh memory. @param byteLength  least size of the memory */
export function createKernels(byteLength: number): Kernels {
  const pages = Math.ceil(byteLength / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages });
  const bytes = assembleModule([tile('tile4', 4), tile('tile1', 1), scan(), dots(), blend()], pages);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
  return {
    ...(instance.exports as unknown as Omit<Kernels, 'memory' | 'floats'>),
    memory,
    floats: new Float32Array(memory.buffer),
  };
}
