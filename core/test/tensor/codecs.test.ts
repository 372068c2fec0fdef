import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '../../src/base/index.ts';
import { bitsFromNumber, decodeFloats, encodeFloats, numberFromBits, SMALL_FLOATS } from '../../src/tensor/index.ts';
import type { SmallFloatDtype } from '../../src/tensor/index.ts';

const FORMATS = Object.keys(SMALL_FLOATS) as SmallFloatDtype[];
const numPatterns = (dtype: SmallFloatDtype) => 2 << SMALL_FLOATS[dtype].signShift;

/** All finite non-negative values in order, from the definition of the format: an oracle that shares no code with the encoder. */
function ladder(dtype: SmallFloatDtype): number[] {
  const { maxBits } = SMALL_FLOATS[dtype];
  return Array.from({ length: maxBits + 1 }, (_, bits) => numberFromBits(dtype, bits));
}

/** Numbers of interest: every value, every midpoint of neighbours, and one float64 step to both sides of the midpoint. */
function* roundingCases(values: readonly number[]): Generator<{ value: number; expected: number }> {
  for (let k = 0; k + 1 < values.length; k++) {
    const middle = (values[k] + values[k + 1]) / 2; // exact: both have few bits
    yield { value: values[k], expected: k };
    yield { value: middle, expected: k % 2 === 0 ? k : k + 1 };
    yield { value: nextDown(middle), expected: k };
    yield { value: nextUp(middle), expected: k + 1 };
  }
}

const words = new BigInt64Array(1);
const doubles = new Float64Array(words.buffer);
function nextUp(x: number): number {
  doubles[0] = x;
  words[0]++;
  return doubles[0];
}
function nextDown(x: number): number {
  doubles[0] = x;
  words[0]--;
  return doubles[0];
}

/** NaN patterns are one value; everything else is compared with the sign of zero. */
function samePattern(dtype: SmallFloatDtype, a: number, b: number): boolean {
  return a === b || (Number.isNaN(numberFromBits(dtype, a)) && Number.isNaN(numberFromBits(dtype, b)));
}

for (const dtype of FORMATS) {
  const isFloat8 = numPatterns(dtype) === 256;

  test(`${dtype}: every bit pattern decodes and encodes back to itself, by scalar and by array`, () => {
    const patterns = (isFloat8 ? new Uint8Array(256) : new Uint16Array(65536)).map((_, bits) => bits);
    const decoded = decodeFloats(dtype, patterns);
    const again = encodeFloats(dtype, decoded);
    const again64 = encodeFloats(dtype, Float64Array.from(decoded));
    for (let bits = 0; bits < patterns.length; bits++) {
      assert.ok(Object.is(decoded[bits], numberFromBits(dtype, bits)), `decode ${bits}`);
      const isInfinite = Math.abs(decoded[bits]) === Infinity;
      const expected = isInfinite && isFloat8 ? bits - 1 : bits; // saturation: infinity becomes the largest value
      assert.ok(samePattern(dtype, bitsFromNumber(dtype, decoded[bits]), expected), `scalar ${bits}`);
      assert.ok(samePattern(dtype, bitsFromNumber(dtype, decoded[bits], { saturate: false }), bits), `scalar ${bits}`);
      assert.ok(samePattern(dtype, again[bits], expected), `f32 array ${bits}`);
      assert.ok(samePattern(dtype, again64[bits], expected), `f64 array ${bits}`);
    }
  });

  test(`${dtype}: float64 rounds once to nearest, ties to even, at every midpoint`, () => {
    let numCases = 0;
    for (const { value, expected } of roundingCases(ladder(dtype))) {
      assert.equal(bitsFromNumber(dtype, value), expected, `${value}`);
      assert.equal(bitsFromNumber(dtype, -value), expected | (1 << SMALL_FLOATS[dtype].signShift), `${-value}`);
      numCases++;
    }
    assert.equal(numCases, SMALL_FLOATS[dtype].maxBits * 4);
  });

  test(`${dtype}: the float32 array loop agrees with the scalar encoder on midpoints, neighbours and random words`, () => {
    const rng = createRng(7, dtype);
    const cases: number[] = [];
    for (const { value } of roundingCases(ladder(dtype))) cases.push(value, -value);
    const source = new Float32Array(cases.length + 200_000);
    source.set(cases);
    const sourceWords = new Uint32Array(source.buffer);
    for (let i = cases.length; i < source.length; i++) sourceWords[i] = rng.integer(2 ** 32);
    for (const saturate of [true, false]) {
      const bits = encodeFloats(dtype, source, undefined, { saturate });
      for (let i = 0; i < source.length; i++) {
        const expected = bitsFromNumber(dtype, source[i], { saturate });
        if (!samePattern(dtype, bits[i], expected)) assert.equal(bits[i], expected, `${source[i]}`);
      }
    }
  });
}

