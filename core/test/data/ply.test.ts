import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemorySink, readPly, writePly } from '../../src/data/index.ts';
import type { PlyElement, PlyFile, PlyFormat } from '../../src/data/index.ts';
import { concatBytes, describeReader, utf8 } from './reader-conformance.ts';

const VERTICES: PlyElement = {
  name: 'vertex',
  count: 3,
  columns: new Map<string, Float32Array | Uint8Array | Float64Array | Int16Array>([
    ['x', Float32Array.of(1, -2.5, 1e-20)],
    ['red', Uint8Array.of(0, 128, 255)],
    ['y', Float64Array.of(1e300, 0.1, -0)],
    ['label', Int16Array.of(-1, 300, 0)],
  ]),
};
const FACES: PlyElement = {
  name: 'face',
  count: 2,
  columns: new Map([['vertex_indices', { offsets: Uint32Array.of(0, 3, 3), values: Int32Array.of(0, 1, 2) }]]),
};
const TRUNCATED = 'The file looks truncated; copy it again. TF-DATA-003';

async function bytesOf(format: PlyFormat, elements: readonly PlyElement[]): Promise<Uint8Array> {
  const sink = createMemorySink();
  await writePly(sink, { format, comments: ['made by a test'], elements });
  return sink.bytes();
}

const assertSame = (format: PlyFormat) => (ply: PlyFile) =>
  assert.deepEqual(ply, { format, comments: ['made by a test'], elements: [VERTICES, FACES] });

const headerOf = (...lines: string[]) => utf8(`ply\n${lines.join('\n')}\nend_header\n`);
const LITTLE = 'format binary_little_endian 1.0';

for (const format of ['ascii', 'binary_little_endian', 'binary_big_endian'] as const) {
  const valid = await bytesOf(format, [VERTICES, FACES]);
  describeReader({
    name: `readPly (${format})`,
    read: readPly,
    valid,
    assertValue: assertSame(format),
    // ascii: the newline or the last digits of the last row may be missing without a trace
    isReadableCut: (numBytes) => format === 'ascii' && numBytes >= valid.length - 1,
    corruptions: [
      {
        title: 'another beginning',
        bytes: utf8('play it'),
        message:
          'readPly: a PLY file (its first line is "ply"), got "play" (file). Check that the right file was given. TF-DATA-002',
      },
      {
        title: 'an absurd count',
        bytes: concatBytes(
          headerOf(`format ${format} 1.0`, 'element vertex 300000000', 'property float x'),
          utf8('1234'),
        ),
        message:
          format === 'ascii'
            ? `readPly: element "vertex" needs bytes 74-600000073 but the file ends at 78 (file). ${TRUNCATED}`
            : `readPly: element "vertex" needs bytes ${69 + format.length}-${1200000069 + format.length} but the file ends at ${73 + format.length} (file). ${TRUNCATED}`,
      },
    ],
  });
}

describeReader({
  name: 'readPly (headers)',
  read: readPly,
  valid: await bytesOf('binary_little_endian', [VERTICES]),
  assertValue: (ply) => assert.deepEqual(ply.elements, [VERTICES]),
  corruptions: [
    {
      title: 'no end of the header',
      bytes: utf8('ply\nformat ascii 1.0\n'),
      message: `readPly: "end_header" within the 21 bytes of the file, got none (file). ${TRUNCATED}`,
    },
    {
      title: 'an unknown format',
      bytes: headerOf('format binary 1.0'),
      message:
        'readPly: a format of ascii, binary_little_endian, binary_big_endian, got "format binary 1.0" (file:2). TF-DATA-006',
    },
    {
      title: 'no format',
      bytes: headerOf('element vertex 0'),
      message: 'readPly: a format line (file). TF-DATA-004',
    },
    {
      title: 'a negative count',
      bytes: headerOf(LITTLE, 'element vertex -1'),
      message: 'readPly: an element: name and a count, got "element vertex -1" (file:3). TF-DATA-004',
    },
    {
      title: 'an unknown type',
      bytes: headerOf(LITTLE, 'element vertex 1', 'property half x'),
      message:
        'readPly: a property of an element: [list count-type] type and name, got "property half x" (file:4). TF-DATA-004',
    },
    {
      title: 'a property before any element',
      bytes: headerOf(LITTLE, 'property float x'),
      message:
        'readPly: a property of an element: [list count-type] type and name, got "property float x" (file:3). TF-DATA-004',
    },
    {
      title: 'endless rows without properties',
      bytes: headerOf(LITTLE, 'element vertex 9007199254740991'),
      message: 'readPly: properties for the 9007199254740991 rows of element "vertex", got none (file). TF-DATA-004',
    },
    {
      title: 'a negative list length',
      bytes: concatBytes(headerOf(LITTLE, 'element face 1', 'property list char int v'), Uint8Array.of(0xff)),
      message:
        'readPly: a list length that is a whole number for property "v" of element "face", got -1 (byte 1 of the element\'s data). TF-DATA-010',
    },
    {
      title: 'an absurd list length',
      bytes: concatBytes(
        headerOf(LITTLE, 'element face 1', 'property list uint int v'),
        Uint8Array.of(255, 255, 255, 127, 0, 0, 0, 0),
      ),
      message: `readPly: property "v" of element "face" needs bytes 8-12 but the file ends at 8 (file). ${TRUNCATED}`,
    },
    {
      title: 'bytes left over',
      bytes: concatBytes(headerOf(LITTLE, 'element a 1', 'property uchar x'), Uint8Array.of(1, 2)),
      message:
        'readPly: the file to end at byte 77, after its last element, got 78 bytes (file). The counts in its header are damaged. TF-DATA-005',
    },
    {
      title: 'a word that is not a number',
      bytes: concatBytes(headerOf('format ascii 1.0', 'element a 1', 'property float x'), utf8('one\n')),
      message: 'readPly: a number for property "x" of element "a", got "one" (file:61). TF-DATA-010',
    },
  ],
});

test('many float rows, as splat files have, survive in chunks', async () => {
  const count = 40_000;
  const column = (scale: number) => Float32Array.from({ length: count }, (_, i) => Math.fround(i * scale));
  const splats: PlyElement = {
    name: 'vertex',
    count,
    columns: new Map(['x', 'f_dc_0', 'opacity'].map((name, i) => [name, column(i + 0.1)])),
  };
  assert.deepEqual((await readPly(await bytesOf('binary_little_endian', [splats]))).elements, [splats]);
});

test('long lists get a wider count, and carriage returns in headers are fine', async () => {
  const values = Uint8Array.from({ length: 300 }, (_, i) => i);
  const long: PlyElement = {
    name: 'strip',
    count: 1,
    columns: new Map([['v', { offsets: Uint32Array.of(0, 300), values }]]),
  };
  assert.deepEqual((await readPly(await bytesOf('binary_big_endian', [long]))).elements, [long]);
  const windows = utf8('ply\r\nformat ascii 1.0\r\nelement a 1\r\nproperty int x\r\nend_header\r\n7\r\n');
  assert.deepEqual([...((await readPly(windows)).elements[0].columns.get('x') as Int32Array)], [7]);
});

test('a column that is too short is not written', async () => {
  const broken = { name: 'a', count: 2, columns: new Map([['x', Float32Array.of(1)]]) };
  await assert.rejects(() => writePly(createMemorySink(), { elements: [broken] }), {
    message: 'writePly: 2 values of property "x" for element "a", got 1. TF-DATA-012',
  });
});
