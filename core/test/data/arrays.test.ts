import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32, gzipSync } from 'node:zlib';
import {
  createMemorySink,
  loadMnist,
  readIdx,
  readNpy,
  readNpz,
  writeIdx,
  writeNpy,
  writeNpz,
} from '../../src/data/index.ts';
import type { ByteSink } from '../../src/data/index.ts';
import { castTensor, createTensor, DTYPES, tensorFromArray } from '../../src/tensor/index.ts';
import type { Dtype, Tensor } from '../../src/tensor/index.ts';
import { concatBytes, describeReader, utf8, withBytes } from './reader-conformance.ts';

const matrix = tensorFromArray('float32', [2, 3], Float32Array.of(1, -2, 3.5, 4, 5, 1e-20));
const written = async (write: (sink: ByteSink) => Promise<void>): Promise<Uint8Array> => {
  const sink = createMemorySink();
  await write(sink);
  return sink.bytes();
};
const assertMatrix = (tensor: Tensor) => assert.deepEqual(tensor, matrix);
const TRUNCATED = 'The file looks truncated; copy it again. TF-DATA-003';

const idx = await written((sink) => writeIdx(sink, matrix));
describeReader({
  name: 'readIdx',
  read: readIdx,
  valid: idx,
  assertValue: assertMatrix,
  corruptions: [
    {
      title: 'another beginning',
      bytes: utf8('PNG?'),
      message:
        'readIdx: an IDX file (bytes 0, 0, type, rank), got bytes 80, 78, 71, 63 (file). Check that the right file was given. TF-DATA-002',
    },
    {
      title: 'absurd sizes',
      bytes: withBytes(idx, 4, 0x10, 0, 0, 0),
      message: `readIdx: the tensor [268435456, 3] needs bytes 12-3221225484 but the file ends at 36 (file). ${TRUNCATED}`,
    },
    {
      title: 'a rank beyond the file',
      bytes: withBytes(idx, 3, 200),
      message: `readIdx: the sizes needs bytes 4-804 but the file ends at 36 (file). ${TRUNCATED}`,
    },
    {
      title: 'bytes left over',
      bytes: concatBytes(idx, Uint8Array.of(7)),
      message: 'readIdx: the file to end at byte 36, after the tensor [2, 3], got 37 bytes (file). TF-DATA-005',
    },
  ],
});

const idxGz = new Uint8Array(gzipSync(idx));
describeReader({
  name: 'readIdx (gzip)',
  read: readIdx,
  valid: idxGz,
  assertValue: assertMatrix,
  corruptions: [
    {
      title: 'a cut gzip stream',
      bytes: idxGz.subarray(0, 20),
      message: `readIdx: a gzip stream up to its end, but it ends early (file). ${TRUNCATED}`,
    },
    {
      title: 'a damaged gzip stream',
      bytes: withBytes(idxGz, 10, 0xff, 0xff),
      message: 'readIdx: an undamaged gzip stream (file). The file is damaged; copy it again. TF-DATA-004',
    },
  ],
});

/** A .npy file with any header text. */
function npyWith(literal: string, data: Uint8Array, version = 1): Uint8Array {
  const text = utf8(`${literal}\n`);
  const length = version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0];
  return concatBytes(Uint8Array.of(0x93), utf8('NUMPY'), Uint8Array.of(version, 0, ...length), text, data);
}
const literal = (descr: string, shape: string, order = 'False') =>
  `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }`;

