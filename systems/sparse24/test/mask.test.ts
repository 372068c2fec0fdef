import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  applyMask,
  magnitudeMask,
  maskDifference,
  packBits,
  packCodes,
  topTwoCodes,
  unpackCodes,
  type Mask24,
} from '../src/index.ts';
import { CODE_BITS } from '../src/mask/mask24.ts';

const weights = fc
  .array(fc.float({ min: -2, max: 2, noNaN: true }), { minLength: 4, maxLength: 64 })
  .map((values) => values.slice(0, values.length - (values.length % 4)));

test('every block keeps exactly two, and they are the two largest', () => {
  fc.assert(
    fc.property(weights, (values) => {
      const data = Float32Array.from(values);
      const codes = topTwoCodes(data, new Uint8Array(data.length / 4), true);
      codes.forEach((code, block) => {
        const kept = [0, 1, 2, 3].filter((i) => CODE_BITS[code]! & (1 << i)).map((i) => Math.abs(data[block * 4 + i]!));
        const cut = [0, 1, 2, 3]
          .filter((i) => !(CODE_BITS[code]! & (1 << i)))
          .map((i) => Math.abs(data[block * 4 + i]!));
        assert.equal(kept.length, 2);
        assert.ok(Math.min(...kept) >= Math.max(...cut));
      });
    }),
  );
});

test('kept weights keep their bits and the others become +0', () => {
  const data = Float32Array.of(-3, 1e-40, 2, -0, 5, 5, 5, 5);
  const mask: Mask24 = { shape: [1, 8], codes: topTwoCodes(data, new Uint8Array(2), true) };
  const masked = applyMask(data, mask);
  assert.deepEqual(new Uint32Array(masked.buffer), new Uint32Array(Float32Array.of(-3, 0, 2, 0, 5, 5, 0, 0).buffer));
});

test('masks go through the packed file form and back', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 33 }), (codes) => {
      const mask: Mask24 = { shape: [1, codes.length * 4], codes: Uint8Array.from(codes) };
      assert.deepEqual(unpackCodes(packCodes(mask), mask.shape, 'here').codes, mask.codes);
    }),
  );
});

test('bit order is as the peers write it: 1,1,0,0,1,0,0,1 is C9 from the top and 93 from the bottom', () => {
  const mask: Mask24 = { shape: [1, 8], codes: Uint8Array.of(CODE_BITS.indexOf(0b0011), CODE_BITS.indexOf(0b1001)) };
  assert.deepEqual([...packBits(mask, true)], [0xc9]);
  assert.deepEqual([...packBits(mask, false)], [0x93]);
});

test('the difference of masks counts weights', () => {
  const a = new Map([['w', { shape: [1, 8] as const, codes: Uint8Array.of(0, 0) }]]);
  const b = new Map([['w', { shape: [1, 8] as const, codes: Uint8Array.of(0, 5) }]]);
  assert.equal(maskDifference(a, b), 0.5);
});

test('NaN weights, odd inner sizes and damaged masks are refused with their place', () => {
  const tensor = (shape: number[], data: number[]) => ({
    dtype: 'float32' as const,
    shape,
    data: Float32Array.from(data),
  });
  assert.throws(() => magnitudeMask('w', tensor([1, 4], [1, 2, NaN, 3])), {
    message: 'mask: finite weights, got NaN (tensor "w", element 2). TF-SPARSE-002',
  });
  assert.throws(
    () => magnitudeMask('w', tensor([2, 3], [1, 2, 3, 4, 5, 6])),
    /an inner size that is a multiple of 4, got \[2, 3\] \(tensor "w"\).*TF-SPARSE-001/,
  );
  assert.throws(
    () => unpackCodes(Uint8Array.of(0), [1, 4], 'mask.safetensors'),
    /two different places in every block, got nibble 0 in block 0 \(mask.safetensors\).*TF-SPARSE-006/,
  );
});
