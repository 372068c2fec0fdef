/** The inner loops of EM in WebAssembly SIMD, two doubles a vector, features in float32 as they come.
 *  - dots<v>: products of two rows with v pairs of bases, summed over the width in rising order.
 *  - softmax: dots, constants and prior to responsibilities, row by row; leaves the largest exponent and the sum.
 *  - moments: Σ r and Σ r·‖f‖² by basis.
 *  - sums<k>: Σ r·f of k bases and four columns.
 *  Pointers and strides are in bytes. */

type Bytes = readonly number[];
type Kernel = (...args: number[]) => void;

export const MOST_PAIRS = 5;
export const MOST_BASES = 5;

const [I32, V128] = [0x7f, 0x7b];
const leb = (value: number): Bytes => (value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)]);
const simd = (code: number): Bytes => [0xfd, ...leb(code)];
const get = (local: number): Bytes => [0x20, local];
const set = (local: number): Bytes => [0x21, local];
const access = (code: number, offset: number): Bytes => [...simd(code), 2, ...leb(offset)];
const load = (local: number, offset = 0): Bytes => [...get(local), ...access(0x00, offset)];
const loadSplat = (local: number, offset = 0): Bytes => [...get(local), ...access(0x0a, offset)];
const store = (offset = 0): Bytes => access(0x0b, offset);
/** A float32 in both lanes, or two neighbours, as doubles. */
const loadFloat = (local: number): Bytes => [...get(local), ...access(0x09, 0), ...PROMOTE];
const loadFloats = (local: number, offset: number): Bytes => [...get(local), ...access(0x5d, offset), ...PROMOTE];
const PROMOTE = simd(0x5f);
const [ADD, SUB, MUL, DIV] = [simd(0xf0), simd(0xf1), simd(0xf2), simd(0xf3)];
const MAX = simd(0xf5);
const ZERO = [...simd(0x0c), ...new Uint8Array(16)];
const both = (value: number): Bytes => {
  const bytes = new Uint8Array(Float64Array.of(value, value).buffer);
  return [...simd(0x0c), ...bytes];
};
const SWAP = [...simd(0x0d), 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7];
const plus = (local: number, other: number): Bytes => [...get(local), ...get(other), 0x6a];
const stepBy = (local: number, other: number): Bytes => [...plus(local, other), ...set(local)];
const advance = (local: number, bytes: number): Bytes => [...get(local), 0x41, bytes, 0x6a, ...set(local)];
/** Repeats the body while local < limit (unsigned), at least once. */
const loop = (local: number, limit: number, ...body: readonly Bytes[]): Bytes => [
  0x03,
  0x40,
  ...body.flat(),
  ...get(local),
  ...get(limit),
  0x49,
  0x0d,
  0,
  0x0b,
];
const range = (length: number): number[] => Array.from({ length }, (_, i) => i);

interface KernelForm {
  readonly name: string;
  readonly numParams: number;
  readonly numPointers: number;
  readonly numVectors: number;
  readonly body: Bytes;
}

function dots(pairs: number): KernelForm {
  const [f, bases, out, outEnd, widthBytes, rowBytes, outBytes] = [0, 1, 2, 3, 4, 5, 6];
  const [at, next, base, end, x, y, b] = [7, 8, 9, 10, 11, 12, 13];
  const sum = (row: number, v: number): number => 14 + row * pairs + v;
  const madd = (row: number, v: number, factor: number): Bytes => [
    ...get(sum(row, v)),
    ...get(factor),
    ...get(b),
    ...MUL,
    ...ADD,
    ...set(sum(row, v)),
  ];
  const body = loop(
    out,
    outEnd,
    [...get(f), ...set(at), ...plus(f, rowBytes), ...set(next), ...plus(f, widthBytes), ...set(end)],
    [...get(bases), ...set(base)],
    range(2 * pairs).flatMap((i) => [...ZERO, ...set(14 + i)]),
    loop(
      at,
      end,
      [...loadFloat(at), ...set(x), ...loadFloat(next), ...set(y)],
      range(pairs).flatMap((v) => [...load(base, 16 * v), ...set(b), ...madd(0, v, x), ...madd(1, v, y)]),
      [...advance(at, 4), ...advance(next, 4), ...stepBy(base, outBytes)],
    ),
    range(pairs).flatMap((v) => [...get(out), ...get(sum(0, v)), ...store(16 * v)]),
    stepBy(out, outBytes),
    range(pairs).flatMap((v) => [...get(out), ...get(sum(1, v)), ...store(16 * v)]),
    stepBy(out, outBytes),
    [...stepBy(f, rowBytes), ...stepBy(f, rowBytes)],
  );
  return { name: `dots${pairs}`, numParams: 7, numPointers: 4, numVectors: 3 + 2 * pairs, body };
}

