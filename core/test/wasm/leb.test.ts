import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { signedLeb, unsignedLeb } from '../../src/wasm/leb.ts';

/** Σ (byte & 127) · 128^i; for signed numbers bit 6 of the last byte is the sign. */
function decode(bytes: readonly number[], isSigned: boolean): number {
  const size = 128 ** bytes.length;
  const sum = bytes.reduce((total, byte, i) => total + (byte & 0x7f) * 128 ** i, 0);
  return isSigned && (bytes.at(-1)! & 0x40) !== 0 ? sum - size : sum;
}

const isEnded = (bytes: readonly number[]): boolean => bytes.every((byte, i) => byte >= 0x80 === i < bytes.length - 1);

test('unsigned numbers of 32 bits come back from their LEB128 bytes, and no shorter form holds them', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (value) => {
      const bytes = unsignedLeb(value);
      assert.equal(decode(bytes, false), value);
      assert.ok(isEnded(bytes));
      assert.ok(bytes.length === 1 || value >= 128 ** (bytes.length - 1));
    }),
  );
});

test('signed numbers of 32 bits come back from their LEB128 bytes, and no shorter form holds them', () => {
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (value) => {
      const bytes = signedLeb(value);
      assert.equal(decode(bytes, true), value);
      assert.ok(isEnded(bytes));
      const shorter = 128 ** (bytes.length - 1) / 2;
      assert.ok(bytes.length === 1 || value >= shorter || value < -shorter);
    }),
  );
});

test('the examples of the LEB128 definition have the bytes that stand there', () => {
  assert.deepEqual(unsignedLeb(624_485), [0xe5, 0x8e, 0x26]);
  assert.deepEqual(signedLeb(-123_456), [0xc0, 0xbb, 0x78]);
});

test('what is no whole number of 32 bits is refused', () => {
  for (const value of [-1, 1.5, 2 ** 32, NaN, Infinity])
    assert.throws(() => unsignedLeb(value), {
      message: `unsignedLeb: a whole number from 0 to 4294967295, got ${value}. TF-WASM-001`,
    });
  for (const value of [2 ** 31, -(2 ** 31) - 1, 0.5, NaN])
    assert.throws(() => signedLeb(value), {
      message: `signedLeb: a whole number from -2147483648 to 2147483647, got ${value}. TF-WASM-001`,
    });
});
