import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { generateLocal, generateTokens, generateWhole, tokenCoverage } from '../src/index.ts';
import { decodeFloats, encodeFloats } from '@tenfold/core/tensor';
import { storedDtype } from '../src/trace/stored-dtypes.ts';
import { findTorchPython } from './torch-python.ts';

const python = findTorchPython();

test('a box is the slice of the whole, also far out in a huge tensor', () => {
  const whole = generateWhole('param/w', 7, [6, 8], { sigma: 0.5 });
  const box = { g: [2, 3], n: [3, 4], l: [0, 0] };
  const part = generateLocal('param/w', 7, [6, 8], [3, 4], [box], { sigma: 0.5 });
  assert.deepEqual(
    [...part],
    [2, 3, 4].flatMap((r) => [...whole.subarray(r * 8 + 3, r * 8 + 7)]),
  );
  const far = (column: number) => ({ g: [99_999, column], n: [1, 4], l: [0, 0] });
  const a = generateLocal('w', 1, [100_000, 100_000], [1, 4], [far(50_000)], { sigma: 1 });
  const b = generateLocal('w', 1, [100_000, 100_000], [1, 4], [far(50_002)], { sigma: 1 });
  assert.deepEqual([a[2], a[3]], [b[0], b[1]]);
});

test('values have mean 0 and variance 1', () => {
  const values = generateWhole('moments', 3, [1 << 20], { sigma: 1 });
  let [sum, square] = [0, 0];
  for (const value of values) {
    sum += value;
    square += value * value;
  }
  assert.ok(Math.abs(sum / values.length) < 0.003);
  assert.ok(Math.abs(square / values.length - 1) < 0.01);
});

test('tokens hold the first and last id of every vocabulary shard', () => {
  const tokens = generateTokens('tokens/mb0', 1, 66, 512, 8);
  assert.equal(tokenCoverage(tokens, 512, 8), 1);
  const random = Int32Array.from(tokens, (_, i) => (i * 37 + 5) % 512);
  assert.ok(tokenCoverage(random, 512, 8) < 0.5);
});

test(
  'the collector makes the same bits: 50 ids in float32 and bfloat16',
  { skip: python ? false : 'no python3 with torch here' },
  () => {
    const ids = Array.from({ length: 50 }, (_, i) => `it0/mb${i}/in/decoder.layers.${i % 7}.mlp`);
    const ours = ids.map((id, i) => {
      const values = generateWhole(id, i, [5, 3 + i], { sigma: 0.3 + i, mean: i % 2 });
      const bits = encodeFloats('bfloat16', values);
      return [sha(new Uint8Array(values.buffer)), sha(new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength))];
    });
    const source = `
import sys, json, hashlib
sys.path.insert(0, ${JSON.stringify(fileURLToPath(new URL('../collector', import.meta.url)))})
import torch, tenfold_trace as t
out = []
for i, name in enumerate(json.loads(sys.stdin.read())):
    shape = [5, 3 + i]
    x = t.generate(name, i, shape, [{"g": [0, 0], "n": shape, "l": [0, 0]}], shape, 0.3 + i, i % 2)
    out.append([hashlib.sha256(t._bytes(v)).hexdigest() for v in (x, x.to(torch.bfloat16))])
print(json.dumps(out))`;
    const { stdout, stderr } = spawnSync(python!, ['-c', source], { input: JSON.stringify(ids), encoding: 'utf8' });
    assert.deepEqual(JSON.parse(stdout || `"${stderr}"`), ours);
  },
);

function sha(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

test('every pattern of the narrow formats is read as core reads it', () => {
  for (const [stored, dtype, bits] of [
    ['BF16', 'bfloat16', 16],
    ['F16', 'float16', 16],
    ['F8_E4M3', 'float8e4m3fn', 8],
    ['F8_E5M2', 'float8e5m2', 8],
  ] as const) {
    const count = 2 ** bits;
    const patterns =
      bits === 16 ? Uint16Array.from({ length: count }, (_, i) => i) : Uint8Array.from({ length: count }, (_, i) => i);
    const target = new Float32Array(count + 1);
    storedDtype(stored, '').decode(new Uint8Array(patterns.buffer), count, target, 1);
    assert.deepEqual(target.subarray(1), decodeFloats(dtype, patterns), stored);
  }
});
