/** Writing WebAssembly SIMD by hand: instructions as bytes, and a module of kernels over one imported memory. A kernel has
 *  32-bit pointers as parameters and locals, then 128-bit vectors; it returns nothing. */

export type Bytes = readonly number[];

export interface KernelForm {
  readonly name: string;
  readonly numParams: number;
  readonly numPointers: number;
  readonly numVectors: number;
  readonly body: Bytes;
}

const leb = (value: number): Bytes => (value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)]);
export const simd = (opcode: number): Bytes => [0xfd, ...leb(opcode)];
export const get = (local: number): Bytes => [0x20, local];
export const set = (local: number): Bytes => [0x21, local];
/** Pieces of code after each other. */
export const code = (...pieces: readonly Bytes[]): Bytes => pieces.flat();
export const access = (opcode: number, offset: number): Bytes => code(simd(opcode), [0, ...leb(offset)]);
export const constant = (bytes: Uint8Array): Bytes => code(simd(0x0c), [...bytes]);
/** Adds fewer than 64 bytes. */
export const advance = (local: number, bytes: number): Bytes => [...get(local), 0x41, bytes, 0x6a, ...set(local)];

/** A module with these kernels; it imports host.memory. */
export function moduleOf(kernels: readonly KernelForm[]): WebAssembly.Module {
  const sized = (bytes: Bytes): Bytes => [...leb(bytes.length), ...bytes];
  const text = (value: string): Bytes => sized([...new TextEncoder().encode(value)]);
  const section = (id: number, items: readonly Bytes[]): Bytes => [
    id,
    ...sized([...leb(items.length), ...items.flat()]),
  ];
  const [i32, v128] = [0x7f, 0x7b];
  const types = kernels.map(({ numParams }) => [0x60, numParams, ...Array.from({ length: numParams }, () => i32), 0]);
  const functions = kernels.map((_, index) => [index]);
  const exported = kernels.map(({ name }, index) => [...text(name), 0x00, index]);
  const bodies = kernels.map(({ numPointers, numVectors, body }) =>
    sized([2, numPointers, i32, numVectors, v128, ...body, 0x0b]),
  );
  const bytes = code(
    [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    section(1, types),
    section(2, [[...text('host'), ...text('memory'), 0x02, 0x00, 1]]),
    section(3, functions),
    section(7, exported),
    section(10, bodies),
  );
  return new WebAssembly.Module(Uint8Array.from(bytes));
}
