/** `enum-alm` in WebAssembly SIMD: four blocks at a time in two pairs of doubles, lanes are blocks. The same operations in
 *  the same order as prox.ts, and a lane that has come to rest is left alone, so the results are the same numbers. */
import {
  advance,
  assembleModule,
  f32x4,
  f64x2,
  i32,
  i32x4,
  local,
  locals,
  repeatWhile,
  sequence,
  set,
  v128,
  when,
  type Code,
  type Local,
  type Statement,
  type Value,
  type WasmFunction,
} from '@tenfold/core/wasm';

const MAX_SWEEPS = 100;
const BYTES_A_TIME = 64;
const SWEEP_TOLERANCE = 1e-9;
const PIECE_BYTES = 65_536;
const SUPPORT_AT = 0;
const LAMBDA_AT = 32;
const PIECE_AT = 64;

type Vector = Value<'v128'>;
type VectorLocal = Local<'v128'>;

const both = (value: number): Code<'v128'> => v128.const(Float64Array.of(value, value));
const ZERO = both(0);
const LAMBDA = v128.load64Splat(i32.const(LAMBDA_AT));
const SIGN_BIT = v128.const(BigUint64Array.of(1n << 63n, 1n << 63n));
const [times, plus, minus] = [f64x2.mul, f64x2.add, f64x2.sub];
const total = (terms: readonly Vector[]): Vector => terms.reduce((sum, term) => plus(sum, term));
/** Takes the value in the lanes of `lanes`. */
const setWhere = (target: VectorLocal, value: Vector, lanes: Vector): Statement =>
  set(target, v128.bitselect(value, target, lanes));
const whenAny = (x: Vector, y: Vector, ...body: readonly Statement[]): Statement =>
  when(v128.anyTrue(v128.or(x, y)), ...body);

const PARAMS = locals('i32', 2);
const [AT, END] = PARAMS;
const [SWEEP, BITS] = [local('i32'), local('i32')];
const PLACES = [0, 1, 2, 3] as const;
/** The sorting network. */
const SWAPS = [[0, 1], [2, 3], [0, 2], [1, 3], [1, 2]] as const; // prettier-ignore

/** Locals of two blocks. */
function sideOf(side: 0 | 1) {
  const four = (): VectorLocal[] => locals('v128', 4);
  const [z, w, fresh, best, swaps] = [four(), four(), four(), four(), locals('v128', SWAPS.length)];
  const scalars = locals('v128', 5);
  const [value, isConvex, isMoving, x, y] = scalars;
  const all = [...z, ...w, ...fresh, ...best, ...swaps, ...scalars];
  return { offset: 32 * side, all, z, w, fresh, best, swaps, value, isConvex, isMoving, x, y };
}
type Side = ReturnType<typeof sideOf>;
const SIDES = [sideOf(0), sideOf(1)] as const;
const each = (visit: (side: Side) => readonly Statement[]): Statement[] => SIDES.flatMap(visit);

/** Element `i` of both blocks as doubles. */
const elements = ({ offset }: Side, i: number): Code<'v128'> =>
  f64x2.promoteLowF32x4(f32x4.shuffle(v128.load(AT, offset), v128.load(AT, offset + 16), [i, 4 + i, i, i]));

/** Sizes of two blocks, one vector a place, largest first. */
function sorted(side: Side): Statement[] {
  const { z, swaps, x } = side;
  const network = SWAPS.flatMap(([i, j], index) => [
    set(swaps[index], f64x2.lt(z[i], z[j])),
    set(x, z[i]),
    setWhere(z[i], z[j], swaps[index]),
    setWhere(z[j], x, swaps[index]),
  ]);
  return [...PLACES.map((i) => set(z[i], f64x2.abs(elements(side, i)))), ...network];
}

/** max(0, z − λ·pull); NaN stays. */
const pulled = (z: Vector, pull: Vector): Code<'v128'> => f64x2.pmax(minus(z, pull), ZERO);

/** One round of coordinate minimisation over all four, smallest first: w to fresh. */
function sweepFour({ z, w, fresh, x, y }: Side): Statement[] {
  const [a, b] = w;
  const [fa, fb, fc, fd] = fresh;
  const pull = (other: Vector): Vector => times(LAMBDA, plus(x, times(y, other)));
  const pair = (i: Vector, j: Vector): Statement => sequence(set(x, times(i, j)), set(y, plus(i, j)));
  return [
    pair(a, b),
    set(fd, pulled(z[3], pull(w[2]))),
    set(fc, pulled(z[2], pull(fd))),
    pair(fc, fd),
    set(fb, pulled(z[1], pull(a))),
    set(fa, pulled(z[0], pull(fb))),
  ];
}

function sweepThree({ z, w, fresh, x }: Side): Statement[] {
  const [a, b] = w;
  const [fa, fb, fc, fd] = fresh;
  return [
    set(fc, pulled(z[2], times(times(LAMBDA, a), b))),
    set(x, times(LAMBDA, fc)),
    set(fb, pulled(z[1], times(x, a))),
    set(fa, pulled(z[0], times(x, fb))),
    set(fd, ZERO),
  ];
}