/** 1/n!: with |x| ≤ ln 2 / 2 the rest is below 1e-15. */
const EXP_TERMS = range(13).map((n) => range(n).reduce((product, i) => product / (i + 1), 1));

/** exp of the vector in `x`, at least −700; leaves it on the stack.  Uses `whole` and `term`. */
function exp(x: number, whole: number, term: number): Bytes {
  return [
    [...get(x), ...both(-700), ...MAX, ...set(x)],
    [...get(x), ...both(Math.LOG2E), ...MUL, ...simd(0x94), ...set(whole)], // f64x2.nearest
    [...get(x), ...get(whole), ...both(0.69314718036912381649), ...MUL, ...SUB],
    [...get(whole), ...both(1.90821492927058770002e-10), ...MUL, ...SUB, ...set(x)],
    [...both(EXP_TERMS[12]), ...set(term)],
    range(12).flatMap((i) => [...get(term), ...get(x), ...MUL, ...both(EXP_TERMS[11 - i]), ...ADD, ...set(term)]),
    [...get(term), ...get(whole), ...simd(0xfc), ...simd(0xc7)], // to i32, then i64
    [0x41, 52, ...simd(0xcb), ...simd(0xce)], // shift into the exponent and add: term · 2^whole
  ].flat();
}

function softmax(): KernelForm {
  const [r, rEnd, prior, priorBytes, constants, scales, halves, outBytes, stats] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const [at, end, c, s, p] = [9, 10, 11, 12, 13];
  const [half, largest, sum, x, whole, term] = [14, 15, 16, 17, 18, 19];
  const rewind = [...get(r), ...set(at)];
  const body = loop(
    r,
    rEnd,
    [...rewind, ...plus(r, outBytes), ...set(end), ...get(constants), ...set(c), ...get(scales), ...set(s)],
    [...get(prior), ...set(p), ...loadSplat(halves), ...set(half), ...both(-1e300), ...set(largest)],
    loop(
      at,
      end,
      [...load(at), ...get(half), ...SUB, ...load(s), ...MUL, ...load(c), ...ADD, ...load(p), ...ADD, ...set(x)],
      [...get(at), ...get(x), ...store(), ...get(largest), ...get(x), ...MAX, ...set(largest)],
      [at, c, s, p].flatMap((pointer) => advance(pointer, 16)),
    ),
    [...get(largest), ...get(largest), ...get(largest), ...SWAP, ...MAX, ...set(largest)],
    [...rewind, ...ZERO, ...set(sum)],
    loop(
      at,
      end,
      [...load(at), ...get(largest), ...SUB, ...set(x), ...exp(x, whole, term), ...set(x)],
      [...get(at), ...get(x), ...store(), ...get(sum), ...get(x), ...ADD, ...set(sum), ...advance(at, 16)],
    ),
    [...get(sum), ...get(sum), ...get(sum), ...SWAP, ...ADD, ...set(sum)],
    [...get(stats), ...get(largest), ...store(), ...get(stats), ...get(sum), ...store(8)],
    [...both(1), ...get(sum), ...DIV, ...set(sum), ...rewind],
    loop(at, end, [...get(at), ...load(at), ...get(sum), ...MUL, ...store(), ...advance(at, 16)]),
    [...stepBy(r, outBytes), ...stepBy(prior, priorBytes), ...advance(halves, 8), ...advance(stats, 16)],
  );
  return { name: 'softmax', numParams: 9, numPointers: 5, numVectors: 6, body };
}

