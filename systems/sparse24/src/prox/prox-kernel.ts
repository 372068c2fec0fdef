/** `enum-alm` in WebAssembly SIMD: four blocks at a time in two pairs of doubles, lanes are blocks. The same operations in
 *  the same order as prox.ts, and a lane that has come to rest is left alone, so the results are the same numbers. */
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

/** Both below 128: a constant of two bytes. */
const MAX_SWEEPS = 100;
const BYTES_A_TIME = 64;
const SWEEP_TOLERANCE = 1e-9;
const PIECE_BYTES = 65_536;
const SUPPORT_AT = 0;
const LAMBDA_AT = 32;
const PIECE_AT = 64;

const [ABS, ADD, SUB, MUL, PMAX] = [0xec, 0xf0, 0xf1, 0xf2, 0xf7].map(simd) as [Bytes, Bytes, Bytes, Bytes, Bytes];
const [LESS, GREATER, NOT_LESS] = [0x49, 0x4a, 0x4c].map(simd) as [Bytes, Bytes, Bytes];
const [NOT, AND, OR, SELECT, ANY] = [0x4d, 0x4e, 0x50, 0x52, 0x53].map(simd) as [Bytes, Bytes, Bytes, Bytes, Bytes];
const both = (value: number): Bytes => constant(new Uint8Array(Float64Array.of(value, value).buffer));
const ZERO = both(0);
const LAMBDA: Bytes = [0x41, LAMBDA_AT, ...access(0x0a, 0)];
const SIGN_BIT = constant(new Uint8Array(BigUint64Array.of(1n << 63n, 1n << 63n).buffer));
const times = (x: Bytes, y: Bytes): Bytes => code(x, y, MUL);
const plus = (x: Bytes, y: Bytes): Bytes => code(x, y, ADD);
const minus = (x: Bytes, y: Bytes): Bytes => code(x, y, SUB);
/** @param when  lanes that get `then` */
const select = (then: Bytes, otherwise: Bytes, when: Bytes): Bytes => code(then, otherwise, when, SELECT);
/** Of two vectors of four float32: lanes 0–3 of the first and 4–7 of the second. */
const pick = (x: Bytes, y: Bytes, ...lanes: readonly number[]): Bytes =>
  code(
    x,
    y,
    simd(0x0d),
    lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte)),
  );
const whenAny = (x: Bytes, y: Bytes, ...body: readonly Bytes[]): Bytes =>
  code(x, y, OR, ANY, [0x04, 0x40], ...body, [0x0b]);

const [AT, END, SWEEP, BITS] = [0, 1, 2, 3];
const PLACES = [0, 1, 2, 3] as const;
/** The sorting network. */
const SWAPS = [[0, 1], [2, 3], [0, 2], [1, 3], [1, 2]] as const; // prettier-ignore

/** Locals of two blocks. */
function sideOf(side: 0 | 1) {
  let next = 4 + side * 26;
  const take = (): number => next++;
  const four = (): readonly number[] => PLACES.map(take);
  return {
    offset: 32 * side,
    z: four(),
    w: four(),
    fresh: four(),
    best: four(),
    swaps: SWAPS.map(take),
    value: take(),
    isConvex: take(),
    isMoving: take(),
    x: take(),
    y: take(),
  };
}
type Side = ReturnType<typeof sideOf>;
const SIDES = [sideOf(0), sideOf(1)] as const;
const each = (visit: (side: Side) => Bytes): Bytes => SIDES.flatMap(visit);

const load = (offset: number): Bytes => code(get(AT), access(0x00, offset));

/** Sizes of two blocks, one vector a place, largest first. */
function sorted({ offset, z, swaps, x }: Side): Bytes {
  const sizes = PLACES.flatMap((i) =>
    code(pick(load(offset), load(offset + 16), i, 4 + i, i, i), simd(0x5f), ABS, set(z[i]!)),
  );
  const network = SWAPS.flatMap(([i, j], index) => {
    const [a, b, isSwapped] = [z[i]!, z[j]!, swaps[index]!];
    return code(
      code(get(a), get(b), LESS, set(isSwapped), get(a), set(x)),
      code(select(get(b), get(a), get(isSwapped)), set(a)),
      code(select(get(x), get(b), get(isSwapped)), set(b)),
    );
  });
  return code(sizes, network);
}

/** max(0, z − λ·pull); NaN stays. */
const pulled = (z: number, pull: Bytes): Bytes => code(minus(get(z), pull), ZERO, PMAX);