/** Rounds until the lanes in `isMoving` rest, at most a hundred. */
function rounds(sweep: (side: Side) => Statement[], isAtRest: (side: Side, moved: Vector) => Vector): Statement[] {
  const settle = (side: Side): Statement[] => {
    const { w, fresh, isMoving, x } = side;
    const moved = total(PLACES.map((i) => f64x2.abs(minus(fresh[i], w[i]))));
    return [
      set(x, isAtRest(side, moved)),
      ...PLACES.map((i) => setWhere(w[i], fresh[i], isMoving)),
      set(isMoving, v128.andnot(isMoving, x)),
    ];
  };
  const isOn = v128.anyTrue(v128.or(SIDES[0].isMoving, SIDES[1].isMoving));
  return [
    set(SWEEP, i32.const(0)),
    repeatWhile(
      i32.and(i32.ltU(SWEEP, i32.const(MAX_SWEEPS)), isOn),
      ...each(sweep),
      ...each(settle),
      advance(SWEEP, 1),
    ),
  ];
}

/** ½‖w − z‖² + λ e₃(w) */
function objective({ z, w }: Side): Vector {
  const [a, b, c, d] = w;
  const distance = total(PLACES.map((i) => times(minus(w[i], z[i]), minus(w[i], z[i]))));
  const product = plus(times(times(a, b), plus(c, d)), times(times(c, d), plus(a, b)));
  return plus(times(distance, both(0.5)), times(LAMBDA, product));
}

const start = ({ w, isMoving }: Side, from: (i: number) => Vector, lanes: Vector): Statement[] => [
  ...PLACES.map((i) => set(w[i], from(i))),
  set(isMoving, lanes),
];

function takeIfBetter(side: Side, isAllowed: Vector): Statement[] {
  const { w, best, value, x, y } = side;
  return [
    set(y, objective(side)),
    set(x, v128.and(f64x2.lt(y, value), isAllowed)),
    ...PLACES.map((i) => setWhere(best[i], w[i], x)),
    setWhere(value, y, x),
  ];
}

/** Back to the places and signs of y, stored as float32. */
function unsorted(side: Side): Statement[] {
  const { offset, best, swaps, x } = side;
  const network = [...SWAPS.entries()]
    .toReversed()
    .flatMap(([index, [i, j]]) => [
      set(x, best[i]),
      setWhere(best[i], best[j], swaps[index]),
      setWhere(best[j], x, swaps[index]),
    ]);
  const signs = PLACES.map((i) =>
    set(best[i], f32x4.demoteF64x2Zero(v128.or(v128.and(elements(side, i), SIGN_BIT), best[i]))),
  );
  const low = f32x4.shuffle(best[0], best[1], [0, 4, 1, 5]);
  const high = f32x4.shuffle(best[2], best[3], [0, 4, 1, 5]);
  const result = (at: number, lanes: readonly number[]): Statement[] => [
    set(x, f32x4.shuffle(low, high, lanes)),
    v128.store(AT, x, at),
    // support[number of non-zeros]++
    set(BITS, i32.shl(i32.popcnt(i32x4.bitmask(f32x4.ne(x, v128.const(new Float32Array(4))))), i32.const(2))),
    i32.store(BITS, i32.add(i32.load(BITS, SUPPORT_AT), i32.const(1)), SUPPORT_AT),
  ];
  return [...network, ...signs, ...result(offset, [0, 1, 4, 5]), ...result(offset + 16, [2, 3, 6, 7])];
}

function proxKernel(): WasmFunction {
  const isPlain = ({ isConvex }: Side): Code<'v128'> => v128.not(isConvex);
  const [first, second] = SIDES;
  const prepare = (side: Side): Statement[] => {
    const { z, best, value, isConvex } = side;
    const [a, b, c, d] = z;
    const bound = times(times(both(2), LAMBDA), plus(plus(a, b), c));
    return [
      ...sorted(side),
      set(isConvex, f64x2.le(bound, both(1))),
      set(best[0], a),
      set(best[1], b),
      set(best[2], ZERO),
      set(best[3], ZERO),
      set(value, times(plus(times(c, c), times(d, d)), both(0.5))),
    ];
  };
  const body = repeatWhile(
    i32.ltU(AT, END),
    ...each(prepare),
    whenAny(
      first.isConvex,
      second.isConvex,
      ...each((side) => start(side, (i) => side.z[i], side.isConvex)),
      ...rounds(sweepFour, ({ fresh }, moved) => v128.not(f64x2.ge(moved, times(both(SWEEP_TOLERANCE), fresh[0])))),
      ...each(({ w, best, isConvex }) => PLACES.map((i) => setWhere(best[i], w[i], isConvex))),
    ),
    whenAny(
      isPlain(first),
      isPlain(second),
      ...[sweepThree, sweepFour].flatMap((sweep) => [
        ...each((side) => start(side, () => ZERO, isPlain(side))),
        ...rounds(sweep, (_, moved) => f64x2.lt(moved, both(SWEEP_TOLERANCE))),
        ...each((side) =>
          takeIfBetter(side, sweep === sweepThree ? isPlain(side) : v128.and(isPlain(side), f64x2.gt(side.z[3], ZERO))),
        ),
      ]),
    ),
    ...each(unsorted),
    advance(AT, BYTES_A_TIME),
  );
  return { name: 'prox', params: PARAMS, locals: [SWEEP, BITS, ...first.all, ...second.all], body: [body] };
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
  const bytes = assembleModule({ memory: { module: 'host', name: 'memory' }, functions: [proxKernel()] });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { host: { memory } });
  return { buffer: memory.buffer, run: (exports as unknown as { prox: (at: number, end: number) => void }).prox };
}
