/** The inner loops of EM in WebAssembly SIMD, two doubles a vector. Rows lie in blocks of 16, values of one column beside
 *  each other, so that lanes are rows and no kernel adds across lanes: features [block][column][16] in float32,
 *  everything else [block][basis][16] in double precision.
 *  - dots<k>: products of the rows of a block with k bases.
 *  - softmax: dots, constants and prior to responsibilities; leaves each row's log-likelihood, Σ r and Σ r·½‖f‖² by basis.
 *  - sums<k>: Σ r·f of k bases, all columns.
 *  - transpose: rows of a block to this layout.  - halves: ½‖f‖² of a block.  - logs: β·ln(p + ε) in place.
 *  Pointers and strides are in bytes; sums stay two partial sums, which the caller adds. */
import {
  ADD,
  ADD_BITS,
  DIV,
  MUL,
  OR,
  PMAX,
  SUB,
  SUB_BITS,
  ZERO,
  advance,
  bitsOf,
  both,
  bothBits,
  code,
  copy,
  fused,
  get,
  load,
  loadFloats,
  loadSplat,
  loop,
  moduleOf,
  pickFloats,
  range,
  separate,
  set,
  shiftLeft,
  shiftRight,
  stepBy,
  store,
  writePool,
  POOL_BYTES,
  sumOf,
  type Bytes,
  type Kernel,
  type KernelForm,
  type MultiplyAdd,
} from './simd-code.ts';

/** A column of a block is one cache line. */
export const BLOCK_ROWS = 16;
export const MOST_BASES = 5;
export const FIRST_FREE = POOL_BYTES;
const FLOAT_COLUMN = 4 * BLOCK_ROWS;
const COLUMN = 8 * BLOCK_ROWS;

function dots(bases: number, madd: MultiplyAdd): KernelForm {
  const [f, firstBases, out, outEnd, featureBytes, basesBytes] = [0, 1, 2, 3, 4, 5];
  const [at, end, base] = [6, 7, 8];
  const [x, y, b] = [9, 10, 11];
  const sum = (k: number, side: number): number => 12 + 2 * k + side;
  const body = loop(
    out,
    outEnd,
    [...copy(at, f), ...sumOf(end, f, featureBytes), ...copy(base, firstBases)],
    range(2 * bases).flatMap((i) => [...ZERO, ...set(12 + i)]),
    loop(
      at,
      end,
      [...loadFloats(at), ...set(x), ...loadFloats(at, 8), ...set(y)],
      range(bases).flatMap((k) => [
        ...code(loadSplat(base, 8 * k), set(b)),
        ...code(madd(get(x), get(b), get(sum(k, 0))), set(sum(k, 0))),
        ...code(madd(get(y), get(b), get(sum(k, 1))), set(sum(k, 1))),
      ]),
      [...advance(at, FLOAT_COLUMN), ...stepBy(base, basesBytes)],
    ),
    range(bases).flatMap((k) => [
      ...code(get(out), get(sum(k, 0)), store(COLUMN * k)),
      ...code(get(out), get(sum(k, 1)), store(COLUMN * k + 16)),
    ]),
    [...advance(f, 16), ...advance(out, 32)],
  );
  return { name: `dots${bases}`, numParams: 6, numPointers: 3, numVectors: 3 + 2 * bases, body };
}

function sums(bases: number, madd: MultiplyAdd): KernelForm {
  const [f, fEnd, firstR, out, outBytes] = [0, 1, 2, 3, 4];
  const [at, r, end] = [5, 6, 7];
  const [x, y, weight] = [8, 9, 10];
  const sum = (k: number, column: number): number => 11 + 2 * k + column;
  const addTo = (k: number, column: number): Bytes => [
    ...code(get(out), load(out, 16 * k), get(sum(k, column)), ADD, store(16 * k)),
  ];
  const body = loop(
    f,
    fEnd,
    [...copy(at, f), ...copy(r, firstR), ...copy(end, f), ...advance(end, FLOAT_COLUMN)],
    range(2 * bases).flatMap((i) => [...ZERO, ...set(11 + i)]),
    loop(
      at,
      end,
      [...loadFloats(at), ...set(x), ...loadFloats(at, FLOAT_COLUMN), ...set(y)],
      range(bases).flatMap((k) => [
        ...code(load(r, COLUMN * k), set(weight)),
        ...code(madd(get(x), get(weight), get(sum(k, 0))), set(sum(k, 0))),
        ...code(madd(get(y), get(weight), get(sum(k, 1))), set(sum(k, 1))),
      ]),
      [...advance(at, 8), ...advance(r, 16)],
    ),
    [...range(bases).flatMap((k) => addTo(k, 0)), ...stepBy(out, outBytes)],
    [...range(bases).flatMap((k) => addTo(k, 1)), ...stepBy(out, outBytes)],
    advance(f, 2 * FLOAT_COLUMN),
  );
  return { name: `sums${bases}`, numParams: 5, numPointers: 3, numVectors: 3 + 2 * bases, body };
}

