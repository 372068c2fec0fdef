/** The magnitude mask in WebAssembly SIMD, a vector of stored floats at a time, and the memory that its bytes lie in.
 *  A weight stays if fewer than two others of its block come before it. Its block turned by one, two and three places brings
 *  each of the others over it; sizes are compared as signed integers, plus one where the other stands earlier and wins ties. */
import { KEPT_FIRST, KEPT_SECOND, CODE_BITS } from '../mask/mask24.ts';
import {
  access,
  advance,
  code,
  constant,
  get,
  moduleOf,
  set,
  simd,
  type Bytes,
  type KernelForm,
} from '../simd-code.ts';

const AND = simd(0x4e);

/** What differs between two and four bytes a float. */
interface Lanes {
  readonly bytes: 2 | 4;
  readonly add: Bytes;
  readonly isGreater: Bytes;
  readonly max: Bytes;
  readonly bitmask: Bytes;
}

const SHORTS: Lanes = { bytes: 2, add: simd(0x8e), isGreater: simd(0x31), max: simd(0x98), bitmask: simd(0x84) };
const INTS: Lanes = { bytes: 4, add: simd(0xae), isGreater: simd(0x3b), max: simd(0xb8), bitmask: simd(0xa4) };

/** (at, end, packed, table, out): masks the floats in [at, end), pairs of blocks; `packed` gets a byte of each pair by the
 *  table, `out` the largest sizes by lane. */
function maskKernel({ bytes, add, isGreater, max, bitmask }: Lanes): KernelForm {
  const [at, end, packed, table, out] = [0, 1, 2, 3, 4];
  const [x, size, ahead, largest] = [5, 6, 7, 8];
  const numLanes = 16 / bytes;
  const lanes = (value: (lane: number) => number): Bytes => {
    const values = Array.from({ length: numLanes }, (_, lane) => value(lane));
    return constant(new Uint8Array((bytes === 2 ? Int16Array.from(values) : Int32Array.from(values)).buffer));
  };
  const other = (lane: number, turn: number): number => (lane & ~3) + ((lane + turn) & 3);
  const isAhead = (turn: number): Bytes => {
    const places = Array.from({ length: 16 }, (_, i) => other(Math.floor(i / bytes), turn) * bytes + (i % bytes));
    const wins = lanes((lane) => Number(other(lane, turn) < lane));
    return code(get(size), get(size), simd(0x0d), places, wins, add, get(size), isGreater);
  };
  const vector = (offset: number): Bytes =>
    code(
      [...get(at), ...access(0x00, offset), ...set(x)],
      [...get(x), ...lanes(() => (bytes === 2 ? 0x7fff : 0x7fffffff)), ...AND, ...set(size)],
      [...get(largest), ...get(size), ...max, ...set(largest)],
      [...isAhead(1), ...isAhead(2), ...add, ...isAhead(3), ...add],
      [...lanes(() => -2), ...isGreater, ...set(ahead)],
      [...get(at), ...get(x), ...get(ahead), ...AND, ...access(0x0b, offset)],
      [...get(ahead), ...bitmask],
    );
  const two = bytes === 2 ? vector(0) : code(vector(0), vector(16), [0x41, 4, 0x74, 0x72]); // shl 4, or
  const body = code(
    [0x03, 0x40],
    code(get(packed), two, get(table), [0x6a, 0x2d, 0, 0, 0x3a, 0, 0]), // packed = table[kept places]
    code(advance(at, bytes * 8), advance(packed, 1), get(at), get(end), [0x49, 0x0d, 0, 0x0b]),
    code(get(out), get(largest), access(0x0b, 0)),
  );
  return { name: `mask${bytes}`, numParams: 5, numPointers: 0, numVectors: 4, body };
}

let compiled: WebAssembly.Module | undefined;
const WORDS = 8;
const TABLE = 0;
const OUT = 256;
const FIRST_FREE = 512;

export interface MaskMemory {
  /** Free for the caller. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Masks 8·n stored floats from `start` of the memory and writes n bytes of packed places to `packed`.
   *  @returns the largest size, bits without sign */
  readonly mask: (bytesPerFloat: 2 | 4, start: number, numWords: number, packed: number) => number;
}

/** @param byteLength  room for chunks and their packed places */
export function createMaskMemory(byteLength: number): MaskMemory {
  compiled ??= moduleOf([SHORTS, INTS].map(maskKernel));
  const memory = new WebAssembly.Memory({ initial: Math.ceil((FIRST_FREE + byteLength) / 65_536) });
  const { exports } = new WebAssembly.Instance(compiled, { host: { memory } });
  const run = exports as unknown as Record<string, (...args: number[]) => void>;
  new Uint8Array(memory.buffer, TABLE, 256).set(PACKED_FROM_KEPT);
  return {
    bytes: new Uint8Array(memory.buffer, FIRST_FREE, byteLength),
    mask(bytesPerFloat, start, numWords, packed) {
      if (numWords % WORDS !== 0) throw new RangeError(`${numWords} words, expected whole pairs of blocks`);
      if (numWords === 0) return 0;
      run[`mask${bytesPerFloat}`]!(start, start + numWords * bytesPerFloat, packed, TABLE, OUT);
      const largest =
        bytesPerFloat === 2 ? new Int16Array(memory.buffer, OUT, 8) : new Int32Array(memory.buffer, OUT, 4);
      return Math.max(...largest);
    },
  };
}

/** Two 2-bit places a block from the bits of the kept places of two blocks. */
const PACKED_FROM_KEPT = Uint8Array.from({ length: 256 }, (_, kept) => {
  const nibble = (bits: number): number => {
    const place = Math.max(0, CODE_BITS.indexOf(bits));
    return KEPT_FIRST[place]! | (KEPT_SECOND[place]! << 2);
  };
  return nibble(kept & 15) | (nibble(kept >> 4) << 4);
});
