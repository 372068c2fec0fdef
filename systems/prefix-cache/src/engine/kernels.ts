/** The engine's inner loops in WebAssembly SIMD. All are row-invariant: what is computed for a token depends on its content
 *  and absolute position alone, in one fixed order of operations, however a prompt is cut. No fused multiply-add.
 *  - tile4 / tile1: products of 4 rows or 1 row with 8 columns; both add over k in rising order, one accumulator an element.
 *  - scan: one token of one Mamba-2 head, h ← a·h + (dt·x)⊗B, y = h·C + D·x; four partial sums over the state width.
 *  - dots: products of a query with keys; four partial sums over the head width.
 *  - blend: weighted sum of values, over positions in rising order. */
import {
  advance,
  assembleModule,
  f32,
  f32x4,
  i32,
  local,
  locals,
  repeatWhile,
  set,
  v128,
  type Code,
  type Local,
  type Statement,
  type Value,
  type WasmFunction,
} from '@tenfold/core/wasm';

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
const ZERO = v128.const(new Float32Array(4));

type Pointer = Local<'i32'>;
type Vector = Local<'v128'>;

/** Sum of the four lanes, in lane order. */
const laneSum = (vector: Vector): Code<'f32'> =>
  [1, 2, 3].reduce((sum, lane) => f32.add(sum, f32x4.extractLane(vector, lane)), f32x4.extractLane(vector, 0));

const multiplyAdd = (sum: Vector, a: Value<'v128'>, b: Value<'v128'>): Statement =>
  set(sum, f32x4.add(sum, f32x4.mul(a, b)));

/** At least once. */
const walk = (pointer: Pointer, end: Pointer, ...body: readonly Statement[]): Statement =>
  repeatWhile(i32.ltU(pointer, end), ...body);

function tile(name: string, numRows: number): WasmFunction {
  const params = locals('i32', numRows === 1 ? 4 : 6);
  const [x, w, y, kBytes, xStride, yStride] = params;
  const rows = locals('i32', numRows);
  const limit = local('i32');
  const value = local('v128');
  const weights = locals('v128', 2);
  const sums = rows.map(() => locals('v128', 2));
  return {
    name,
    params,
    locals: [...rows, limit, value, ...weights, ...sums.flat()],
    body: [
      ...rows.flatMap((row, r) => [
        set(row, r === 0 ? x : i32.add(rows[r - 1], xStride)),
        ...sums[r].map((sum) => set(sum, ZERO)),
      ]),
      set(limit, i32.add(x, kBytes)),
      walk(
        rows[0],
        limit,
        ...weights.map((weight, j) => set(weight, v128.load(w, j * VECTOR_BYTES))),
        advance(w, TILE_COLUMN_BYTES),
        ...rows.flatMap((row, r) => [
          set(value, v128.load32Splat(row)),
          ...sums[r].map((sum, j) => multiplyAdd(sum, value, weights[j])),
          advance(row, FLOAT_BYTES),
        ]),
      ),
      ...sums.flatMap((sumsOfRow, r) => [
        ...sumsOfRow.map((sum, j) => v128.store(y, sum, j * VECTOR_BYTES)),
        ...(r + 1 < numRows ? [advance(y, yStride)] : []),
      ]),
    ],
  };
}

function scan(): WasmFunction {
  const [h, x, b, c, y] = locals('i32', 5);
  const [a, dt, d] = locals('f32', 3);
  const [pBytes, nBytes] = locals('i32', 2);
  const pointers = locals('i32', 4);
  const [xLimit, bAt, cAt, bLimit] = pointers;
  const vectors = locals('v128', 4);
  const [decay, input, state, sum] = vectors;
  return {
    name: 'scan',
    params: [h, x, b, c, y, a, dt, d, pBytes, nBytes],
    locals: [...pointers, ...vectors],
    body: [
      set(xLimit, i32.add(x, pBytes)),
      set(bLimit, i32.add(b, nBytes)),
      set(decay, f32x4.splat(a)),
      walk(
        x,
        xLimit,
        set(input, f32x4.splat(f32.mul(f32.load(x), dt))),
        set(sum, ZERO),
        set(bAt, b),
        set(cAt, c),
        walk(
          bAt,
          bLimit,
          set(state, f32x4.add(f32x4.mul(v128.load(h), decay), f32x4.mul(input, v128.load(bAt)))),
          v128.store(h, state),
          multiplyAdd(sum, state, v128.load(cAt)),
          ...[h, bAt, cAt].map((pointer) => advance(pointer, VECTOR_BYTES)),
        ),
        f32.store(y, f32.add(laneSum(sum), f32.mul(f32.load(x), d))),
        advance(x, FLOAT_BYTES),
        advance(y, FLOAT_BYTES),
      ),
    ],
  };
}

function dots(): WasmFunction {
  const params = locals('i32', 6);
  const [q, keys, out, outBytes, stride, widthBytes] = params;
  const pointers = locals('i32', 4);
  const [outLimit, qAt, keyAt, qLimit] = pointers;
  const sum = local('v128');
  return {
    name: 'dots',
    params,
    locals: [...pointers, sum],
    body: [
      set(outLimit, i32.add(out, outBytes)),
      set(qLimit, i32.add(q, widthBytes)),
      walk(
        out,
        outLimit,
        set(sum, ZERO),
        set(qAt, q),
        set(keyAt, keys),
        walk(
          qAt,
          qLimit,
          multiplyAdd(sum, v128.load(qAt), v128.load(keyAt)),
          advance(qAt, VECTOR_BYTES),
          advance(keyAt, VECTOR_BYTES),
        ),
        f32.store(out, laneSum(sum)),
        advance(out, FLOAT_BYTES),
        advance(keys, stride),
      ),
    ],
  };
}

function blend(): WasmFunction {
  const params = locals('i32', 5);
  const [weights, values, out, weightBytes, stride] = params;
  const limit = local('i32');
  const weight = local('v128');
  const sums = locals('v128', 4);
  return {
    name: 'blend',
    params,
    locals: [limit, weight, ...sums],
    body: [
      set(limit, i32.add(weights, weightBytes)),
      ...sums.map((sum) => set(sum, ZERO)),
      walk(
        weights,
        limit,
        set(weight, v128.load32Splat(weights)),
        ...sums.map((sum, j) => multiplyAdd(sum, weight, v128.load(values, j * VECTOR_BYTES))),
        advance(weights, FLOAT_BYTES),
        advance(values, stride),
      ),
      ...sums.map((sum, j) => v128.store(out, sum, j * VECTOR_BYTES)),
    ],
  };
}

/** Compiles the kernels over a fresh memory. @param byteLength  least size of the memory */
export function createKernels(byteLength: number): Kernels {
  const pages = Math.ceil(byteLength / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages });
  const bytes = assembleModule({
    memory: { module: 'env', name: 'memory', minPages: pages },
    functions: [tile('tile4', 4), tile('tile1', 1), scan(), dots(), blend()],
  });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
  return {
    ...(instance.exports as unknown as Omit<Kernels, 'memory' | 'floats'>),
    memory,
    floats: new Float32Array(memory.buffer),
  };
}