function moments(): KernelForm {
  const [r, rEnd, halves, counts, squareSums, outBytes] = [0, 1, 2, 3, 4, 5];
  const [end, n, q, half, x] = [6, 7, 8, 9, 10];
  const body = loop(
    r,
    rEnd,
    [...plus(r, outBytes), ...set(end), ...get(counts), ...set(n), ...get(squareSums), ...set(q)],
    [...loadSplat(halves), ...set(half)],
    loop(
      r,
      end,
      [...load(r), ...set(x), ...get(n), ...load(n), ...get(x), ...ADD, ...store()],
      [...get(q), ...load(q), ...get(x), ...get(half), ...MUL, ...ADD, ...store()],
      [r, n, q].flatMap((pointer) => advance(pointer, 16)),
    ),
    advance(halves, 8),
  );
  return { name: 'moments', numParams: 6, numPointers: 3, numVectors: 2, body };
}

function sums(bases: number): KernelForm {
  const [f, r, rEnd, out, outBytes, rowBytes, sumBytes] = [0, 1, 2, 3, 4, 5, 6];
  const [at, left, right, weight] = [7, 8, 9, 10];
  const sum = (k: number, side: number): number => 11 + 2 * k + side;
  const madd = (k: number, side: number): Bytes => [
    ...get(sum(k, side)),
    ...get(weight),
    ...get(side === 0 ? left : right),
    ...MUL,
    ...ADD,
    ...set(sum(k, side)),
  ];
  const each = (visit: (k: number) => Bytes): Bytes => [
    ...get(out),
    ...set(at),
    ...range(bases).flatMap((k) => [...visit(k), ...stepBy(at, sumBytes)]),
  ];
  const body = [
    ...each((k) => [...load(at), ...set(sum(k, 0)), ...load(at, 16), ...set(sum(k, 1))]),
    ...loop(
      r,
      rEnd,
      [...loadFloats(f, 0), ...set(left), ...loadFloats(f, 8), ...set(right)],
      range(bases).flatMap((k) => [...loadSplat(r, 8 * k), ...set(weight), ...madd(k, 0), ...madd(k, 1)]),
      [...stepBy(f, rowBytes), ...stepBy(r, outBytes)],
    ),
    ...each((k) => [...get(at), ...get(sum(k, 0)), ...store(), ...get(at), ...get(sum(k, 1)), ...store(16)]),
  ];
  return { name: `sums${bases}`, numParams: 7, numPointers: 1, numVectors: 3 + 2 * bases, body };
}

let compiled: WebAssembly.Module | undefined;

export interface EmKernels {
  readonly buffer: ArrayBuffer;
  readonly run: Readonly<Record<string, Kernel>>;
}

/** Kernels over a fresh memory of so many bytes. */
export function createEmKernels(byteLength: number): EmKernels {
  compiled ??= new WebAssembly.Module(moduleBytes());
  const memory = new WebAssembly.Memory({ initial: Math.max(1, Math.ceil(byteLength / 65_536)) });
  const { exports } = new WebAssembly.Instance(compiled, { host: { memory } });
  return { buffer: memory.buffer, run: exports as unknown as Record<string, Kernel> };
}

function moduleBytes(): Uint8Array<ArrayBuffer> {
  const kernels = [
    ...range(MOST_PAIRS).map((i) => dots(i + 1)),
    softmax(),
    moments(),
    ...range(MOST_BASES).map((i) => sums(i + 1)),
  ];
  const sized = (bytes: Bytes): Bytes => [...leb(bytes.length), ...bytes];
  const text = (value: string): Bytes => sized([...new TextEncoder().encode(value)]);
  const section = (id: number, items: readonly Bytes[]): Bytes => [
    id,
    ...sized([...leb(items.length), ...items.flat()]),
  ];
  return Uint8Array.from([
    0x00,
    0x61,
    0x73,
    0x6d,
    0x01,
    0x00,
    0x00,
    0x00,
    ...section(
      1,
      kernels.map(({ numParams }) => [0x60, numParams, ...range(numParams).map(() => I32), 0]),
    ),
    ...section(2, [[...text('host'), ...text('memory'), 0x02, 0x00, 1]]),
    ...section(
      3,
      kernels.map((_, index) => [index]),
    ),
    ...section(
      7,
      kernels.map(({ name }, index) => [...text(name), 0x00, index]),
    ),
    ...section(
      10,
      kernels.map(({ numPointers, numVectors, body }) => sized([2, numPointers, I32, numVectors, V128, ...body, 0x0b])),
    ),
  ]);
}