/** 1/n!: with |x| ≤ ln 2 / 2 the rest is below 1e-14. */
const EXP_TERMS = range(12).map((n) => range(n).reduce((product, i) => product / (i + 1), 1));
const LN2_HIGH = 0.69314718036912381649;
const LN2_LOW = 1.90821492927058770002e-10;
/** Added to a small number it leaves the nearest integer in the low bits. */
const ROUNDING = 1.5 * 2 ** 52;

const horner = (terms: readonly number[], x: Bytes, term: number, madd: MultiplyAdd): Bytes => [
  ...code(both(terms.at(-1)!), set(term)),
  ...terms
    .slice(0, -1)
    .toReversed()
    .flatMap((coefficient) => [...madd(get(term), x, both(coefficient)), ...set(term)]),
];

/** exp of the vector in `x`, between −700 and 700; leaves it on the stack.  Uses `whole` and `term`. */
function exp(x: number, whole: number, term: number, madd: MultiplyAdd): Bytes {
  const rounded = [...get(whole), ...both(ROUNDING), ...SUB];
  return [
    [...madd(get(x), both(Math.LOG2E), both(ROUNDING)), ...set(whole)],
    [...madd(rounded, both(-LN2_HIGH), get(x)), ...set(x)],
    [...madd(rounded, both(-LN2_LOW), get(x)), ...set(x)],
    horner(EXP_TERMS, get(x), term, madd),
    [...get(term), ...get(whole), ...shiftLeft(52), ...ADD_BITS], // term · 2^whole
  ].flat();
}

const LOWEST = bitsOf(Math.SQRT1_2);
const ONE = bitsOf(1);
/** A double with this exponent holds an integer in its low bits. */
const INTEGER = 2 ** 52;
/** ln m = 2 artanh s = s·(2 + 2 s²/3 + …), s = (m − 1)/(m + 1), |s| < 0.172: the rest is below 1e-16. */
const LOG_TERMS = range(10).map((i) => 2 / (2 * i + 1));

/** ln of the vector in `x`, positive and normal; leaves it on the stack.  Uses `whole`, `square` and `term`. */
function log(x: number, whole: number, square: number, term: number, madd: MultiplyAdd): Bytes {
  const exponent = [...get(whole), ...bothBits(bitsOf(INTEGER)), ...OR, ...both(INTEGER + 1023), ...SUB];
  return [
    // x = m · 2^e with √½ ≤ m < √2; whole = e + 1023.
    [...get(x), ...bothBits(ONE - LOWEST), ...ADD_BITS, ...shiftRight(52), ...set(whole)],
    [...get(x), ...bothBits(ONE), ...ADD_BITS, ...get(whole), ...shiftLeft(52), ...SUB_BITS, ...set(x)],
    [...get(x), ...both(1), ...SUB, ...get(x), ...both(1), ...ADD, ...DIV, ...set(x)],
    [...get(x), ...get(x), ...MUL, ...set(square)],
    horner(LOG_TERMS, get(square), term, madd),
    [...get(x), ...get(term), ...MUL, ...set(x)],
    [...madd(exponent, both(LN2_LOW), get(x)), ...set(x)],
    madd(exponent, both(LN2_HIGH), get(x)),
  ].flat();
}

function softmax(madd: MultiplyAdd): KernelForm {
  const [r, rEnd, prior, terms, termsEnd, halves, weights, likelihoods, moments] = range(9);
  const [at, c, p] = [9, 10, 11];
  const [half, largest, sum, x, whole, square, term] = [12, 14, 16, 18, 19, 20, 21];
  const sides = [0, 1];
  const rewind = [...copy(at, r), ...copy(c, terms)];
  const next = [...advance(at, COLUMN), ...advance(c, 32)];
  const exponent = (side: number): Bytes => [
    // scale · (dot − half) + constant + prior
    ...code(load(at, 16 * side), get(half + side), SUB, set(x)),
    ...code(madd(get(x), load(c), load(c, 16)), load(p, 16 * side), ADD, set(x)),
    ...code(get(at), get(x), store(16 * side)),
    ...code(get(largest + side), get(x), PMAX, set(largest + side)),
  ];
  const power = (side: number): Bytes => [
    ...code(load(at, 16 * side), get(largest + side), SUB, both(-700), PMAX, set(x)),
    ...code(exp(x, whole, term, madd), set(x)),
    ...code(get(at), get(x), store(16 * side), get(sum + side), get(x), ADD, set(sum + side)),
  ];
  const likelihood = (side: number): Bytes => [
    ...code(get(sum + side), set(x), get(likelihoods), log(x, whole, square, term, madd)),
    ...code(get(largest + side), ADD, store(16 * side)),
    ...code(load(weights, 16 * side), get(sum + side), DIV, set(sum + side)),
  ];
  const share = (side: number): Bytes => [
    ...code(load(at, 16 * side), get(sum + side), MUL, set(x), get(at), get(x), store(16 * side)),
    ...code(get(whole), get(x), ADD, set(whole)),
    ...code(madd(get(x), get(half + side), get(square)), set(square)),
  ];
  const body = loop(
    r,
    rEnd,
    [...rewind, ...copy(p, prior)],
    sides.flatMap((side) => [...load(halves, 16 * side), ...set(half + side), ...both(-1e300), ...set(largest + side)]),
    loop(c, termsEnd, ...sides.map(exponent), next, advance(p, COLUMN)),
    [...rewind, ...sides.flatMap((side) => [...ZERO, ...set(sum + side)])],
    loop(c, termsEnd, ...sides.map(power), next),
    [...sides.flatMap(likelihood), ...rewind, ...copy(p, moments)],
    loop(
      c,
      termsEnd,
      [...load(p), ...set(whole), ...load(p, 16), ...set(square), ...sides.flatMap(share)],
      [...get(p), ...get(whole), ...store(), ...get(p), ...get(square), ...store(16), ...next, ...advance(p, 32)],
    ),
    [r, prior, halves, weights, likelihoods].flatMap((pointer) => advance(pointer, 32)),
  );
  return { name: 'softmax', numParams: 9, numPointers: 3, numVectors: 10, body };
}

