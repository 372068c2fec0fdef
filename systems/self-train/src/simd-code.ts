/** Writing WebAssembly SIMD by hand: instructions as bytes, and a module of kernels over one imported memory.
 *  A kernel has 32-bit pointers as parameters and locals, then 128-bit vectors; it returns nothing.
 *  Where the machine has fused multiply-adds (relaxed SIMD) they are used; elsewhere a product and a sum. */

export type Bytes = readonly number[];
export type Kernel = (...args: number[]) => void;

export interface KernelForm {
  readonly name: string;
  readonly numParams: number;
  readonly numPointers: number;
  readonly numVectors: number;
  readonly body: Bytes;
}

const [I32, V128] = [0x7f, 0x7b];
const leb = (value: number): Bytes => (value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)]);
const signedLeb = (value: number): Bytes =>
  value >= -64 && value < 64 ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signedLeb(value >> 7)];
export const simd = (code: number): Bytes => [0xfd, ...leb(code)];
export const get = (local: number): Bytes => [0x20, local];
export const set = (local: number): Bytes => [0x21, local];
const access = (code: number, offset: number): Bytes => [...simd(code), 2, ...leb(offset)];
export const load = (local: number, offset = 0): Bytes => [...get(local), ...access(0x00, offset)];
/** One double in both lanes. */
export const loadSplat = (local: number, offset = 0): Bytes => [...get(local), ...access(0x0a, offset)];
/** Two neighbouring float32 as doubles. */
export const loadFloats = (local: number, offset = 0): Bytes => [...get(local), ...access(0x5d, offset), ...simd(0x5f)];
export const store = (offset = 0): Bytes => access(0x0b, offset);
/** PMAX(a, b) is b where a < b, else a: one instruction, unlike max, which looks after NaN. */
export const [ADD, SUB, MUL, DIV, PMAX] = [0xf0, 0xf1, 0xf2, 0xf3, 0xf7].map(simd) as [
  Bytes,
  Bytes,
  Bytes,
  Bytes,
  Bytes,
];
export const [OR, ADD_BITS, SUB_BITS] = [0x50, 0xce, 0xd1].map(simd) as [Bytes, Bytes, Bytes];
export const shiftLeft = (count: number): Bytes => [0x41, count, ...simd(0xcb)];
export const shiftRight = (count: number): Bytes => [0x41, count, ...simd(0xcd)];
/** Of two vectors of four float32 on the stack: the lanes with these indices, 0–3 of the first and 4–7 of the second. */
export const pickFloats = (...lanes: readonly number[]): Bytes => [
  ...simd(0x0d),
  ...lanes.flatMap((lane) => range(4).map((byte) => 4 * lane + byte)),
];
export const ZERO: Bytes = [...simd(0x0c), ...new Uint8Array(16)];
export const bitsOf = (value: number): bigint => new BigUint64Array(Float64Array.of(value).buffer)[0];

/** Constants in both lanes, kept at the start of the memory: a load costs less than building a vector in a register. */
export const POOL_BYTES = 4096;
const pool: bigint[] = [];
export const bothBits = (bits: bigint): Bytes => {
  const known = pool.indexOf(bits);
  const place = known < 0 ? pool.push(bits) - 1 : known;
  return [0x41, 0, ...access(0x00, 16 * place)];
};
export const both = (value: number): Bytes => bothBits(bitsOf(value));
export const writePool = (buffer: ArrayBuffer): void => {
  new BigUint64Array(buffer, 0, POOL_BYTES / 8).set(pool.flatMap((bits) => [bits, bits]));
};
const plus = (local: number, other: number): Bytes => [...get(local), ...get(other), 0x6a];
export const sumOf = (target: number, local: number, other: number): Bytes => [...plus(local, other), ...set(target)];
export const stepBy = (local: number, other: number): Bytes => sumOf(local, local, other);
export const advance = (local: number, bytes: number): Bytes => [
  ...get(local),
  0x41,
  ...signedLeb(bytes),
  0x6a,
  ...set(local),
];
export const copy = (target: number, local: number): Bytes => [...get(local), ...set(target)];
/** Repeats the body while local < limit (unsigned), at least once. */
export const loop = (local: number, limit: number, ...body: readonly Bytes[]): Bytes => [
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
/** Pieces of code after each other. */
export const code = (...pieces: readonly Bytes[]): Bytes => pieces.flat();
export const range = (length: number): number[] => Array.from({ length }, (_, i) => i);

/** x·y + z on the stack, of three pieces of code that each leave a vector. */
export type MultiplyAdd = (x: Bytes, y: Bytes, z: Bytes) => Bytes;
export const fused: MultiplyAdd = (x, y, z) => [...x, ...y, ...z, ...simd(0x107)];
export const separate: MultiplyAdd = (x, y, z) => [...z, ...x, ...y, ...MUL, ...ADD];

const HEADER: Bytes = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** A module with these kernels; it imports host.memory. */
export function moduleOf(kernels: readonly KernelForm[]): Uint8Array<ArrayBuffer> {
  const sized = (bytes: Bytes): Bytes => [...leb(bytes.length), ...bytes];
  const text = (value: string): Bytes => sized([...new TextEncoder().encode(value)]);
  const section = (id: number, items: readonly Bytes[]): Bytes => [
    id,
    ...sized([...leb(items.length), ...items.flat()]),
  ];
  const types = kernels.map(({ numParams }) => [0x60, numParams, ...range(numParams).map(() => I32), 0]);
  const exported = kernels.map(({ name }, index) => [...text(name), 0x00, index]);
  const bodies = kernels.map(({ numPointers, numVectors, body }) =>
    sized([2, numPointers, I32, numVectors, V128, ...body, 0x0b]),
  );
  const functions = kernels.map((_, index) => [index]);
  const memory = [[...text('host'), ...text('memory'), 0x02, 0x00, 1]];
  return Uint8Array.from([
    ...HEADER,
    ...section(1, types),
    ...section(2, memory),
    ...section(3, functions),
    ...section(7, exported),
    ...section(10, bodies),
  ]);
}
