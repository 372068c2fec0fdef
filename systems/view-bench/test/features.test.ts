/** The feature cosine with a model of the user's: here one convolution over patches of 14 pixels. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openFeatureMetric } from '../src/metrics/feature-cosine.ts';
import type { RgbImage } from '../src/types.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'view-features-'));
  writeFileSync(join(folder, 'means.onnx'), patchMeans());
  writeFileSync(join(folder, 'broken.onnx'), Uint8Array.of(1, 2, 3));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Bytes of a protobuf field: an integer, or bytes with their length. */
function field(number: number, value: number | Uint8Array | string): number[] {
  const varint = (rest: number): number[] =>
    rest < 128 ? [rest] : [(rest % 128) + 128, ...varint(Math.floor(rest / 128))];
  if (typeof value === 'number') return [...varint(8 * number), ...varint(value)];
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  return [...varint(8 * number + 2), ...varint(bytes.length), ...bytes];
}

/** ONNX model: the mean colour of every 14 × 14 patch, as a map [1, 3, h, w]. */
function patchMeans(): Uint8Array {
  const message = (...fields: number[][]) => Uint8Array.from(fields.flat());
  const weights = new Float32Array(3 * 3 * 196);
  for (let c = 0; c < 3; c++) weights.fill(1 / 196, 196 * 4 * c, 196 * (4 * c + 1));
  const tensor = message(
    ...[3, 3, 14, 14].map((size) => field(1, size)),
    field(2, 1),
    field(8, 'weights'),
    field(9, new Uint8Array(weights.buffer)),
  );
  const strides = message(field(1, 'strides'), field(8, 14), field(8, 14), field(20, 7));
  const node = message(
    field(1, 'image'),
    field(1, 'weights'),
    field(2, 'patches'),
    field(4, 'Conv'),
    field(5, strides),
  );
  const value = (name: string) => {
    const shape = message(...['n', 'c', 'h', 'w'].map((axis) => field(1, message(field(2, axis)))));
    return message(field(1, name), field(2, message(field(1, message(field(1, 1), field(2, shape))))));
  };
  const graph = message(
    field(1, node),
    field(2, 'patch means'),
    field(5, tensor),
    field(11, value('image')),
    field(12, value('patches')),
  );
  return message(field(1, 8), field(7, graph), field(8, message(field(1, ''), field(2, 17))));
}

/** The left half in one colour, the right in another. */
function halves(left: readonly number[], right: readonly number[]): RgbImage {
  const data = new Float32Array(3 * 112 * 112);
  for (let p = 0; p < 112 * 112; p++) data.set(p % 112 < 56 ? left : right, 3 * p);
  return { widthPx: 112, heightPx: 112, data };
}

test('equal images agree, and masked patches do not count in the correct profile', async () => {
  await using metric = await openFeatureMetric(join(folder, 'means.onnx'));
  const truth = halves([0.9, 0.2, 0.2], [0.2, 0.9, 0.2]);
  const wrong = halves([0.9, 0.2, 0.2], [0.8, 0.1, 0.8]);
  assert.ok(Math.abs((await metric!.compare(truth, truth, { profile: 'correct' })) - 1) < 1e-6);
  const all = await metric!.compare(wrong, truth, { profile: 'correct' });
  const mask = Uint8Array.from({ length: 112 * 112 }, (_, p) => (p % 112 < 56 ? 1 : 0));
  const left = await metric!.compare(wrong, truth, { profile: 'correct', mask });
  assert.ok(all < 0.6 && left > 0.999, `${all}, ${left}`);
  assert.ok(Number.isNaN(await metric!.compare(wrong, truth, { profile: 'correct', mask: new Uint8Array(112 * 112) })));
});

test('the released profile ignores the mask, unless it hides everything', async () => {
  await using metric = await openFeatureMetric(join(folder, 'means.onnx'));
  const truth = halves([0.9, 0.2, 0.2], [0.2, 0.9, 0.2]);
  const wrong = halves([0.9, 0.2, 0.2], [0.8, 0.1, 0.8]);
  const mask = Uint8Array.from({ length: 112 * 112 }, (_, p) => (p % 112 < 56 ? 1 : 0));
  const bare = await metric!.compare(wrong, truth, { profile: 'euvs-released' });
  assert.equal(await metric!.compare(wrong, truth, { profile: 'euvs-released', mask }), bare);
  assert.equal(await metric!.compare(wrong, truth, { profile: 'euvs-released', mask: new Uint8Array(112 * 112) }), 0);
});

test('no path opens nothing; a missing file and a file that is no model are refused', async () => {
  assert.equal(await openFeatureMetric(''), undefined);
  await assert.rejects(
    openFeatureMetric(join(folder, 'none.onnx')),
    /an ONNX model of patch features, got no such file.*TF-VIEW-006/,
  );
  await assert.rejects(
    openFeatureMetric(join(folder, 'broken.onnx')),
    /an ONNX model that the runtime reads, got .*TF-VIEW-006/,
  );
});