const npy = await written((sink) => writeNpy(sink, matrix));
describeReader({
  name: 'readNpy',
  read: readNpy,
  valid: npy,
  assertValue: assertMatrix,
  corruptions: [
    {
      title: 'another beginning',
      bytes: utf8('{"a": 1}'),
      message:
        'readNpy: a .npy file (it begins with \\x93NUMPY), got another beginning (file). Save it by numpy.save. TF-DATA-002',
    },
    {
      title: 'an absurd shape',
      bytes: npyWith(literal("'<f4'", '(300000000,)'), new Uint8Array(8)),
      message: `readNpy: the array [300000000] needs bytes 76-1200000076 but the file ends at 84 (file). ${TRUNCATED}`,
    },
    {
      title: 'a header longer than the file',
      bytes: withBytes(npy, 8, 0x10, 0x27),
      message: `readNpy: the header needs bytes 10-10010 but the file ends at 152 (file). ${TRUNCATED}`,
    },
    {
      title: 'an absurd header length',
      bytes: withBytes(npy, 8, 0xff, 0xff),
      message: 'readNpy: a header of at most 10000 bytes, got 65535 (file:8). TF-DATA-011',
    },
    {
      title: 'Python objects',
      bytes: npyWith(literal("'|O'", '(2,)'), new Uint8Array(64)),
      message:
        'readNpy: numbers or booleans, got Python objects (file). ' +
        'Save numbers instead: such a file would have to be unpickled, which can run code. TF-DATA-006',
    },
    {
      title: 'records',
      bytes: npyWith(literal("[('x', '<f4')]", '(2,)'), new Uint8Array(64)),
      message:
        'readNpy: one dtype for all elements, got a structured dtype (file). Save each field as its own array. TF-DATA-006',
    },
    {
      title: 'complex numbers',
      bytes: npyWith(literal("'<c8'", '(2,)'), new Uint8Array(64)),
      message: 'readNpy: a real number dtype or bool, got "<c8" (file). Convert it by astype. TF-DATA-006',
    },
    {
      title: 'a dtype with a line break',
      bytes: npyWith(literal("'<\n4'", '(2,)'), new Uint8Array(64)),
      message: 'readNpy: a real number dtype or bool, got "<\\n4" (file). Convert it by astype. TF-DATA-006',
    },
    {
      title: 'no shape',
      bytes: npyWith("{'descr': '<f4', 'fortran_order': False}", new Uint8Array(8)),
      message:
        "readNpy: a header with descr, fortran_order and shape, got {'descr': '<f4', 'fortran_order': False} (file). TF-DATA-004",
    },
    {
      title: 'an unknown version',
      bytes: withBytes(npy, 6, 9),
      message: 'readNpy: version 1, 2 or 3 of the .npy format, got 9 (file). TF-DATA-006',
    },
  ],
});

const DAMAGED = 'The file is damaged; copy it again. TF-DATA-004';
const LOCAL_HEADER_BYTES = 30 + 'weights.npy'.length;
const checksumOf = (bytes: Uint8Array) => crc32(bytes).toString(16).padStart(8, '0');
const npz = await written((sink) => writeNpz(sink, [['weights', matrix]]));
describeReader({
  name: 'readNpz',
  read: readNpz,
  valid: npz,
  assertValue: (tensors) => assert.deepEqual([...tensors], [['weights', matrix]]),
  corruptions: [
    {
      title: 'another beginning',
      bytes: utf8('\x93NUMPY'),
      message:
        'readNpz: a .npz file (a zip, it begins with PK), got another beginning (file). Save it by numpy.savez. TF-DATA-002',
    },
    {
      title: 'no directory',
      bytes: npz.subarray(0, npz.length - 10),
      message: `readNpz: the zip's directory within the ${npz.length - 10} bytes of the file, got none (file). ${TRUNCATED}`,
    },
    {
      title: 'a changed byte in its data',
      bytes: withBytes(npz, 180, 0x7f),
      message: `readNpz: checksum ${checksumOf(npy)} of member "weights.npy", got ${checksumOf(withBytes(npy, 180 - LOCAL_HEADER_BYTES, 0x7f))} (file). ${DAMAGED}`,
    },
    {
      title: 'more members in its directory than it has',
      bytes: withBytes(npz, npz.length - 12, 2),
      message: `readNpz: a zip's directory, got a damaged one (file). ${DAMAGED}`,
    },
    {
      title: 'another name in its directory',
      bytes: withBytes(npz, npz.length - 22 - 'weights.npy'.length, 0x76),
      message: `readNpz: member "veights.npy", which the directory lists, got none of that name (file). ${DAMAGED}`,
    },
  ],
});

