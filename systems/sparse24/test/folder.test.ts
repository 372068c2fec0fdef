import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSafetensors, writeNpz, writeSafetensors } from '@tenfold/core/data';
import { castTensor, type Tensor } from '@tenfold/core/tensor';
import { createRng } from '@tenfold/core/base';
import { runVerbInTest } from '@tenfold/core/system/test-kit';
import {
  applyMask,
  inspectFolder,
  magnitudeMask,
  maskFolder,
  packBits,
  readMaskFile,
  supportHistogram,
} from '../src/index.ts';
import { manifest } from '../src/manifest.ts';
import { planMasks } from '../src/io/mask-folder.ts';
import { fingerprintOf } from '../src/io/fingerprint.ts';

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
  const masks = await readMaskFile(join(output, 'mask24.safetensors'), { shapeOf: (name) => before.get(name)?.shape });
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

test('Conv1D weights are refused, and so is an output inside the model', async () => {
  const folder = await createFolder((t) => (t['transformer.h.0.attn.c_attn.weight'] = random([16, 48])));
  await assert.rejects(
    maskFolder(folder, `${folder}-out`),
    /matrices stored as \[out, in\], got "transformer.h.0.attn.c_attn.weight", stored by Conv1D as \[in, out\].*TF-SPARSE-010/,
  );
  for (const output of [folder, join(folder, 'deep/er')]) {
    await assert.rejects(
      maskFolder(folder, output, { force: true }),
      /an output folder outside the model.*TF-SPARSE-005/,
    );
  }
  assert.ok(existsSync(join(folder, 'model.safetensors')));
  assert.equal(existsSync(`${folder}-out`), false);
  rmSync(folder, { recursive: true });
});

test('a mask is refused over another base model, unless any base is asked for', async () => {
  const [folder, other] = [await createFolder(), await createFolder()];
  await maskFolder(folder, `${folder}-out`);
  const mask = join(`${folder}-out`, 'mask24.safetensors');
  await readMaskFile(mask, { base: await fingerprintOf(folder) });
  await assert.rejects(
    readMaskFile(mask, { base: await fingerprintOf(other) }),
    /a mask for the base model [0-9a-f]{32}, got one for [0-9a-f]{32} \(.*mask24.safetensors\).*TF-SPARSE-006/,
  );
  assert.equal((await readMaskFile(mask)).size, 3);
  for (const path of [folder, other, `${folder}-out`]) rmSync(path, { recursive: true });
});

test('an empty matrix is no matrix, what is left dense is counted, and shapes are judged by what the dtype needs', async () => {
  const folder = await createFolder((t) => {
    t['model.layers.0.self_attn.v_proj.weight'] = random([0, 8]);
    t['scalar'] = { dtype: 'float32', shape: [], data: Float32Array.of(3) };
    t['model.layers.0.self_attn.o_proj.weight'] = {
      dtype: 'float8e4m3fn',
      shape: [16, 16],
      data: new Uint8Array(256),
    };
  });
  const eligible = Object.fromEntries((await inspectFolder(folder)).map((audit) => [audit.name, audit.isEligible]));
  assert.deepEqual(eligible, {
    'model.layers.0.mlp.down_proj.weight': true,
    'model.layers.0.mlp.up_proj.weight': true,
    'model.layers.0.self_attn.o_proj.weight': false,
    'model.layers.0.self_attn.q_proj.weight': true,
  });
  rmSync(folder, { recursive: true });
  const plain = await createFolder((t) => (t['model.layers.0.self_attn.v_proj.weight'] = random([0, 8])));
  const { numMasked, numWeights, numDense } = await maskFolder(plain, `${plain}-out`);
  assert.deepEqual([numMasked, numWeights, numDense], [3, 16 * 16 + 2 * 16 * 32, 8 * 16]);
  assert.deepEqual(await planMasks(plain, `${plain}-other`), { numMasked, numWeights, numDense });
  for (const path of [plain, `${plain}-out`]) rmSync(path, { recursive: true });
});

test('masks with an odd number of blocks are read without their base, from every kind of file', async () => {
  const name = 'model.layers.0.self_attn.v_proj.weight';
  const folder = await createFolder((t) => (t[name] = random([5, 12])));
  const output = `${folder}-out`;
  await maskFolder(folder, output);
  const own = await readMaskFile(join(output, 'mask24.safetensors'));
  assert.equal(own.get(name)!.codes.length, 15);
  const npz = `${folder}.npz`;
  const data = packBits(own.get(name)!, true);
  await writeNpz(npz, [[name, { dtype: 'uint8', shape: [data.length], data }]]);
  const zeros = await readMaskFile(join(output, 'model.safetensors'));
  for (const other of [await readMaskFile(npz), zeros]) assert.deepEqual(other.get(name)!.codes, own.get(name)!.codes);
  const { report } = await runVerbInTest(manifest, 'diff', { a: join(output, 'mask24.safetensors'), b: output });
  assert.match(report!.verdict.text, /No mask entry differs/);
  for (const path of [folder, output, npz]) rmSync(path, { recursive: true });
});

test('packed bits in an npz, our mask file and the zeros of a masked checkpoint are one mask', async () => {
  const folder = await createFolder();
  const output = `${folder}-out`;
  await maskFolder(folder, output);
  const own = await readMaskFile(join(output, 'mask24.safetensors'));
  const npz = `${folder}.npz`;
  await writeNpz(
    npz,
    [...own].map(([name, mask]): [string, Tensor] => {
      const data = packBits(mask, true);
      return [`${name}.mask`, { dtype: 'uint8', shape: [data.length], data }];
    }),
  );
  const [packed, zeros] = [await readMaskFile(npz), await readMaskFile(join(output, 'model.safetensors'))];
  assert.equal(packed.size, 3);
  for (const [name, { codes }] of own) {
    assert.deepEqual(packed.get(name)!.codes, codes, name);
    assert.deepEqual(zeros.get(name)!.codes, codes, name);
  }
  await assert.rejects(
    readMaskFile(join(folder, 'model.safetensors')),
    /at most two non-zeros in every block, got [34] in block 0 \(.*\).*TF-SPARSE-006/,
  );
  rmSync(npz);
  for (const path of [folder, output]) rmSync(path, { recursive: true });
});

test('matrices larger than the chunks of the stream are masked whole', async () => {
  const folder = await createFolder((t) => (t['model.layers.1.mlp.up_proj.weight'] = random([1024, 4096])));
  const output = `${folder}-out`;
  await maskFolder(folder, output);
  const before = (await readSafetensors(join(folder, 'model.safetensors'))).get('model.layers.1.mlp.up_proj.weight')!;
  const after = (await readSafetensors(join(output, 'model.safetensors'))).get('model.layers.1.mlp.up_proj.weight')!;
  const expected = applyMask(before.data as Float32Array, magnitudeMask('w', before as Tensor<'float32'>));
  assert.deepEqual(after.data, expected);
  for (const path of [folder, output]) rmSync(path, { recursive: true });
});
