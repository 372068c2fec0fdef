/** Instructions on numbers, named as in the text format: `i32.ltU(x, y)` is `(i32.lt_u x y)`. */
import { binary, codeOf, load, store, unary } from './build.ts';
import { signedLeb } from './leb.ts';
import type { Code, Value } from './types.ts';

const bytesOf = (array: Float32Array | Float64Array): Uint8Array => new Uint8Array(array.buffer);

export const i32 = {
  const: (value: number): Code<'i32'> => codeOf('i32', [0x41, ...signedLeb(value)]),
  eqz: unary('i32', 'i32', 0x45),
  ltS: binary('i32', 'i32', 0x48),
  ltU: binary('i32', 'i32', 0x49),
  gtS: binary('i32', 'i32', 0x4a),
  geS: binary('i32', 'i32', 0x4e),
  geU: binary('i32', 'i32', 0x4f),
  popcnt: unary('i32', 'i32', 0x69),
  add: binary('i32', 'i32', 0x6a),
  sub: binary('i32', 'i32', 0x6b),
  mul: binary('i32', 'i32', 0x6c),
  and: binary('i32', 'i32', 0x71),
  or: binary('i32', 'i32', 0x72),
  shl: binary('i32', 'i32', 0x74),
  /** x where the condition is not 0, else y; both are computed. */
  select: (x: Value<'i32'>, y: Value<'i32'>, condition: Value<'i32'>): Code<'i32'> =>
    codeOf('i32', [x, y, condition, 0x1b]),
  /** Towards zero; NaN gives 0, what is too large the nearest end. */
  truncSatF64S: unary('f64', 'i32', 0xfc, 0x02),
  load: load('i32', 0x28),
  load8U: load('i32', 0x2d),
  store: store('i32', 0x36),
  store8: store('i32', 0x3a),
};

export const f32 = {
  const: (value: number): Code<'f32'> => codeOf('f32', [0x43, ...bytesOf(Float32Array.of(value))]),
  add: binary('f32', 'f32', 0x92),
  mul: binary('f32', 'f32', 0x94),
  demoteF64: unary('f64', 'f32', 0xb6),
  load: load('f32', 0x2a),
  store: store('f32', 0x38),
};

export const f64 = {
  const: (value: number): Code<'f64'> => codeOf('f64', [0x44, ...bytesOf(Float64Array.of(value))]),
  lt: binary('f64', 'i32', 0x63),
  ge: binary('f64', 'i32', 0x66),
  ceil: unary('f64', 'f64', 0x9b),
  floor: unary('f64', 'f64', 0x9c),
  sqrt: unary('f64', 'f64', 0x9f),
  add: binary('f64', 'f64', 0xa0),
  sub: binary('f64', 'f64', 0xa1),
  mul: binary('f64', 'f64', 0xa2),
  convertI32S: unary('i32', 'f64', 0xb7),
  load: load('f64', 0x2b),
};