describeReader({
  name: 'readNpz (compressed)',
  read: readNpz,
  valid: await written((sink) => writeNpz(sink, [['weights', matrix]], { compress: true })),
  assertValue: (tensors) => assert.deepEqual([...tensors], [['weights', matrix]]),
  corruptions: [],
});

test('big-endian and column-major .npy arrays become row-major tensors', async () => {
  const bigEndian = npyWith(literal("'>i2'", '(2,)'), Uint8Array.of(1, 2, 0xff, 0xfe));
  assert.deepEqual([...(await readNpy(bigEndian)).data], [258, -2]);
  const columns = npyWith(literal("'|u1'", '(2, 3)', 'True'), Uint8Array.of(1, 4, 2, 5, 3, 6), 2);
  assert.deepEqual(await readNpy(columns), tensorFromArray('uint8', [2, 3], Uint8Array.of(1, 2, 3, 4, 5, 6)));
  const scalar = npyWith(literal("'<f8'", '()'), new Uint8Array(8));
  assert.deepEqual(await readNpy(scalar), tensorFromArray('float64', [], Float64Array.of(0)));
});

test('a header that numpy.save wrote is what we write', async () => {
  const text = new TextDecoder('latin1').decode(await written((sink) => writeNpy(sink, matrix)));
  const header = "\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  assert.ok(text.replace('\u201c', '\x93').startsWith(header));
  assert.equal(text[127], '\n');
});

test('a small .npz that unpacks to more than the limit is stopped while it unpacks', async () => {
  const zeros = createTensor('float32', [2_500_000]);
  const bytes = await written((sink) => writeNpz(sink, [['zeros', zeros]], { compress: true }));
  assert.ok(bytes.length < 50_000);
  assert.equal((await readNpz(bytes)).get('zeros')!.data.length, 2_500_000);
  await assert.rejects(() => readNpz(bytes, { maxBytes: 1_000_000 }), {
    message:
      'readNpz: at most 1000000 bytes after decompression, got more (memory). Raise maxBytes if the file is right. TF-DATA-011',
  });
});

test('every dtype that NumPy has survives .npy and .npz, compressed or not; others are refused', async () => {
  for (const dtype of Object.keys(DTYPES) as Dtype[]) {
    const tensor = castTensor(matrix, dtype);
    if (/bfloat|float8/.test(dtype)) {
      await assert.rejects(() => writeNpy(createMemorySink(), tensor), {
        message: `writeNpy: a dtype that NumPy has, got ${dtype}. Cast the tensor to float32, or write safetensors. TF-DATA-006`,
      });
      continue;
    }
    assert.deepEqual(await readNpy(await written((sink) => writeNpy(sink, tensor))), tensor);
    for (const compress of [true, false]) {
      const bytes = await written((sink) =>
        writeNpz(
          sink,
          [
            ['a', tensor],
            ['b/c', matrix],
          ],
          { compress },
        ),
      );
      assert.deepEqual(
        [...(await readNpz(bytes))],
        [
          ['a', tensor],
          ['b/c', matrix],
        ],
      );
    }
  }
});

test('every dtype that IDX has survives; others are refused', async () => {
  for (const dtype of ['uint8', 'int8', 'int16', 'int32', 'float32', 'float64'] as const) {
    const tensor = castTensor(matrix, dtype);
    assert.deepEqual(await readIdx(await written((sink) => writeIdx(sink, tensor))), tensor);
  }
  await assert.rejects(() => writeIdx(createMemorySink(), castTensor(matrix, 'int64')), {
    message:
      'writeIdx: one of uint8, int8, int16, int32, float32, float64, got int64. Cast the tensor first. TF-DATA-006',
  });
});

test('MNIST has its published sizes and first labels', async () => {
  const test10k = await loadMnist({ split: 'test' });
  assert.deepEqual(test10k.images.shape, [10000, 28, 28]);
  assert.deepEqual([...test10k.labels.data.subarray(0, 10)], [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
  const first = await loadMnist({ maxItems: 5 });
  assert.deepEqual([...first.labels.data], [5, 0, 4, 1, 9]);
  assert.deepEqual(first.images.shape, [5, 28, 28]);
  assert.equal(Math.max(...first.images.data), 255);
});
