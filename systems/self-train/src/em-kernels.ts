/** The inner loops of EM in WebAssembly SIMD, two doubles a vector. Rows lie in blocks of 16, values of one column beside
 *  each other, so that lanes are rows and no kernel adds across lanes: features [block][column][16] in float32,
 *  everything else [block][basis][16] in double precision.
 *  - dots<k>: products of the rows of a block with k bases.
 *  - softmax: dots, constants and prior to responsibilities; leaves each row's log-likelihood, Σ r and Σ r·½‖f‖² by basis.
 *  - sums<k>: Σ r·f of k bases, all columns.
 *  - transpose: rows of a block to this layout.  - halves: ½‖f‖² of a block.  - logs: β·ln(p + ε) in place.
 *  Pointers and strides are in bytes; sums stay two partial sums, which the caller adds. */
import {
  advance,
  after,
  assembleModule,
  f32x4,
  f64x2,
  i32,
  i64x2,
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
import { POOL_BYTES, bitsOf, both, bothBits, writePool } from './constant-pool.ts';

/** A column of a block is one cache line. */
export const BLOCK_ROWS = 16;
export const MOST_BASES = 5;
export const FIRST_FREE = POOL_BYTES;
const FLOAT_COLUMN = 4 * BLOCK_ROWS;
const COLUMN = 8 * BLOCK_ROWS;

type Kernel = (...args: number[]) => void;
type Pointer = Local<'i32'>;
type Vector = Local<'v128'>;

/** x·y + z: fused where the machine has it (relaxed SIMD), elsewhere a product and a sum. */
type MultiplyAdd = (x: Value<'v128'>, y: Value<'v128'>, z: Value<'v128'>) => Code<'v128'>;
const separate: MultiplyAdd = (x, y, z) => f64x2.add(z, f64x2.mul(x, y));

const ZERO = v128.const(new Uint8Array(16));
const range = (length: number): number[] => Array.from({ length }, (_, i) => i);
const loadFloats = (at: Pointer, offset = 0): Code<'v128'> => f64x2.promoteLowF32x4(v128.load64Zero(at, offset));
/** At least once. */
const walk = (pointer: Pointer, end: Pointer, ...body: readonly Statement[]): Statement =>
  repeatWhile(i32.ltU(pointer, end), ...body);

function dots(bases: number, madd: MultiplyAdd): WasmFunction {
  const params = locals('i32', 6);
  const [f, firstBases, out, outEnd, featureBytes, basesBytes] = params;
  const pointers = locals('i32', 3);
  const [at, end, base] = pointers;
  const vectors = locals('v128', 3);
  const [x, y, b] = vectors;
  const sums = range(bases).map(() => locals('v128', 2));
  const body = walk(
    out,
    outEnd,
    set(at, f),
    set(end, i32.add(f, featureBytes)),
    set(base, firstBases),
    ...sums.flat().map((sum) => set(sum, ZERO)),
    walk(
      at,
      end,
      set(x, loadFloats(at)),
      set(y, loadFloats(at, 8)),
      ...sums.flatMap(([left, right], k) => [
        set(b, v128.load64Splat(base, 8 * k)),
        set(left, madd(x, b, left)),
        set(right, madd(y, b, right)),
      ]),
      advance(at, FLOAT_COLUMN),
      advance(base, basesBytes),
    ),
    ...sums.flatMap(([left, right], k) => [v128.store(out, left, COLUMN * k), v128.store(out, right, COLUMN * k + 16)]),
    advance(f, 16),
    advance(out, 32),
  );
  return { name: `dots${bases}`, params, locals: [...pointers, ...vectors, ...sums.flat()], body: [body] };
}

function sums(bases: number, madd: MultiplyAdd): WasmFunction {
  const params = locals('i32', 5);
  const [f, fEnd, firstR, out, outBytes] = params;
  const pointers = locals('i32', 3);
  const [at, r, end] = pointers;
  const vectors = locals('v128', 3);
  const [x, y, weight] = vectors;
  const sumsOf = range(bases).map(() => locals('v128', 2));
  const addTo = (column: 0 | 1): Statement[] => [
    ...sumsOf.map((sum, k) => v128.store(out, f64x2.add(v128.load(out, 16 * k), sum[column]), 16 * k)),
    advance(out, outBytes),
  ];
  const body = walk(
    f,
    fEnd,
    set(at, f),
    set(r, firstR),
    set(end, f),
    advance(end, FLOAT_COLUMN),
    ...sumsOf.flat().map((sum) => set(sum, ZERO)),
    walk(
      at,
      end,
      set(x, loadFloats(at)),
      set(y, loadFloats(at, FLOAT_COLUMN)),
      ...sumsOf.flatMap(([first, second], k) => [
        set(weight, v128.load(r, COLUMN * k)),
        set(first, madd(x, weight, first)),
        set(second, madd(y, weight, second)),
      ]),
      advance(at, 8),
      advance(r, 16),
    ),
    ...addTo(0),
    ...addTo(1),
    advance(f, 2 * FLOAT_COLUMN),
  );
  return { name: `sums${bases}`, params, locals: [...pointers, ...vectors, ...sumsOf.flat()], body: [body] };
}

/** 1/n!: with |x| ≤ ln 2 / 2 the rest is below 1e-14. */
const EXP_TERMS = range(12).map((n) => range(n).reduce((product, i) => product / (i + 1), 1));
const LN2_HIGH = 0.69314718036912381649;
const LN2_LOW = 1.90821492927058770002e-10;
/** Added to a small number it leaves the nearest integer in the low bits. */
const ROUNDING = 1.5 * 2 ** 52;

const horner = (terms: readonly number[], x: Vector, term: Vector, madd: MultiplyAdd): Statement[] => [
  set(term, both(terms.at(-1)!)),
  ...terms
    .slice(0, -1)
    .toReversed()
    .map((coefficient) => set(term, madd(term, x, both(coefficient)))),
];

/** exp of the vector in `x`, between −700 and 700.  Uses `x`, `whole` and `term`. */
function exp(x: Vector, whole: Vector, term: Vector, madd: MultiplyAdd): Code<'v128'> {
  const rounded = f64x2.sub(whole, both(ROUNDING));
  return after(
    [
      set(whole, madd(x, both(Math.LOG2E), both(ROUNDING))),
      set(x, madd(rounded, both(-LN2_HIGH), x)),
      set(x, madd(rounded, both(-LN2_LOW), x)),
      ...horner(EXP_TERMS, x, term, madd),
    ],
    i64x2.add(term, i64x2.shl(whole, i32.const(52))), // term · 2^whole
  );
}

const LOWEST = bitsOf(Math.SQRT1_2);
const ONE = bitsOf(1);
/** A double with this exponent holds an integer in its low bits. */
const INTEGER = 2 ** 52;
/** ln m = 2 artanh s = s·(2 + 2 s²/3 + …), s = (m − 1)/(m + 1), |s| < 0.172: the rest is below 1e-16. */
const LOG_TERMS = range(10).map((i) => 2 / (2 * i + 1));

/** ln of the vector in `x`, positive and normal.  Uses `x`, `whole`, `square` and `term`. */
function log(x: Vector, whole: Vector, square: Vector, term: Vector, madd: MultiplyAdd): Code<'v128'> {
  const exponent = f64x2.sub(v128.or(whole, bothBits(bitsOf(INTEGER))), both(INTEGER + 1023));
  return after(
    [
      // x = m · 2^e with √½ ≤ m < √2; whole = e + 1023.
      set(whole, i64x2.shrU(i64x2.add(x, bothBits(ONE - LOWEST)), i32.const(52))),
      set(x, i64x2.sub(i64x2.add(x, bothBits(ONE)), i64x2.shl(whole, i32.const(52)))),
      set(x, f64x2.div(f64x2.sub(x, both(1)), f64x2.add(x, both(1)))),
      set(square, f64x2.mul(x, x)),
      ...horner(LOG_TERMS, square, term, madd),
      set(x, f64x2.mul(x, term)),
      set(x, madd(exponent, both(LN2_LOW), x)),
    ],
    madd(exponent, both(LN2_HIGH), x),
  );
}

function softmax(madd: MultiplyAdd): WasmFunction {
  const params = locals('i32', 9);
  const [r, rEnd, prior, terms, termsEnd, halves, weights, likelihoods, moments] = params;
  const pointers = locals('i32', 3);
  const [at, c, p] = pointers;
  const [half, largest, sum] = range(3).map(() => locals('v128', 2));
  const vectors = locals('v128', 4);
  const [x, whole, square, term] = vectors;
  const sides = [0, 1];
  const rewind = [set(at, r), set(c, terms)];
  const next = [advance(at, COLUMN), advance(c, 32)];
  const exponent = (side: number): Statement[] => [
    // scale · (dot − half) + constant + prior
    set(x, f64x2.sub(v128.load(at, 16 * side), half[side])),
    set(x, f64x2.add(madd(x, v128.load(c), v128.load(c, 16)), v128.load(p, 16 * side))),
    v128.store(at, x, 16 * side),
    set(largest[side], f64x2.pmax(largest[side], x)),
  ];
  const power = (side: number): Statement[] => [
    set(x, f64x2.pmax(f64x2.sub(v128.load(at, 16 * side), largest[side]), both(-700))),
    set(x, exp(x, whole, term, madd)),
    v128.store(at, x, 16 * side),
    set(sum[side], f64x2.add(sum[side], x)),
  ];
  const likelihood = (side: number): Statement[] => [
    set(x, sum[side]),
    v128.store(likelihoods, f64x2.add(log(x, whole, square, term, madd), largest[side]), 16 * side),
    set(sum[side], f64x2.div(v128.load(weights, 16 * side), sum[side])),
  ];
  const share = (side: number): Statement[] => [
    set(x, f64x2.mul(v128.load(at, 16 * side), sum[side])),
    v128.store(at, x, 16 * side),
    set(whole, f64x2.add(whole, x)),
    set(square, madd(x, half[side], square)),
  ];
  const body = walk(
    r,
    rEnd,
    ...rewind,
    set(p, prior),
    ...sides.flatMap((side) => [set(half[side], v128.load(halves, 16 * side)), set(largest[side], both(-1e300))]),
    walk(c, termsEnd, ...sides.flatMap(exponent), ...next, advance(p, COLUMN)),
    ...rewind,
    ...sum.map((one) => set(one, ZERO)),
    walk(c, termsEnd, ...sides.flatMap(power), ...next),
    ...sides.flatMap(likelihood),
    ...rewind,
    set(p, moments),
    walk(
      c,
      termsEnd,
      set(whole, v128.load(p)),
      set(square, v128.load(p, 16)),
      ...sides.flatMap(share),
      v128.store(p, whole),
      v128.store(p, square, 16),
      ...next,
      advance(p, 32),
    ),
    ...[r, prior, halves, weights, likelihoods].map((pointer) => advance(pointer, 32)),
  );
  return {
    name: 'softmax',
    params,
    locals: [...pointers, ...half, ...largest, ...sum, ...vectors],
    body: [body],
  };
}

function halves(madd: MultiplyAdd): WasmFunction {
  const params = locals('i32', 4);
  const [f, out, outEnd, featureBytes] = params;
  const [at, end] = [local('i32'), local('i32')];
  const vectors = locals('v128', 4);
  const [x, y, left, right] = vectors;
  const body = walk(
    out,
    outEnd,
    set(at, f),
    set(end, i32.add(f, featureBytes)),
    set(left, ZERO),
    set(right, ZERO),
    walk(
      at,
      end,
      set(x, loadFloats(at)),
      set(left, madd(x, x, left)),
      set(y, loadFloats(at, 8)),
      set(right, madd(y, y, right)),
      advance(at, FLOAT_COLUMN),
    ),
    v128.store(out, f64x2.mul(left, both(0.5))),
    v128.store(out, f64x2.mul(right, both(0.5)), 16),
    advance(f, 16),
    advance(out, 32),
  );
  return { name: 'halves', params, locals: [at, end, ...vectors], body: [body] };
}

/** Rows of a block beside each other to columns beside each other, four by four; rowBytes is a multiple of 16. */
function transpose(): WasmFunction {
  const params = locals('i32', 3);
  const [rows, rowBytes, out] = params;
  const pointers = locals('i32', 3);
  const [at, to, end] = pointers;
  const [x, y] = [locals('v128', 4), locals('v128', 4)];
  const fourRows = (quad: number): Statement[] => [
    ...x.flatMap((row) => [set(row, v128.load(at)), advance(at, rowBytes)]),
    set(y[0], f32x4.shuffle(x[0], x[1], [0, 4, 1, 5])),
    set(y[1], f32x4.shuffle(x[2], x[3], [0, 4, 1, 5])),
    set(y[2], f32x4.shuffle(x[0], x[1], [2, 6, 3, 7])),
    set(y[3], f32x4.shuffle(x[2], x[3], [2, 6, 3, 7])),
    ...range(4).map((column) => {
      const [low, high] = column < 2 ? [y[0], y[1]] : [y[2], y[3]];
      const lanes = column % 2 === 0 ? [0, 1, 4, 5] : [2, 3, 6, 7];
      return v128.store(to, f32x4.shuffle(low, high, lanes), column * FLOAT_COLUMN + 16 * quad);
    }),
  ];
  const body = [
    set(to, out),
    set(end, i32.add(rows, rowBytes)),
    walk(
      rows,
      end,
      set(at, rows),
      ...range(BLOCK_ROWS / 4).flatMap(fourRows),
      advance(rows, 16),
      advance(to, 4 * FLOAT_COLUMN),
    ),
  ];
  return { name: 'transpose', params, locals: [...pointers, ...x, ...y], body };
}

/** settings: two vectors, ε and β. */
function logs(madd: MultiplyAdd): WasmFunction {
  const params = locals('i32', 3);
  const [at, end, settings] = params;
  const vectors = locals('v128', 4);
  const [x, whole, square, term] = vectors;
  const body = walk(
    at,
    end,
    set(x, f64x2.add(v128.load(at), v128.load(settings))),
    v128.store(at, f64x2.mul(log(x, whole, square, term, madd), v128.load(settings, 16))),
    advance(at, 16),
  );
  return { name: 'logs', params, locals: vectors, body: [body] };
}

let compiled: WebAssembly.Module | undefined;

export interface EmKernels {
  readonly buffer: ArrayBuffer;
  readonly run: Readonly<Record<string, Kernel>>;
}

/** Fresh memory costs more than an iteration, page by page; the last one serves again if it is not larger than this. */
const MOST_KEPT = 2 ** 26;
let kept: EmKernels | undefined;

/** Kernels over a memory with so many bytes from `FIRST_FREE` on, of any content. Only one user at a time. */
export function createEmKernels(byteLength: number): EmKernels {
  const needed = FIRST_FREE + byteLength;
  if (kept !== undefined && kept.buffer.byteLength >= needed) return kept;
  compiled ??= compile();
  const memory = new WebAssembly.Memory({ initial: Math.ceil(needed / 65_536) });
  writePool(memory.buffer);
  const { exports } = new WebAssembly.Instance(compiled, { host: { memory } });
  const kernels = { buffer: memory.buffer, run: exports as unknown as Record<string, Kernel> };
  if (needed <= MOST_KEPT) kept = kernels;
  return kernels;
}

function compile(): WebAssembly.Module {
  const withFused = moduleWith(f64x2.relaxedMadd);
  return new WebAssembly.Module(WebAssembly.validate(withFused) ? withFused : moduleWith(separate));
}

function moduleWith(madd: MultiplyAdd): Uint8Array<ArrayBuffer> {
  const sizes = range(MOST_BASES).map((i) => i + 1);
  const functions = [
    ...sizes.map((size) => dots(size, madd)),
    ...sizes.map((size) => sums(size, madd)),
    softmax(madd),
    halves(madd),
    transpose(),
    logs(madd),
  ];
  return assembleModule({ memory: { module: 'host', name: 'memory' }, functions });
}
