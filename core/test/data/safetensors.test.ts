import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { countOpen, createRng } from '../../src/base/index.ts';
import {
  createMemorySink,
  createSafetensorsWriter,
  openSafetensors,
  readSafetensors,
  writeSafetensors,
  writeSafetensorsFolder,
} from '../../src/data/index.ts';
import { castTensor, DTYPES, tensorFromArray } from '../../src/tensor/index.ts';
import type { Dtype, Tensor } from '../../src/tensor/index.ts';
import { concatBytes, describeReader, utf8, withFolder } from './reader-conformance.ts';

const rng = createRng(5, 'safetensors');
const ramp = (shape: number[]) =>
  tensorFromArray(
    'float64',
    shape,
    Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => Math.round(rng.normal() * 50)),
  );
const TENSORS: (readonly [string, Tensor])[] = (Object.keys(DTYPES) as Dtype[]).map((dtype) => [
  `layer.${dtype}`,
  castTensor(ramp([2, 3]), dtype),
]);

async function bytesOfTensors(tensors: typeof TENSORS, metadata = {}): Promise<Uint8Array> {
  const sink = createMemorySink();
  await writeSafetensors(sink, tensors, { metadata });
  return sink.bytes();
}

/** A file with any header and so many bytes of data. */
function fileWith(header: unknown, numDataBytes: number, length?: number): Uint8Array {
  const text = utf8(typeof header === 'string' ? header : JSON.stringify(header));
  const prefix = new Uint8Array(8);
  new DataView(prefix.buffer).setBigUint64(0, BigInt(length ?? text.length), true);
  return concatBytes(prefix, text, new Uint8Array(numDataBytes));
}

const f32 = (shape: number[], start: number, end: number) => ({ dtype: 'F32', shape, data_offsets: [start, end] });
const DAMAGED = 'The header is damaged; copy or write the file again.';

