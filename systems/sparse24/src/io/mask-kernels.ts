/** The magnitude mask in WebAssembly SIMD, a vector of stored floats at a time, and the memory that its bytes lie in.
 *  A weight stays if fewer than two others of its block come before it. Its block turned by one, two and three places brings
 *  each of the others over it; sizes are compared as signed integers, plus one where the other stands earlier and wins ties. */
import {
  advance,
  after,
  assembleModule,
  i16x8,
  i32,
  i32x4,
  i8x16,
  local,
  locals,
  repeatWhile,
  set,
  v128,
  type Code,
  type Statement,
  type WasmFunction,
} from '@tenfold/core/wasm';
import { KEPT_FIRST, KEPT_SECOND, CODE_BITS } from '../mask/mask24.ts';

/** (at, end, packed, table, out): masks the floats in [at, end), pairs of blocks; `packed` gets a byte of each pair by the
 *  table, `out` the largest sizes by lane. */
function maskKernel(bytes: 2 | 4): WasmFunction {
  const { add, gtS, maxS, bitmask } = bytes === 2 ? i16x8 : i32x4;
  const params = locals('i32', 5);
  const [at, end, packed, table, out] = params;
  const [x, size, ahead, largest] = [local('v128'), local('v128'), local('v128'), local('v128')];
  const numLanes = 16 / bytes;
  const lanes = (value: (lane: number) => number): Code<'v128'> => {
    const values = Array.from({ length: numLanes }, (_, lane) => value(lane));
    return v128.const(bytes === 2 ? Int16Array.from(values) : Int32Array.from(values));
  };
  const other = (lane: number, turn: number): number => (lane & ~3) + ((lane + turn) & 3);
  const isAhead = (turn: number): Code<'v128'> => {
    const places = Array.from({ length: 16 }, (_, i) => other(Math.floor(i / bytes), turn) * bytes + (i % bytes));
    const wins = lanes((lane) => Number(other(lane, turn) < lane));
    return gtS(add(i8x16.shuffle(size, size, places), wins), size);
  };
  const vector = (offset: number): Code<'i32'> => {
    const numAhead = add(add(isAhead(1), isAhead(2)), isAhead(3)); // below 0: −1 for each
    const statements: Statement[] = [
      set(x, v128.load(at, offset)),
      set(
        size,
        v128.and(
          x,
          lanes(() => (bytes === 2 ? 0x7fff : 0x7fffffff)),
        ),
      ),
      set(largest, maxS(largest, size)),
      set(
        ahead,
        gtS(
          numAhead,
          lanes(() => -2),
        ),
      ),
      v128.store(at, v128.and(x, ahead), offset),
    ];
    return after(statements, bitmask(ahead));
  };
  const kept = bytes === 2 ? vector(0) : i32.or(vector(0), i32.shl(vector(16), i32.const(4)));
  const body = repeatWhile(
    i32.ltU(at, end),
    i32.store8(packed, i32.load8U(i32.add(kept, table))),
    advance(at, bytes * 8),
    advance(packed, 1),
  );
  return {
    name: `mask${bytes}`,
    params,
    locals: [x, size, ahead, largest],
    body: [body, v128.store(out, largest)],
  };
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
  compiled ??= new WebAssembly.Module(
    assembleModule({ memory: { module: 'host', name: 'memory' }, functions: [maskKernel(2), maskKernel(4)] }),
  );
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
