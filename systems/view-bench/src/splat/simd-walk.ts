/** What both SIMD kernels do: walk the rows of a Gaussian in a tile, four pixels at once, and compute its α.
 *
 *  A Gaussian is given by its ridge: in a row at distance dy from its centre σ = ½ a t² + ½ k dy² with t = x − m,
 *  m = u − ½ + (b/a) dy, k = c − b²/a. Both terms are small where it is seen, so that float32 is enough for them;
 *  m, the row's span and k dy² are float64. Then α = o 2^y with y = −σ log₂ e. */
import {
  advance,
  f32,
  f32x4,
  f64,
  i32,
  i32x4,
  local,
  repeatWhile,
  sequence,
  set,
  v128,
  when,
  type Code,
  type Local,
  type Statement,
  type Value,
  type ValueType,
} from '@tenfold/core/wasm';
import { SPAN_SLACK } from './limits.ts';
import { FIELDS, PIXELS, PLANES } from './simd-layout.ts';

export type Vector = Local<'v128'>;

/** 2^f for |f| ≤ ½ with a relative error of 2e-9 (Remez), lowest power first. */
const POWERS = [
  1.0000000005541667, 0.6931472057372675, 0.2402264689063412, 0.055503287769655664, 0.009618488957110535,
  0.001339993121912195, 0.00015345812004788687,
] as const;
/** Adding it rounds to a whole number, which then stands in the low bits. */
const ROUNDER = 1.5 * 2 ** 23;
/** Far below α = 1/255, and no underflow. */
const MIN_EXPONENT = -30;
const MANTISSA_BITS = 23;

/** A kernel's local variables, and those that walking needs. */
export interface Walk {
  readonly locals: readonly Local[];
  readonly add: <T extends ValueType>(type: T) => Local<T>;
  readonly vectors: (count: number) => Vector[];
  /** Address of the record */ readonly record: Local<'i32'>;
  /** Byte of the first of four pixels in a plane */ readonly pixel: Local<'i32'>;
  readonly dy: Local<'f64'>;
  readonly t: Vector;
  /** y at t = 0 */ readonly rest: Vector;
  readonly along: Vector;
  readonly opacity: Vector;
  /** y */ readonly exponent: Vector;
  /** 2^y */ readonly fall: Vector;
  /** A constant in all lanes, kept in a local: building it in place takes three instructions each time. */
  readonly all: (value: number) => Vector;
  /** Sets the constants asked for so far. */
  readonly setConstants: () => Statement;
}

export const lanes = (...values: readonly [number, number, number, number]): Code<'v128'> =>
  v128.const(Float32Array.from(values));
export const ZERO = lanes(0, 0, 0, 0);

export function createWalk(): Walk {
  const locals: Local[] = [];
  const add = <T extends ValueType>(type: T): Local<T> => {
    const one = local(type);
    locals.push(one);
    return one;
  };
  const constants = new Map<number, Vector>();
  return {
    locals,
    add,
    vectors: (count) => Array.from({ length: count }, () => add('v128')),
    record: add('i32'),
    pixel: add('i32'),
    dy: add('f64'),
    t: add('v128'),
    rest: add('v128'),
    along: add('v128'),
    opacity: add('v128'),
    exponent: add('v128'),
    fall: add('v128'),
    all(value) {
      const constant = constants.get(value) ?? add('v128');
      constants.set(value, constant);
      return constant;
    },
    setConstants: () =>
      sequence(...[...constants].map(([value, constant]) => set(constant, lanes(value, value, value, value)))),
  };
}

/** A double, rounded, in all lanes. */
export const splat = (value: Value<'f64'>): Code<'v128'> => f32x4.splat(f32.demoteF64(value));

export interface RowCode {
  readonly begin?: Statement;
  /** For four pixels */ readonly group: Statement;
  readonly end?: Statement;
}