/** One round of coordinate minimisation over all four, smallest first: w to fresh. */
function sweepFour({ z, w, fresh, x, y }: Side): Bytes {
  const [a, b] = [w[0]!, w[1]!];
  const [fa, fb, fc, fd] = fresh as readonly [number, number, number, number];
  const pull = (other: number): Bytes => times(LAMBDA, plus(get(x), times(get(y), get(other))));
  const pair = (i: number, j: number): Bytes => code(times(get(i), get(j)), set(x), plus(get(i), get(j)), set(y));
  return code(
    code(pair(a, b), pulled(z[3]!, pull(w[2]!)), set(fd)),
    code(pulled(z[2]!, pull(fd)), set(fc)),
    code(pair(fc, fd), pulled(z[1]!, pull(a)), set(fb)),
    code(pulled(z[0]!, pull(fb)), set(fa)),
  );
}

function sweepThree({ z, w, fresh, x }: Side): Bytes {
  const [a, b] = [w[0]!, w[1]!];
  const [fa, fb, fc, fd] = fresh as readonly [number, number, number, number];
  return code(
    code(pulled(z[2]!, times(times(LAMBDA, get(a)), get(b))), set(fc)),
    code(times(LAMBDA, get(fc)), set(x)),
    code(pulled(z[1]!, times(get(x), get(a))), set(fb)),
    code(pulled(z[0]!, times(get(x), get(fb))), set(fa)),
    code(ZERO, set(fd)),
  );
}

/** Rounds until the lanes in `isMoving` rest, at most a hundred. */
function rounds(sweep: (side: Side) => Bytes, isAtRest: (side: Side, moved: Bytes) => Bytes): Bytes {
  const settle = (side: Side): Bytes => {
    const { w, fresh, isMoving } = side;
    const moved = PLACES.map((i) => code(minus(get(fresh[i]!), get(w[i]!)), ABS)).reduce(plus);
    return code(
      code(isAtRest(side, moved), set(side.x)),
      PLACES.flatMap((i) => code(select(get(fresh[i]!), get(w[i]!), get(isMoving)), set(w[i]!))),
      code(get(isMoving), get(side.x), simd(0x4f), set(isMoving)), // and not
    );
  };
  const isOn = code(get(SIDES[0].isMoving), get(SIDES[1].isMoving), OR, ANY);
  return code(
    code([0x41, 0], set(SWEEP), [0x03, 0x40]),
    code(each(sweep), each(settle), advance(SWEEP, 1)),
    code(get(SWEEP), [0x41, MAX_SWEEPS | 0x80, 0, 0x49], isOn, [0x71, 0x0d, 0, 0x0b]),
  );
}

/** ½‖w − z‖² + λ e₃(w) */
function objective({ z, w }: Side): Bytes {
  const [a, b, c, d] = w.map(get) as unknown as readonly [Bytes, Bytes, Bytes, Bytes];
  const distance = PLACES.map((i) => {
    const step = minus(get(w[i]!), get(z[i]!));
    return times(step, step);
  }).reduce(plus);
  const product = plus(times(times(a, b), plus(c, d)), times(times(c, d), plus(a, b)));
  return plus(times(distance, both(0.5)), times(LAMBDA, product));
}

const start = ({ w, isMoving }: Side, from: (i: number) => Bytes, when: Bytes): Bytes =>
  code(
    PLACES.flatMap((i) => code(from(i), set(w[i]!))),
    when,
    set(isMoving),
  );

function takeIfBetter(side: Side, isAllowed: Bytes): Bytes {
  const { w, best, value, x, y } = side;
  return code(
    code(objective(side), set(y), get(y), get(value), LESS, isAllowed, AND, set(x)),
    PLACES.flatMap((i) => code(select(get(w[i]!), get(best[i]!), get(x)), set(best[i]!))),
    code(select(get(y), get(value), get(x)), set(value)),
  );
}

