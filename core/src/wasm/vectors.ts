/** Instructions on vectors of 128 bits, by the shape of their lanes, named as in the text format: `f64x2.add(x, y)` is
 *  `(f64x2.add x y)`. */
import { binary, codeOf, load, simd, store, unary } from './build.ts';
import { wasmError } from './wasm-errors.ts';
import type { Code, Value, ValueType } from './types.ts';

type Vector = Value<'v128'>;
const VECTOR_BYTES = 16;

const one = (opcode: number): ((x: Vector) => Code<'v128'>) => unary('v128', 'v128', ...simd(opcode));
const two = (opcode: number): ((x: Vector, y: Vector) => Code<'v128'>) => binary('v128', 'v128', ...simd(opcode));
const toInteger = (opcode: number): ((x: Vector) => Code<'i32'>) => unary('v128', 'i32', ...simd(opcode));
const splat = <A extends ValueType>(of: A, opcode: number) => unary(of, 'v128', ...simd(opcode));
const reading = (opcode: number) => load('v128', ...simd(opcode));
const shift =
  (opcode: number) =>
  (x: Vector, count: Value<'i32'>): Code<'v128'> =>
    codeOf('v128', [x, count, ...simd(opcode)]);
const three =
  (opcode: number) =>
  (x: Vector, y: Vector, z: Vector): Code<'v128'> =>
    codeOf('v128', [x, y, z, ...simd(opcode)]);

export const v128 = {
  /** @param lanes  16 bytes, whatever their type
   *  @throws TF-WASM-003 for another size */
  const(lanes: ArrayBufferView): Code<'v128'> {
    if (lanes.byteLength !== VECTOR_BYTES) throw wrongSize('v128.const', '16 bytes', lanes.byteLength);
    return codeOf('v128', [...simd(0x0c), ...new Uint8Array(lanes.buffer, lanes.byteOffset, VECTOR_BYTES)]);
  },
  load: reading(0x00),
  /** One value of 32 bits in all lanes. */
  load32Splat: reading(0x09),
  /** One value of 64 bits in both lanes. */
  load64Splat: reading(0x0a),
  /** A value of 64 bits, then zeros. */
  load64Zero: reading(0x5d),
  store: store('v128', ...simd(0x0b)),
  not: one(0x4d),
  and: two(0x4e),
  /** The bits of x that are 0 in y. */
  andnot: two(0x4f),
  or: two(0x50),
  xor: two(0x51),
  /** The bits of x where the mask is 1, else those of y. */
  bitselect: three(0x52),
  anyTrue: toInteger(0x53),
};

/** @param lanes  of x from 0 on, then of y
 *  @throws TF-WASM-003 for a lane that neither has */
function shuffle(subject: string, laneBytes: number) {
  const numLanes = VECTOR_BYTES / laneBytes;
  return (x: Vector, y: Vector, lanes: readonly number[]): Code<'v128'> => {
    if (lanes.length !== numLanes) throw wrongSize(subject, `${numLanes} lanes`, lanes.length);
    const wrong = lanes.find((lane) => !Number.isInteger(lane) || lane < 0 || lane >= 2 * numLanes);
    if (wrong !== undefined) throw wrongSize(subject, `lanes from 0 to ${2 * numLanes - 1}`, wrong);
    const bytes = lanes.flatMap((lane) => Array.from({ length: laneBytes }, (_, byte) => lane * laneBytes + byte));
    return codeOf('v128', [x, y, ...simd(0x0d), ...bytes]);
  };
}

export const i8x16 = { shuffle: shuffle('i8x16.shuffle', 1) };

export const i16x8 = {
  gtS: two(0x31),
  bitmask: toInteger(0x84),
  add: two(0x8e),
  maxS: two(0x98),
};

export const i32x4 = {
  splat: splat('i32', 0x11),
  gtS: two(0x3b),
  bitmask: toInteger(0xa4),
  shl: shift(0xab),
  add: two(0xae),
  maxS: two(0xb8),
};

export const i64x2 = {
  shl: shift(0xcb),
  shrU: shift(0xcd),
  add: two(0xce),
  sub: two(0xd1),
};

export const f32x4 = {
  splat: splat('f32', 0x13),
  extractLane(x: Vector, lane: number): Code<'f32'> {
    if (![0, 1, 2, 3].includes(lane)) throw wrongSize('f32x4.extractLane', 'a lane from 0 to 3', lane);
    return codeOf('f32', [x, ...simd(0x1f), lane]);
  },
  /** Four lanes of both vectors; the same bytes as `i8x16.shuffle` of their places. */
  shuffle: shuffle('f32x4.shuffle', 4),
  ne: two(0x42),
  lt: two(0x43),
  gt: two(0x44),
  le: two(0x45),
  ge: two(0x46),
  /** Two doubles rounded, then two zeros. */
  demoteF64x2Zero: one(0x5e),
  abs: one(0xe0),
  add: two(0xe4),
  sub: two(0xe5),
  mul: two(0xe6),
  div: two(0xe7),
  min: two(0xe8),
  max: two(0xe9),
  /** y where y < x, else x */
  pmin: two(0xea),
  /** y where x < y, else x: one instruction, unlike max, which looks after NaN. */
  pmax: two(0xeb),
};

export const f64x2 = {
  lt: two(0x49),
  gt: two(0x4a),
  le: two(0x4b),
  ge: two(0x4c),
  /** The first two of four float32. */
  promoteLowF32x4: one(0x5f),
  abs: one(0xec),
  add: two(0xf0),
  sub: two(0xf1),
  mul: two(0xf2),
  div: two(0xf3),
  /** y where x < y, else x */
  pmax: two(0xf7),
  /** x · y + z, rounded once or twice as the machine likes: relaxed SIMD, which an engine may lack. */
  relaxedMadd: three(0x107),
};

function wrongSize(subject: string, expected: string, actual: number): Error {
  return wasmError('TF-WASM-003', { subject, expected, actual: String(actual) });
}