/** Runs the pieces over all rows of the record. @param width  the tile's pixels a row */
export function walkRows(walk: Walk, width: Local<'i32'>, { begin, group, end }: RowCode): Statement {
  const { add, record, pixel, t, rest, dy } = walk;
  const [y, yEnd, x, xEnd] = [add('i32'), add('i32'), add('i32'), add('i32')];
  const [square, half, middle] = [add('f64'), add('f64'), add('f64')];
  const field = (name: keyof typeof FIELDS) => f64.load(record, FIELDS[name]);
  const span = sequence(
    set(half, f64.add(f64.sqrt(half), f64.const(SPAN_SLACK))),
    set(middle, f64.add(field('middle'), f64.mul(field('slope'), dy))),
    set(x, i32.truncSatF64S(f64.ceil(f64.sub(middle, half)))),
    // Groups begin at multiples of four; lanes outside the ellipse fail the α test.
    set(x, i32.and(i32.select(x, i32.const(0), i32.gtS(x, i32.const(0))), i32.const(-4))),
    set(xEnd, i32.add(i32.truncSatF64S(f64.floor(f64.add(middle, half))), i32.const(1))),
    set(xEnd, i32.select(xEnd, width, i32.ltS(xEnd, width))),
  );
  const groups = when(
    i32.ltS(x, xEnd),
    set(rest, splat(f64.mul(field('across'), square))),
    set(pixel, i32.add(i32.shl(y, i32.const(6)), i32.shl(x, i32.const(2)))),
    set(t, f32x4.add(splat(f64.sub(f64.convertI32S(x), middle)), lanes(0, 1, 2, 3))),
    ...(begin ? [begin] : []),
    repeatWhile(i32.ltS(x, xEnd), group, set(t, f32x4.add(t, walk.all(4))), advance(pixel, 16), advance(x, 4)),
    ...(end ? [end] : []),
  );
  const row = sequence(
    set(dy, f64.sub(field('center'), f64.convertI32S(y))),
    set(square, f64.mul(dy, dy)),
    set(half, f64.sub(field('reach'), f64.mul(field('fall'), square))),
    when(f64.ge(half, f64.const(0)), span, groups),
    advance(y, 1),
  );
  return sequence(
    set(walk.along, v128.load32Splat(record, FIELDS.along)),
    set(walk.opacity, v128.load32Splat(record, FIELDS.opacity)),
    set(y, i32.load(record, FIELDS.rowStart)),
    set(yEnd, i32.load(record, FIELDS.rowEnd)),
    when(i32.ltS(y, yEnd), repeatWhile(i32.ltS(y, yEnd), row)),
  );
}

/** Sets `exponent` and `fall`. */
export function setFall(walk: Walk): Statement {
  const { t, along, rest, exponent, fall, all } = walk;
  const [rounded, square] = [walk.add('v128'), walk.add('v128')];
  const [p0, p1, p2, p3, p4, p5, p6] = POWERS.map(all) as [Vector, Vector, Vector, Vector, Vector, Vector, Vector];
  const line = (low: Vector, high: Vector) => f32x4.add(low, f32x4.mul(high, fall));
  // Estrin's scheme: half as long a chain as Horner's.
  const power = f32x4.add(
    f32x4.add(line(p0, p1), f32x4.mul(line(p2, p3), square)),
    f32x4.mul(f32x4.add(line(p4, p5), f32x4.mul(p6, square)), f32x4.mul(square, square)),
  );
  return sequence(
    set(exponent, f32x4.pmax(f32x4.add(f32x4.mul(f32x4.mul(t, t), along), rest), all(MIN_EXPONENT))),
    set(rounded, f32x4.add(exponent, all(ROUNDER))),
    set(fall, f32x4.sub(exponent, f32x4.sub(rounded, all(ROUNDER)))),
    set(square, f32x4.mul(fall, fall)),
    set(fall, i32x4.add(power, i32x4.shl(rounded, i32.const(MANTISSA_BITS)))),
  );
}

/** Four pixels of a plane. */
export const loadPixels = (walk: Walk, plane: keyof typeof PLANES): Code<'v128'> =>
  v128.load(walk.pixel, 4 * PIXELS * PLANES[plane]);
export const storePixels = (walk: Walk, plane: keyof typeof PLANES, value: Value<'v128'>): Statement =>
  v128.store(walk.pixel, value, 4 * PIXELS * PLANES[plane]);
