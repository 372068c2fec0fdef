/** What both SIMD kernels do: walk the rows of a Gaussian in a tile, four pixels at once, and compute its α.
 *
 *  A Gaussian is given by its ridge: in a row at distance dy from its centre σ = ½ a t² + ½ k dy² with t = x − m,
 *  m = u − ½ + (b/a) dy, k = c − b²/a. Both terms are small where it is seen, so that float32 is enough for them;
 *  m, the row's span and k dy² are float64. Then α = o 2^y with y = −σ log₂ e. */
import {
  code,
  createLocals,
  f32x4,
  f64,
  i32,
  repeat,
  set,
  i32x4,
  v128,
  when,
  type Bytes,
  type Locals,
} from './wasm-code.ts';
import { SPAN_SLACK } from './limits.ts';
import { FIELDS, PLANES, PIXELS } from './simd-layout.ts';

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

/** Local variables of a kernel. */
export interface Walk {
  readonly locals: Locals;
  /** i32 address of the record */ readonly record: Bytes;
  /** i32 byte of the first of four pixels in a plane */ readonly pixel: Bytes;
  /** f64 */ readonly dy: Bytes;
  /** f32x4 */ readonly t: Bytes;
  /** f32x4 y at t = 0 */ readonly rest: Bytes;
  readonly along: Bytes;
  readonly opacity: Bytes;
  /** f32x4 y */ readonly exponent: Bytes;
  /** f32x4 2^y */ readonly fall: Bytes;
  /** A constant in all lanes; building it in place would take three instructions each time. */
  readonly all: (value: number) => Bytes;
  /** Sets the constants asked for so far. */
  readonly constants: () => Bytes;
}

export function createWalk(numParams: number): Walk {
  const locals = createLocals(numParams);
  const pool = new Map<number, Bytes>();
  return {
    locals,
    record: locals.add('i32'),
    pixel: locals.add('i32'),
    dy: locals.add('f64'),
    t: locals.add('v128'),
    rest: locals.add('v128'),
    along: locals.add('v128'),
    opacity: locals.add('v128'),
    exponent: locals.add('v128'),
    fall: locals.add('v128'),
    all(value) {
      const local = pool.get(value) ?? locals.add('v128');
      pool.set(value, local);
      return local;
    },
    constants: () => code(...[...pool].map(([value, local]) => set(local, f32x4.all(value)))),
  };
}

export interface RowCode {
  readonly begin: Bytes;
  /** For four pixels */ readonly group: Bytes;
  readonly end: Bytes;
}

/** Runs the pieces over all rows of the record. @param width  local with the tile's pixels a row */
export function rowsOf(walk: Walk, width: Bytes, { begin, group, end }: RowCode): Bytes {
  const { locals, record, pixel, t, rest, dy } = walk;
  const [y, yEnd, x, xEnd] = Array.from({ length: 4 }, () => locals.add('i32')) as [Bytes, Bytes, Bytes, Bytes];
  const [square, half, middle] = Array.from({ length: 3 }, () => locals.add('f64')) as [Bytes, Bytes, Bytes];
  const field = (name: keyof typeof FIELDS) => f64.load(record, FIELDS[name]);
  const span = code(
    set(half, f64.add(f64.sqrt(half), f64.of(SPAN_SLACK))),
    set(middle, f64.add(field('middle'), f64.mul(field('slope'), dy))),
    set(x, i32.fromF64(f64.ceil(f64.sub(middle, half)))),
    // Groups begin at multiples of four; lanes outside the ellipse fail the α test.
    set(x, i32.and(i32.select(x, i32.of(0), i32.isGreater(x, i32.of(0))), i32.of(-4))),
    set(xEnd, i32.add(i32.fromF64(f64.floor(f64.add(middle, half))), i32.of(1))),
    set(xEnd, i32.select(xEnd, width, i32.isLess(xEnd, width))),
  );
  const row = code(
    set(dy, f64.sub(field('center'), f64.fromI32(y))),
    set(square, f64.mul(dy, dy)),
    set(half, f64.sub(field('reach'), f64.mul(field('fall'), square))),
    when(
      f64.isAtLeast(half, f64.of(0)),
      span,
      when(
        i32.isLess(x, xEnd),
        set(rest, f32x4.splatF64(f64.mul(field('across'), square))),
        set(pixel, i32.add(i32.shiftLeft(y, i32.of(6)), i32.shiftLeft(x, i32.of(2)))),
        set(t, f32x4.add(f32x4.splatF64(f64.sub(f64.fromI32(x), middle)), f32x4.of(0, 1, 2, 3))),
        begin,
        repeat(
          i32.isLess(x, xEnd),
          group,
          set(t, f32x4.add(t, walk.all(4))),
          set(pixel, i32.add(pixel, i32.of(16))),
          set(x, i32.add(x, i32.of(4))),
        ),
        end,
      ),
    ),
    set(y, i32.add(y, i32.of(1))),
  );
  return code(
    set(walk.along, v128.loadSplat(record, FIELDS.along)),
    set(walk.opacity, v128.loadSplat(record, FIELDS.opacity)),
    set(y, i32.load(record, FIELDS.rowStart)),
    set(yEnd, i32.load(record, FIELDS.rowEnd)),
    when(i32.isLess(y, yEnd), repeat(i32.isLess(y, yEnd), row)),
  );
}

/** Sets `exponent` and `fall`. */
export function fallOf(walk: Walk): Bytes {
  const { t, along, rest, exponent, fall, all } = walk;
  const [rounded, square] = [walk.locals.add('v128'), walk.locals.add('v128')];
  const [p0, p1, p2, p3, p4, p5, p6] = POWERS.map(all) as [Bytes, Bytes, Bytes, Bytes, Bytes, Bytes, Bytes];
  const line = (low: Bytes, high: Bytes) => f32x4.add(low, f32x4.mul(high, fall));
  // Estrin's scheme: half as long a chain as Horner's.
  const power = f32x4.add(
    f32x4.add(line(p0, p1), f32x4.mul(line(p2, p3), square)),
    f32x4.mul(f32x4.add(line(p4, p5), f32x4.mul(p6, square)), f32x4.mul(square, square)),
  );
  return code(
    set(exponent, f32x4.larger(f32x4.add(f32x4.mul(f32x4.mul(t, t), along), rest), all(MIN_EXPONENT))),
    set(rounded, f32x4.add(exponent, all(ROUNDER))),
    set(fall, f32x4.sub(exponent, f32x4.sub(rounded, all(ROUNDER)))),
    set(square, f32x4.mul(fall, fall)),
    set(fall, i32x4.add(power, i32x4.shiftLeft(rounded, i32.of(MANTISSA_BITS)))),
  );
}

/** Four pixels of a plane. */
export const pixelsOf = (walk: Walk, plane: keyof typeof PLANES): Bytes =>
  v128.load(walk.pixel, 4 * PIXELS * PLANES[plane]);
export const storePixels = (walk: Walk, plane: keyof typeof PLANES, value: Bytes): Bytes =>
  v128.store(walk.pixel, 4 * PIXELS * PLANES[plane], value);
