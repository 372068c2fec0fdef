import assert from 'node:assert/strict';
import test from 'node:test';
import {
  assembleModule,
  f32,
  f32x4,
  f64,
  f64x2,
  i16x8,
  i32,
  i32x4,
  i64x2,
  i8x16,
  local,
  v128,
  type Code,
} from '../../src/wasm/index.ts';

const [I, F, D, V] = [local('i32'), local('f32'), local('f64'), local('v128')];
const SIXTEEN = Array.from({ length: 16 }, (_, i) => 2 * i);

/** Every instruction once. */
const CODE: Readonly<Record<string, Readonly<Record<string, Code>>>> = {
  i32: {
    const: i32.const(-1e6),
    eqz: i32.eqz(I),
    ltS: i32.ltS(I, I),
    ltU: i32.ltU(I, I),
    gtS: i32.gtS(I, I),
    geS: i32.geS(I, I),
    geU: i32.geU(I, I),
    popcnt: i32.popcnt(I),
    add: i32.add(I, I),
    sub: i32.sub(I, I),
    mul: i32.mul(I, I),
    and: i32.and(I, I),
    or: i32.or(I, I),
    shl: i32.shl(I, I),
    select: i32.select(I, I, I),
    truncSatF64S: i32.truncSatF64S(D),
    load: i32.load(I, 300),
    load8U: i32.load8U(I),
    store: i32.store(I, I, 4),
    store8: i32.store8(I, I),
  },
  f32: {
    const: f32.const(0.1),
    add: f32.add(F, F),
    mul: f32.mul(F, F),
    demoteF64: f32.demoteF64(D),
    load: f32.load(I),
    store: f32.store(I, F),
  },
  f64: {
    const: f64.const(0.1),
    lt: f64.lt(D, D),
    ge: f64.ge(D, D),
    ceil: f64.ceil(D),
    floor: f64.floor(D),
    sqrt: f64.sqrt(D),
    add: f64.add(D, D),
    sub: f64.sub(D, D),
    mul: f64.mul(D, D),
    convertI32S: f64.convertI32S(I),
    load: f64.load(I),
  },
  v128: {
    const: v128.const(Int16Array.of(1, 2, 3, 4, 5, 6, 7, 8)),
    load: v128.load(I),
    load32Splat: v128.load32Splat(I),
    load64Splat: v128.load64Splat(I),
    load64Zero: v128.load64Zero(I),
    store: v128.store(I, V, 16),
    not: v128.not(V),
    and: v128.and(V, V),
    andnot: v128.andnot(V, V),
    or: v128.or(V, V),
    xor: v128.xor(V, V),
    bitselect: v128.bitselect(V, V, V),
    anyTrue: v128.anyTrue(V),
  },
  i8x16: { shuffle: i8x16.shuffle(V, V, SIXTEEN) },
  i16x8: { gtS: i16x8.gtS(V, V), bitmask: i16x8.bitmask(V), add: i16x8.add(V, V), maxS: i16x8.maxS(V, V) },
  i32x4: {
    splat: i32x4.splat(I),
    gtS: i32x4.gtS(V, V),
    bitmask: i32x4.bitmask(V),
    shl: i32x4.shl(V, I),
    add: i32x4.add(V, V),
    maxS: i32x4.maxS(V, V),
  },
  i64x2: { shl: i64x2.shl(V, I), shrU: i64x2.shrU(V, I), add: i64x2.add(V, V), sub: i64x2.sub(V, V) },
  f32x4: {
    splat: f32x4.splat(F),
    extractLane: f32x4.extractLane(V, 3),
    shuffle: f32x4.shuffle(V, V, [0, 7, 2, 5]),
    ne: f32x4.ne(V, V),
    lt: f32x4.lt(V, V),
    gt: f32x4.gt(V, V),
    le: f32x4.le(V, V),
    ge: f32x4.ge(V, V),
    demoteF64x2Zero: f32x4.demoteF64x2Zero(V),
    abs: f32x4.abs(V),
    add: f32x4.add(V, V),
    sub: f32x4.sub(V, V),
    mul: f32x4.mul(V, V),
    div: f32x4.div(V, V),
    min: f32x4.min(V, V),
    max: f32x4.max(V, V),
    pmin: f32x4.pmin(V, V),
    pmax: f32x4.pmax(V, V),
  },
  f64x2: {
    lt: f64x2.lt(V, V),
    gt: f64x2.gt(V, V),
    le: f64x2.le(V, V),
    ge: f64x2.ge(V, V),
    promoteLowF32x4: f64x2.promoteLowF32x4(V),
    abs: f64x2.abs(V),
    add: f64x2.add(V, V),
    sub: f64x2.sub(V, V),
    mul: f64x2.mul(V, V),
    div: f64x2.div(V, V),
    pmax: f64x2.pmax(V, V),
    relaxedMadd: f64x2.relaxedMadd(V, V, V),
  },
};
const OPS = { i32, f32, f64, v128, i8x16, i16x8, i32x4, i64x2, f32x4, f64x2 };
/** Relaxed SIMD may be missing from an engine. */
const OPTIONAL = ['f64x2.relaxedMadd'];

function moduleOf(code: Code): Uint8Array<ArrayBuffer> {
  const body = code.type === 'none' ? [code as Code<'none'>] : [];
  const result = code.type === 'none' ? undefined : (code as Code<'i32'>);
  return assembleModule({
    memory: { module: 'host', name: 'memory' },
    functions: [{ name: 'run', params: [I, F], locals: [D, V], body, result }],
  });
}