function halves(madd: MultiplyAdd): KernelForm {
  const [f, out, outEnd, featureBytes] = [0, 1, 2, 3];
  const [at, end, x, y, left, right] = [4, 5, 6, 7, 8, 9];
  const body = loop(
    out,
    outEnd,
    [...copy(at, f), ...sumOf(end, f, featureBytes), ...ZERO, ...set(left), ...ZERO, ...set(right)],
    loop(
      at,
      end,
      [...loadFloats(at), ...set(x), ...madd(get(x), get(x), get(left)), ...set(left)],
      [...loadFloats(at, 8), ...set(y), ...madd(get(y), get(y), get(right)), ...set(right)],
      advance(at, FLOAT_COLUMN),
    ),
    [...get(out), ...get(left), ...both(0.5), ...MUL, ...store()],
    [...get(out), ...get(right), ...both(0.5), ...MUL, ...store(16)],
    [...advance(f, 16), ...advance(out, 32)],
  );
  return { name: 'halves', numParams: 4, numPointers: 2, numVectors: 4, body };
}

/** Rows of a block beside each other to columns beside each other, four by four; rowBytes is a multiple of 16. */
function transpose(): KernelForm {
  const [rows, rowBytes, out, at, to, end] = [0, 1, 2, 3, 4, 5];
  const x = (i: number): number => 6 + i;
  const y = (i: number): number => 10 + i;
  const pick = (target: number, a: number, b: number, ...lanes: number[]): Bytes => [
    ...code(get(a), get(b), pickFloats(...lanes), set(target)),
  ];
  const fourRows = (quad: number): Bytes => [
    ...range(4).flatMap((i) => [...load(at), ...set(x(i)), ...stepBy(at, rowBytes)]),
    ...pick(y(0), x(0), x(1), 0, 4, 1, 5),
    ...pick(y(1), x(2), x(3), 0, 4, 1, 5),
    ...pick(y(2), x(0), x(1), 2, 6, 3, 7),
    ...pick(y(3), x(2), x(3), 2, 6, 3, 7),
    ...range(4).flatMap((column) => {
      const [low, high] = column < 2 ? [y(0), y(1)] : [y(2), y(3)];
      const lanes = column % 2 === 0 ? [0, 1, 4, 5] : [2, 3, 6, 7];
      return [...code(get(to), get(low), get(high), pickFloats(...lanes), store(column * FLOAT_COLUMN + 16 * quad))];
    }),
  ];
  const body = [
    ...code(copy(to, out), sumOf(end, rows, rowBytes)),
    ...loop(rows, end, copy(at, rows), ...range(BLOCK_ROWS / 4).map(fourRows), [
      ...advance(rows, 16),
      ...advance(to, 4 * FLOAT_COLUMN),
    ]),
  ];
  return { name: 'transpose', numParams: 3, numPointers: 3, numVectors: 8, body };
}

/** settings: two vectors, ε and β. */
function logs(madd: MultiplyAdd): KernelForm {
  const [at, end, settings] = [0, 1, 2];
  const [x, whole, square, term] = [4, 5, 6, 7];
  const body = loop(
    at,
    end,
    [...load(at), ...load(settings), ...ADD, ...set(x), ...get(at), ...log(x, whole, square, term, madd)],
    [...load(settings, 16), ...MUL, ...store(), ...advance(at, 16)],
  );
  return { name: 'logs', numParams: 3, numPointers: 1, numVectors: 4, body };
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
  const withFused = moduleOf(kernelsWith(fused));
  return new WebAssembly.Module(WebAssembly.validate(withFused) ? withFused : moduleOf(kernelsWith(separate)));
}

function kernelsWith(madd: MultiplyAdd): KernelForm[] {
  const sizes = range(MOST_BASES).map((i) => i + 1);
  return [
    ...sizes.map((size) => dots(size, madd)),
    ...sizes.map((size) => sums(size, madd)),
    softmax(madd),
    halves(madd),
    transpose(),
    logs(madd),
  ];
}