test('float16 agrees with the engine’s Float16Array on all patterns, on random doubles and at double-rounding traps', () => {
  const patterns = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
  const engine = new Float16Array(patterns.buffer);
  const ours = decodeFloats('float16', patterns);
  for (let i = 0; i < engine.length; i++) assert.ok(Object.is(ours[i], engine[i]), `pattern ${i}`);
  const rng = createRng(3, 'float16');
  const engineWord = new Uint16Array(1);
  const engineFloat = new Float16Array(engineWord.buffer);
  for (let i = 0; i < 200_000; i++) {
    const trap = i % 2 === 0 ? 0 : rng.normal() * 2 ** -30; // near a midpoint: rounding to f32 first would lose it
    const value = (1 + (2 * rng.integer(1024) + 1) / 2048 + trap) * 2 ** (rng.integer(44) - 27);
    engineFloat[0] = value;
    assert.equal(bitsFromNumber('float16', value), engineWord[0], `${value}`);
    const wide = rng.normal() * 10 ** (rng.integer(20) - 10);
    assert.ok(Object.is(numberFromBits('float16', bitsFromNumber('float16', wide)), Math.f16round(wide)), `${wide}`);
  }
});

test('float64 to bfloat16 does not round through float32', () => {
  const justAboveMiddle = 1 + 2 ** -8 + 2 ** -40; // as f32 this is the tie 1 + 2^-8, which would go to even 1
  assert.equal(numberFromBits('bfloat16', bitsFromNumber('bfloat16', justAboveMiddle)), 1 + 2 ** -7);
  assert.equal(numberFromBits('bfloat16', bitsFromNumber('bfloat16', Math.fround(justAboveMiddle))), 1);
});

test('overflow follows the format: infinity for 16 bits, clamp or NaN or infinity for float8', () => {
  const overflowOf = (dtype: SmallFloatDtype, saturate: boolean) =>
    numberFromBits(dtype, bitsFromNumber(dtype, -1e39, { saturate }));
  assert.equal(overflowOf('float16', true), -Infinity);
  assert.equal(overflowOf('bfloat16', true), -Infinity);
  assert.equal(overflowOf('float8e4m3fn', true), -448);
  assert.equal(overflowOf('float8e4m3fn', false), NaN);
  assert.equal(overflowOf('float8e5m2', true), -57344);
  assert.equal(overflowOf('float8e5m2', false), -Infinity);
  assert.equal(numberFromBits('float8e4m3fn', bitsFromNumber('float8e4m3fn', 464, { saturate: false })), 448); // tie to even
  assert.equal(numberFromBits('float8e4m3fn', bitsFromNumber('float8e4m3fn', 465, { saturate: false })), NaN);
});

test('the published landmarks of the formats hold', () => {
  assert.equal(numberFromBits('float16', 0x0001), 2 ** -24);
  assert.equal(numberFromBits('float16', 0x7bff), 65504);
  assert.equal(numberFromBits('bfloat16', 0x3f80), 1);
  assert.equal(numberFromBits('bfloat16', 0x0001), 2 ** -133);
  assert.equal(numberFromBits('float8e4m3fn', 0x01), 2 ** -9);
  assert.equal(numberFromBits('float8e4m3fn', 0x08), 2 ** -6);
  assert.equal(numberFromBits('float8e5m2', 0x01), 2 ** -16);
  assert.equal(numberFromBits('float8e5m2', 0x7b), 57344);
});

test('a target that is too short is refused', () => {
  assert.throws(() => decodeFloats('bfloat16', new Uint16Array(4), new Float32Array(3)), {
    message: 'decodeFloats: a target of at least 4 elements, got 3. TF-TENSOR-001',
  });
});
