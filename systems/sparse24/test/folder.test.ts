import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSafetensors, writeSafetensors } from '@tenfold/core/data';
import { castTensor, type Tensor } from '@tenfold/core/tensor';
import { createRng } from '@tenfold/core/base';
import { inspectFolder, maskFolder, readMaskFile, supportHistogram } from '../src/index.ts';

const rng = createRng(5, 'folder');
const random = (shape: [number, number]): Tensor<'float32'> => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from({ length: shape[0] * shape[1] }, () => rng.normal()),
});

async function createFolder(change: (tensors: Record<string, Tensor>) => void = () => {}): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-sparse-'));
  const tensors: Record<string, Tensor> = {
    'model.embed_tokens.weight': castTensor(random([8, 16]), 'bfloat16'),
    'model.layers.0.self_attn.q_proj.weight': castTensor(random([16, 16]), 'bfloat16'),
    'model.layers.0.mlp.up_proj.weight': castTensor(random([32, 16]), 'float16'),
    'model.layers.0.mlp.down_proj.weight': random([16, 32]),
  };
  change(tensors);
  await writeSafetensors(join(folder, 'model.safetensors'), Object.entries(tensors), { metadata: { format: 'pt' } });
  writeFileSync(join(folder, 'config.json'), '{"model_type":"llama"}');
  return folder;
}

test('a masked folder has the same files; kept weights and untouched tensors keep their bytes, in every float type', async () => {
  const folder = await createFolder();
  const output = `${folder}-out`;
  const { numMasked } = await maskFolder(folder, output);
  assert.equal(numMasked, 3);
  assert.equal(readFileSync(join(output, 'config.json'), 'utf8'), '{"model_type":"llama"}');
  const [before, after] = [
    await readSafetensors(join(folder, 'model.safetensors')),
    await readSafetensors(join(output, 'model.safetensors')),
  ];
  for (const [name, tensor] of before) {
    const masked = after.get(name)!;
    assert.equal(masked.dtype, tensor.dtype);
    if (name.includes('embed')) {
      assert.deepEqual(masked.data, tensor.data);
      continue;
    }
    const [original, kept] = [tensor, masked].map((t) => castTensor(t, 'float32').data) as [Float32Array, Float32Array];
    for (let i = 0; i < kept.length; i++) assert.ok(kept[i] === original[i] || Object.is(kept[i], 0), `${name} ${i}`);
    assert.equal(supportHistogram(kept)[2], kept.length / 4);
  }
  assert.ok((await inspectFolder(output)).every((audit) => audit.isSparse24));
  assert.ok((await inspectFolder(folder)).every((audit) => !audit.isSparse24));
  const masks = await readMaskFile(join(output, 'mask24.safetensors'), (name) => before.get(name)?.shape);
  const again = `${folder}-again`;
  await maskFolder(folder, again, { masks });
  assert.deepEqual(readFileSync(join(again, 'model.safetensors')), readFileSync(join(output, 'model.safetensors')));
  for (const path of [folder, output, again]) rmSync(path, { recursive: true });
});

const refused: readonly (readonly [string, (tensors: Record<string, Tensor>) => void, RegExp])[] = [
  [
    'an inner size of 18',
    (t) => (t['model.layers.0.self_attn.k_proj.weight'] = random([4, 18])),
    /an inner size that is a multiple of 4, got \[4, 18\] \(tensor "model.layers.0.self_attn.k_proj.weight"\).*TF-SPARSE-001/,
  ],
  [
    'a NaN',
    (t) => ((t['model.layers.0.mlp.down_proj.weight']!.data as Float32Array)[37] = NaN),
    /finite weights, got NaN or infinity \(tensor "model.layers.0.mlp.down_proj.weight", element 37\).*TF-SPARSE-002/,
  ],
  [
    'int8 weights',
    (t) => (t['model.layers.0.self_attn.k_proj.weight'] = { dtype: 'int8', shape: [4, 4], data: new Int8Array(16) }),
    /float32, float16 or bfloat16 weights, got I8 \(tensor "model.layers.0.self_attn.k_proj.weight"\).*TF-SPARSE-007/,
  ],
];

for (const [what, change, message] of refused) {
  test(`${what} is refused by name and leaves no folder behind`, async () => {
    const folder = await createFolder(change);
    await assert.rejects(maskFolder(folder, `${folder}-out`), message);
    assert.ok(!existsSync(`${folder}-out`) && !existsSync(`${folder}-out.part`));
    rmSync(folder, { recursive: true });
  });
}

test('an existing folder is replaced only by force; a truncated file says so', async () => {
  const folder = await createFolder();
  await assert.rejects(maskFolder(folder, folder), /an output folder that does not exist/);
  const file = join(folder, 'model.safetensors');
  writeFileSync(file, readFileSync(file).subarray(0, -100));
  await assert.rejects(
    maskFolder(folder, `${folder}-out`),
    (error: { code: string; message: string }) =>
      error.code.startsWith('TF-DATA-') && error.message.includes('truncated'),
  );
  rmSync(folder, { recursive: true });
});