/** Back to the places and signs of y, stored as float32. */
function unsorted({ offset, best, swaps, x }: Side): Bytes {
  const network = [...SWAPS.entries()].toReversed().flatMap(([index, [i, j]]) => {
    const [a, b, isSwapped] = [best[i]!, best[j]!, swaps[index]!];
    return code(
      code(get(a), set(x), select(get(b), get(a), get(isSwapped)), set(a)),
      code(select(get(x), get(b), get(isSwapped)), set(b)),
    );
  });
  const signs = PLACES.flatMap((i) =>
    code(
      pick(load(offset), load(offset + 16), i, 4 + i, i, i),
      simd(0x5f),
      SIGN_BIT,
      AND,
      get(best[i]!),
      OR,
      simd(0x5e),
      set(best[i]!),
    ),
  );
  const low = pick(get(best[0]!), get(best[1]!), 0, 4, 1, 5);
  const high = pick(get(best[2]!), get(best[3]!), 0, 4, 1, 5);
  const result = (at: number, ...lanes: readonly number[]): Bytes =>
    code(
      code(pick(low, high, ...lanes), set(x), get(AT), get(x), access(0x0b, at)),
      // support[number of non-zeros]++
      code(get(x), constant(new Uint8Array(16)), simd(0x42), simd(0xa4), [0x69, 0x41, 2, 0x74], set(BITS)),
      code(get(BITS), get(BITS), [0x28, 2, SUPPORT_AT, 0x41, 1, 0x6a, 0x36, 2, SUPPORT_AT]),
    );
  return code(network, signs, result(offset, 0, 1, 4, 5), result(offset + 16, 2, 3, 6, 7));
}

function proxKernel(): KernelForm {
  const isPlain = ({ isConvex }: Side): Bytes => code(get(isConvex), NOT);
  const [first, second] = SIDES;
  const body = code(
    [0x03, 0x40],
    each((side) => {
      const { z, best, value, isConvex } = side;
      const [a, b, c, d] = z.map(get) as unknown as readonly [Bytes, Bytes, Bytes, Bytes];
      const bound = times(times(both(2), LAMBDA), plus(plus(a, b), c));
      return code(
        sorted(side),
        code(bound, both(1), simd(0x4b), set(isConvex)), // ≤
        code(a, set(best[0]!), b, set(best[1]!), ZERO, set(best[2]!), ZERO, set(best[3]!)),
        code(times(plus(times(c, c), times(d, d)), both(0.5)), set(value)),
      );
    }),
    whenAny(
      get(first.isConvex),
      get(second.isConvex),
      each((side) => start(side, (i) => get(side.z[i]!), get(side.isConvex))),
      rounds(sweepFour, ({ fresh }, moved) => code(moved, times(both(SWEEP_TOLERANCE), get(fresh[0]!)), NOT_LESS, NOT)),
      each(({ w, best, isConvex }) =>
        PLACES.flatMap((i) => code(select(get(w[i]!), get(best[i]!), get(isConvex)), set(best[i]!))),
      ),
    ),
    whenAny(
      isPlain(first),
      isPlain(second),
      ...[sweepThree, sweepFour].flatMap((sweep) => [
        each((side) => start(side, () => ZERO, isPlain(side))),
        rounds(sweep, (_, moved) => code(moved, both(SWEEP_TOLERANCE), LESS)),
        each((side) =>
          takeIfBetter(
            side,
            sweep === sweepThree ? isPlain(side) : code(isPlain(side), get(side.z[3]!), ZERO, GREATER, AND),
          ),
        ),
      ]),
    ),
    each(unsorted),
    code(get(AT), [0x41, BYTES_A_TIME | 0x80, 0, 0x6a], set(AT), get(AT), get(END), [0x49, 0x0d, 0, 0x0b]),
  );
  return { name: 'prox', numParams: 2, numPointers: 2, numVectors: 52, body };
}

let opened: { readonly buffer: ArrayBuffer; readonly run: (at: number, end: number) => void } | undefined;

/** Solves all blocks of a float32 matrix.  Mutates: w, support (adds blocks by number of non-zeros). */
export function proxMatrix(w: Float32Array, lambda: number, support: Float64Array): void {
  opened ??= open();
  const { buffer, run } = opened;
  new Float64Array(buffer, LAMBDA_AT, 1)[0] = lambda;
  const piece = new Float32Array(buffer, PIECE_AT, PIECE_BYTES / 4);
  const counts = new Uint32Array(buffer, SUPPORT_AT, 5);
  counts.fill(0);
  for (let from = 0; from < w.length; from += piece.length) {
    const part = w.subarray(from, from + piece.length);
    const padded = Math.ceil(part.length / 16) * 16;
    piece.fill(0, part.length, padded).set(part);
    run(PIECE_AT, PIECE_AT + 4 * padded);
    part.set(piece.subarray(0, part.length));
    counts[0] = counts[0]! - (padded - part.length) / 4;
  }
  for (let count = 0; count < 5; count++) support[count] = support[count]! + counts[count]!;
}

function open(): NonNullable<typeof opened> {
  const memory = new WebAssembly.Memory({ initial: 2 });
  const { exports } = new WebAssembly.Instance(moduleOf([proxKernel()]), { host: { memory } });
  return { buffer: memory.buffer, run: (exports as unknown as { prox: (at: number, end: number) => void }).prox };
}