describeReader({
  name: 'readSafetensors',
  read: readSafetensors,
  valid: await bytesOfTensors(TENSORS, { format: 'pt' }),
  assertValue: (tensors) => assert.deepEqual(Object.fromEntries(tensors), Object.fromEntries(TENSORS)),
  corruptions: [
    {
      title: 'fewer data bytes than the header promises',
      bytes: fileWith({ wte: f32([4, 4], 0, 64) }, 40),
      message:
        'readSafetensors: tensor "wte" needs bytes 67-131 but the file ends at 107 (file). ' +
        'The file looks truncated; copy it again. TF-DATA-003',
    },
    {
      title: 'a header longer than itself',
      bytes: fileWith({ a: f32([1], 0, 4) }, 4, 5000),
      message:
        'readSafetensors: the header needs bytes 8-5008 but the file ends at 66 (file). ' +
        'The file looks truncated; copy it again. TF-DATA-003',
    },
    {
      title: 'an absurd header length',
      bytes: fileWith({ a: f32([1], 0, 4) }, 4, 2 ** 50),
      message:
        'readSafetensors: a header of at most 100000000 bytes, got 1125899906842624 (file:0). ' +
        'This is probably not a safetensors file. TF-DATA-011',
    },
    {
      title: 'overlapping tensors',
      bytes: fileWith({ a: f32([2], 0, 8), b: f32([2], 4, 12) }, 12),
      message:
        'readSafetensors: tensor "b" to start at byte 124, where "a" ends, got 120 (file). ' +
        'Two tensors overlap; write the file again. TF-DATA-005',
    },
    {
      title: 'a gap between tensors',
      bytes: fileWith({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12),
      message:
        'readSafetensors: tensor "b" to start at byte 120, where "a" ends, got 124 (file). Write the file again. TF-DATA-005',
    },
    {
      title: 'bytes after the last tensor',
      bytes: fileWith({ a: f32([1], 0, 4) }, 9),
      message:
        'readSafetensors: the file to end at byte 66, where "a" ends, got 71 bytes (file). ' +
        'Something was appended to it; copy it again. TF-DATA-005',
    },
    {
      title: 'an absurd shape',
      bytes: fileWith({ a: f32([2 ** 40, 2 ** 40], 0, 4) }, 4),
      message:
        'readSafetensors: tensor "a" to have 4.835703278458517e+24 bytes for F32 [1099511627776, 1099511627776], ' +
        `got 4 (file). ${DAMAGED} TF-DATA-004`,
    },
    {
      title: 'an absurd tensor that its offsets agree with',
      bytes: fileWith({ a: f32([2 ** 28], 0, 2 ** 30) }, 4),
      message:
        'readSafetensors: tensor "a" needs bytes 79-1073741903 but the file ends at 83 (file). ' +
        'The file looks truncated; copy it again. TF-DATA-003',
    },
    {
      title: 'a negative size',
      bytes: fileWith({ a: f32([-1], 0, 4) }, 4),
      message: `readSafetensors: tensor "a" to have a shape of non-negative integers, got [-1] (file). ${DAMAGED} TF-DATA-004`,
    },
    {
      title: 'offsets in the wrong order',
      bytes: fileWith({ a: f32([1], 4, 0) }, 4),
      message: `readSafetensors: tensor "a" to have data_offsets [start, end] with start ≤ end, got [4,0] (file). ${DAMAGED} TF-DATA-004`,
    },
    {
      title: 'a tensor without dtype',
      bytes: fileWith({ a: null }, 4),
      message: `readSafetensors: tensor "a" to have a dtype, got undefined (file). ${DAMAGED} TF-DATA-004`,
    },
    {
      title: 'a header that is not JSON',
      bytes: fileWith('{"a":', 4),
      message:
        'readSafetensors: a header that is a JSON object, got text that is not JSON (file:8). ' +
        'This is not a safetensors file, or its header is damaged. TF-DATA-002',
    },
    {
      title: 'a dtype that has no counterpart',
      bytes: fileWith({ a: { dtype: 'F4', shape: [2], data_offsets: [0, 1] } }, 1),
      message:
        'readSafetensors: tensor "a" to have a dtype that is read here, got F4 (file). ' +
        'Convert it to F32, F16, BF16 or F8_E4M3. TF-DATA-006',
    },
  ],
});

test('ranges and single tensors are read without the rest, also into shared memory', async () => {
  await using reader = await openSafetensors(await bytesOfTensors(TENSORS, { format: 'pt' }));
  assert.deepEqual(reader.metadata, { format: 'pt' });
  const whole = new Map(TENSORS).get('layer.bfloat16')!;
  assert.deepEqual(await reader.readRange('layer.bfloat16', 2, 5), (whole.data as Uint16Array).slice(2, 5));
  const shared = await reader.read('layer.int16', { shared: true });
  assert.ok(shared.data.buffer instanceof SharedArrayBuffer);
  await assert.rejects(() => reader.readRange('layer.int16', 4, 7), {
    message: 'readSafetensors: a range inside the 6 elements of tensor "layer.int16", got 4-7 (memory). TF-DATA-003',
  });
  await assert.rejects(() => reader.read('layer.int17'), {
    message:
      'readSafetensors: a tensor "layer.int17", got none of that name (memory). Did you mean "layer.int16"? TF-DATA-007',
  });
});

test('tensors named like numbers or __proto__ survive, as do empty and scalar ones', async () => {
  const odd: typeof TENSORS = [
    ['__proto__', castTensor(ramp([2]), 'float32')],
    ['10', castTensor(ramp([]), 'float32')],
    ['9', castTensor(ramp([0, 3]), 'float32')],
  ];
  const tensors = await readSafetensors(await bytesOfTensors(odd));
  assert.deepEqual([...tensors].sort(), [...odd].sort());
});

test('the streaming writer takes parts, and refuses what it was not told', async () => {
  const sink = createMemorySink();
  const writer = await createSafetensorsWriter(sink, [
    { name: 'none', dtype: 'int8', shape: [0] },
    { name: 'a', dtype: 'float32', shape: [3] },
  ]);
  await writer.write('a', 'float32', Float32Array.of(1, 2));
  await assert.rejects(() => writer.finish(), {
    message: 'writeSafetensors: 3 elements for "a", got 2 (memory). TF-DATA-012',
  });
  await assert.rejects(() => writer.write('b', 'float32', Float32Array.of(3)), {
    message: 'writeSafetensors: float32 "a" next, got float32 "b" (memory). TF-DATA-012',
  });
  await assert.rejects(() => writer.write('a', 'float32', Float32Array.of(3, 4)), {
    message: 'writeSafetensors: at most 1 elements more for "a", got 2 (memory). TF-DATA-012',
  });
  await writer.write('a', 'float32', Float32Array.of(3));
  await writer.finish();
  assert.deepEqual([...(await readSafetensors(sink.bytes())).get('a')!.data], [1, 2, 3]);
});

test('a folder of shards reads like one file, and its faults name the file', async () => {
  await withFolder(async (folder) => {
    const tensors: typeof TENSORS = ['q', 'k', 'v'].map((name) => [name, castTensor(ramp([64]), 'float32')]);
    const files = await writeSafetensorsFolder(folder, tensors, { maxShardBytes: 512 });
    assert.deepEqual(files, [
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
      'model.safetensors.index.json',
    ]);
    const numOpen = countOpen('byte source');
    assert.deepEqual(Object.fromEntries(await readSafetensors(folder)), Object.fromEntries(tensors));
    assert.equal(countOpen('byte source'), numOpen);

    const indexPath = join(folder, files[2]);
    const index = readFileSync(indexPath, 'utf8');
    writeFileSync(indexPath, index.replace('"v"', '"w"'));
    await assert.rejects(() => openSafetensors(folder), {
      message: `readSafetensors: tensor "w" in ${files[1]}, as the index says, got none of that name (${folder}). Did you mean "v"? TF-DATA-007`,
    });
    assert.equal(countOpen('byte source'), numOpen);
    writeFileSync(indexPath, index.replace('model-00002', '../model-00002'));
    await assert.rejects(() => openSafetensors(folder), {
      message: `readSafetensors: tensor "v" to lie in a file of this folder, got "../${files[1]}" (${indexPath}). TF-DATA-004`,
    });
    writeFileSync(indexPath, index);
    rmSync(join(folder, files[1]));
    await assert.rejects(() => openSafetensors(folder), {
      message: `readSafetensors: every shard that the index names, got none called ${files[1]} (${indexPath}). Copy the missing shards into the folder. TF-DATA-001`,
    });
  });
});

test('a folder that holds a pickle alone is refused, and the pickle is not opened', async () => {
  await withFolder(async (folder) => {
    writeFileSync(join(folder, 'pytorch_model.bin'), 'cos\nsystem\n');
    await assert.rejects(() => openSafetensors(folder), {
      message: `readSafetensors: model.safetensors or model.safetensors.index.json in the folder, got pytorch_model.bin, a pickle, which could run code and is not read (${folder}). Save the model as safetensors: model.save_pretrained(folder, safe_serialization=True). TF-DATA-001`,
    });
  });
});

test('small tensors go to one model.safetensors, which the folder then means', async () => {
  await withFolder(async (folder) => {
    await assert.rejects(() => openSafetensors(folder), {
      message: `readSafetensors: model.safetensors or model.safetensors.index.json in the folder, got neither (${folder}). Name the file itself, or add the index. TF-DATA-001`,
    });
    assert.deepEqual(await writeSafetensorsFolder(folder, TENSORS), ['model.safetensors']);
    assert.deepEqual(Object.fromEntries(await readSafetensors(folder)), Object.fromEntries(TENSORS));
  });
});

test('an existing file is kept unless forced, and a failed write leaves no file', async () => {
  await withFolder(async (folder) => {
    const path = join(folder, 'model.safetensors');
    await writeSafetensors(path, TENSORS);
    await assert.rejects(() => writeSafetensors(path, []), {
      message: `writeFile: a file name that is free, got one that exists (${path}). Choose another name or pass force to replace it. TF-DATA-008`,
    });
    await writeSafetensors(path, TENSORS.slice(0, 1), { force: true });
    assert.equal((await readSafetensors(path)).size, 1);
    const [twice] = TENSORS;
    await assert.rejects(() => writeSafetensors(join(folder, 'b'), [twice, twice]), {
      message: `writeSafetensors: every tensor name once, got "${twice[0]}" again. TF-DATA-012`,
    });
    assert.deepEqual(readdirSync(folder), ['model.safetensors']);
  });
});

test('a missing file is named', async () => {
  await assert.rejects(() => readSafetensors('absent.safetensors'), {
    message: 'openFile: a readable file, got no such file (absent.safetensors). Check the path. TF-DATA-001',
  });
});
