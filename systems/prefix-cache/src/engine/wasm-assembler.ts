/** Just enough of the WebAssembly binary format to write SIMD kernels by hand: functions, locals, loops, one memory. */

type Bytes = readonly number[];

export type ValueType = 'i32' | 'f32' | 'v128';

const TYPE_CODE: Readonly<Record<ValueType, number>> = { i32: 0x7f, f32: 0x7d, v128: 0x7b };
const VOID = 0x40;
const MAGIC_AND_VERSION: Bytes = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** Unsigned LEB128. */
function leb(value: number): Bytes {
  const bytes: number[] = [];
  let rest = value >>> 0;
  do {
    const low = rest & 0x7f;
    rest >>>= 7;
    bytes.push(rest === 0 ? low : low | 0x80);
  } while (rest !== 0);
  return bytes;
}

/** Signed LEB128. */
function signedLeb(value: number): Bytes {
  const bytes: number[] = [];
  let rest = value | 0;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

const simd = (code: number): Bytes => [0xfd, ...leb(code)];
/** Alignment is a hint; 4-byte alignment is always true here. */
const memory = (offset: number): Bytes => [2, ...leb(offset)];

/** Instructions by name. */
export const op = {
  get: (local: number): Bytes => [0x20, ...leb(local)],
  set: (local: number): Bytes => [0x21, ...leb(local)],
  i32: (value: number): Bytes => [0x41, ...signedLeb(value)],
  add: [0x6a] as Bytes,
  mul: [0x6c] as Bytes,
  lessThan: [0x49] as Bytes,
  f32Load: (offset = 0): Bytes => [0x2a, ...memory(offset)],
  f32Store: (offset = 0): Bytes => [0x38, ...memory(offset)],
  f32Add: [0x92] as Bytes,
  f32Mul: [0x94] as Bytes,
  load: (offset = 0): Bytes => [...simd(0x00), ...memory(offset)],
  loadSplat: (offset = 0): Bytes => [...simd(0x09), ...memory(offset)],
  store: (offset = 0): Bytes => [...simd(0x0b), ...memory(offset)],
  zero: [...simd(0x0c), ...Array.from({ length: 16 }, () => 0)] as Bytes,
  splat: simd(0x13),
  lane: (index: number): Bytes => [...simd(0x1f), index],
  vAdd: simd(0xe4),
  vMul: simd(0xe6),
  /** Repeats the body while local < limit; the body must advance the local. Runs at least once. */
  loop: (local: number, limit: number, ...body: readonly Bytes[]): Bytes => [
    0x03,
    VOID,
    ...body.flat(),
    ...op.get(local),
    ...op.get(limit),
    ...op.lessThan,
    0x0d,
    0,
    0x0b,
  ],
  /** local += bytes */
  advance: (local: number, bytes: number): Bytes => [...op.get(local), ...op.i32(bytes), ...op.add, ...op.set(local)],
  /** local += other local */
  advanceBy: (local: number, other: number): Bytes => [...op.get(local), ...op.get(other), ...op.add, ...op.set(local)],
};

export interface WasmFunction {
  readonly name: string;
  readonly params: readonly ValueType[];
  readonly locals: readonly ValueType[];
  readonly body: readonly Bytes[];
}

/** A module that imports `env.memory` and exports the functions (no results).
 *  @param minPages  of 64 KiB, least size of the imported memory */
export function assembleModule(functions: readonly WasmFunction[], minPages: number): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ params }) => [0x60, ...vector(params.map((type) => [TYPE_CODE[type]])), 0]);
  const bodies = functions.map(({ locals, body }) => {
    const code = [...vector(locals.map((type) => [1, TYPE_CODE[type]])), ...body.flat(), 0x0b];
    return [...leb(code.length), ...code];
  });
  return Uint8Array.from([
    ...MAGIC_AND_VERSION,
    ...section(1, vector(types)),
    ...section(2, vector([[...name('env'), ...name('memory'), 0x02, 0x00, ...leb(minPages)]])),
    ...section(3, vector(functions.map((_, index) => leb(index)))),
    ...section(7, vector(functions.map((fn, index) => [...name(fn.name), 0x00, ...leb(index)]))),
    ...section(10, vector(bodies)),
  ]);
}

function vector(items: readonly Bytes[]): Bytes {
  return [...leb(items.length), ...items.flat()];
}

function section(id: number, content: Bytes): Bytes {
  return [id, ...leb(content.length), ...content];
}

function name(text: string): Bytes {
  const bytes = [...new TextEncoder().encode(text)];
  return [...leb(bytes.length), ...bytes];
}