test('every instruction, with operands and result of its declared types, makes a valid module', () => {
  for (const [shape, ops] of Object.entries(OPS)) {
    assert.deepEqual(Object.keys(CODE[shape]), Object.keys(ops), shape);
    for (const [name, code] of Object.entries(CODE[shape])) {
      if (OPTIONAL.includes(`${shape}.${name}`)) continue;
      assert.ok(WebAssembly.validate(moduleOf(code)), `${shape}.${name}`);
    }
  }
});

const memory = new WebAssembly.Memory({ initial: 1 });

/** Runs `code`, which reads two vectors at 0 and 16, and returns what it leaves at 32. */
function vectorResult(code: Code<'v128'>, ...operands: readonly ArrayBufferView<ArrayBuffer>[]): ArrayBuffer {
  operands.forEach((lanes, i) => new Uint8Array(memory.buffer).set(new Uint8Array(lanes.buffer), 16 * i));
  const bytes = moduleOf(v128.store(i32.const(32), code));
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { host: { memory } });
  (exports as { run: () => void }).run();
  return memory.buffer.slice(32, 48);
}

const [X, Y] = [v128.load(i32.const(0)), v128.load(i32.const(16))];

test('lane arithmetic gives what scalar arithmetic gives in every lane', () => {
  const [x, y] = [Float32Array.of(1.5, -2.25, 1e30, 0.1), Float32Array.of(-0.5, 3, 1e30, 0.7)];
  const cases: readonly [Code<'v128'>, (a: number, b: number) => number][] = [
    [f32x4.add(X, Y), (a, b) => a + b],
    [f32x4.sub(X, Y), (a, b) => a - b],
    [f32x4.mul(X, Y), (a, b) => a * b],
    [f32x4.div(X, Y), (a, b) => a / b],
    [f32x4.min(X, Y), Math.min],
    [f32x4.max(X, Y), Math.max],
    [f32x4.pmin(X, Y), (a, b) => (b < a ? b : a)],
    [f32x4.pmax(X, Y), (a, b) => (a < b ? b : a)],
  ];
  for (const [code, scalar] of cases)
    assert.deepEqual(
      new Float32Array(vectorResult(code, x, y)),
      Float32Array.from(x, (a, i) => scalar(a, y[i])),
    );
  const [d, e] = [Float64Array.of(1 / 3, -7), Float64Array.of(0.2, -9)];
  const doubles: readonly [Code<'v128'>, (a: number, b: number) => number][] = [
    [f64x2.add(X, Y), (a, b) => a + b],
    [f64x2.sub(X, Y), (a, b) => a - b],
    [f64x2.mul(X, Y), (a, b) => a * b],
    [f64x2.div(X, Y), (a, b) => a / b],
    [f64x2.pmax(X, Y), Math.max],
  ];
  for (const [code, scalar] of doubles)
    assert.deepEqual(
      new Float64Array(vectorResult(code, d, e)),
      Float64Array.from(d, (a, i) => scalar(a, e[i])),
    );
});

test('comparisons and bit selections take whole lanes', () => {
  const [x, y] = [Float64Array.of(1, 5), Float64Array.of(2, 5)];
  const larger = new Float64Array(vectorResult(v128.bitselect(X, Y, f64x2.gt(X, Y)), x, y));
  assert.deepEqual(larger, Float64Array.of(2, 5));
  const masks = (code: Code<'v128'>): bigint[] => [...new BigInt64Array(vectorResult(code, x, y))];
  assert.deepEqual(masks(f64x2.lt(X, Y)), [-1n, 0n]);
  assert.deepEqual(masks(f64x2.ge(X, Y)), [0n, -1n]);
  assert.deepEqual(masks(f64x2.le(X, Y)), [-1n, -1n]);
  assert.deepEqual(masks(v128.andnot(f64x2.le(X, Y), f64x2.lt(X, Y))), [0n, -1n]);
});

test('a shuffle of float32 lanes is the byte shuffle of their places', () => {
  const [x, y] = [Float32Array.of(10, 11, 12, 13), Float32Array.of(14, 15, 16, 17)];
  const lanes = new Float32Array(vectorResult(f32x4.shuffle(X, Y, [3, 4, 0, 7]), x, y));
  assert.deepEqual(lanes, Float32Array.of(13, 14, 10, 17));
  const places = [12, 13, 14, 15, 16, 17, 18, 19, 0, 1, 2, 3, 28, 29, 30, 31];
  assert.deepEqual(new Float32Array(vectorResult(i8x16.shuffle(X, Y, places), x, y)), lanes);
});

test('constants and lanes of the wrong size are refused', () => {
  assert.throws(() => v128.const(new Float64Array(1)), { message: 'v128.const: 16 bytes, got 8. TF-WASM-003' });
  assert.throws(() => f32x4.shuffle(V, V, [0, 1, 2]), { message: 'f32x4.shuffle: 4 lanes, got 3. TF-WASM-003' });
  assert.throws(() => f32x4.shuffle(V, V, [0, 1, 2, 8]), {
    message: 'f32x4.shuffle: lanes from 0 to 7, got 8. TF-WASM-003',
  });
  assert.throws(() => f32x4.extractLane(V, 4), {
    message: 'f32x4.extractLane: a lane from 0 to 3, got 4. TF-WASM-003',
  });
});
