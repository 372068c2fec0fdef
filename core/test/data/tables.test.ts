import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import {
  columnOf,
  createMemorySink,
  isRowCounter,
  readCsv,
  readCsvBatches,
  readParquet,
  readParquetBatches,
  rowsOf,
  tableFromColumns,
  writeCsv,
  writeParquet,
} from '../../src/data/index.ts';
import type { Table } from '../../src/data/index.ts';
import { concatBytes, describeReader, utf8, withBytes } from './reader-conformance.ts';

const TABLE: Table = tableFromColumns([
  { name: 'id', kind: 'int32', values: Int32Array.of(1, -2, 2147483647) },
  { name: 'score', kind: 'float64', values: Float64Array.of(0.1, NaN, -1e-300) },
  { name: 'is_train', kind: 'bool', values: Uint8Array.of(1, 0, 1) },
  { name: 'text', kind: 'text', values: ['a "quoted", cell', null, 'two\nlines é'] },
]);
const TRUNCATED = 'The file looks truncated; copy it again. TF-DATA-003';
const DAMAGED = 'The file is damaged; copy it again. TF-DATA-004';

async function csvOf(table: Table): Promise<Uint8Array> {
  const sink = createMemorySink();
  await writeCsv(sink, table);
  return sink.bytes();
}
async function parquetOf(table: Table, rowGroupSize?: number): Promise<Uint8Array> {
  const sink = createMemorySink();
  await writeParquet(sink, table, { rowGroupSize });
  return sink.bytes();
}

describeReader({
  name: 'readCsv',
  read: readCsv,
  valid: await csvOf(TABLE),
  assertValue: (table) => assert.deepEqual(table, TABLE),
  isReadableCut: () => true, // text has no length: fewer rows are a valid file
  slackBytes: 1 << 22,
  corruptions: [
    {
      title: 'a row that is too short',
      bytes: utf8('a,b\n1,2\n3\n'),
      message:
        'readCsv: as many cells as in the first row (file:3). Correct the line, or name another delimiter. TF-DATA-010',
    },
    {
      title: 'a quote that is not closed',
      bytes: utf8('a,b\n1,"2\n3,4\n'),
      message:
        'readCsv: a quoted cell to end before the file does (file:3). Correct the line, or name another delimiter. TF-DATA-010',
    },
    {
      title: 'text after a closing quote',
      bytes: utf8('a,b\n"1"x,2\n'),
      message:
        'readCsv: a delimiter after the closing quote (file:2). Correct the line, or name another delimiter. TF-DATA-010',
    },
  ],
});

const parquet = await parquetOf(TABLE, 2);
describeReader({
  name: 'readParquet',
  read: readParquet,
  valid: parquet,
  assertValue: (table) => assert.deepEqual(table, TABLE),
  slackBytes: 1 << 22,
  corruptions: [
    {
      title: 'another beginning',
      bytes: withBytes(parquet, 0, 80, 75),
      message:
        'readParquet: a Parquet file (it begins with PAR1), got another beginning (file). Check that the right file was given. TF-DATA-002',
    },
    {
      title: 'no end',
      bytes: parquet.subarray(0, 200),
      message: `readParquet: PAR1 at the end of the file, got other bytes (file). ${TRUNCATED}`,
    },
    {
      title: 'an absurd footer length',
      bytes: withBytes(parquet, parquet.length - 8, 255, 255, 255, 127),
      message: `readParquet: a footer within the ${parquet.length} bytes of the file, got 2147483647 bytes (file). ${DAMAGED}`,
    },
    {
      title: 'too few bytes',
      bytes: utf8('PAR1PAR1'),
      message: `readParquet: the footer needs bytes 0-12 but the file ends at 8 (file). ${TRUNCATED}`,
    },
  ],
});

test('CSV cells become the narrowest kind, or the one that is asked for', async () => {
  const bytes = utf8('n;x;flag;name;big\n1;1.5;true;ann;9007199254740993\n2;;FALSE;;-1\n');
  const table = await readCsv(bytes, { delimiter: ';', kinds: { big: 'int64' } });
  assert.deepEqual(
    table.columns.map(({ kind }) => kind),
    ['int32', 'float64', 'bool', 'text', 'int64'],
  );
  assert.deepEqual(rowsOf(table), [
    { n: 1, x: 1.5, flag: true, name: 'ann', big: 9007199254740993n },
    { n: 2, x: NaN, flag: false, name: null, big: -1n },
  ]);
  const plain = await readCsv(utf8('\uFEFF1,x\r\n2,y\r\n'), { hasHeader: false });
  assert.deepEqual(
    plain.columns.map(({ name, kind }) => [name, kind]),
    [
      ['column1', 'int32'],
      ['column2', 'text'],
    ],
  );
});

test('words that merely look like numbers stay text', async () => {
  const table = await readCsv(utf8('a,b,c\n0x10,1e5,-0\n12,inf,3\n'));
  assert.deepEqual(
    table.columns.map(({ kind, values }) => [kind, ...values]),
    [
      ['text', '0x10', '12'],
      ['float64', 1e5, Infinity],
      ['float64', -0, 3],
    ],
  );
});

test('batches are bounded, keep the kinds of the first, and name the row that does not fit', async () => {
  const lines = Array.from({ length: 10 }, (_, i) => (i === 7 ? 'x' : `${i}`));
  const bytes = utf8(`v\n${lines.join('\n')}\n`);
  const sizes: number[] = [];
  await assert.rejects(
    async () => {
      for await (const batch of readCsvBatches(bytes, { batchRows: 4 })) sizes.push(batch.numRows);
    },
    {
      message:
        'readCsv: an integer of 32 bits, got "x" (memory, row 8, column "v"). Correct the cell or give the column another kind. TF-DATA-010',
    },
  );
  assert.deepEqual(sizes, [4]);
  assert.equal((await readCsv(bytes)).columns[0].kind, 'text');
});

test('gzip CSV, a header alone and an empty file are read', async () => {
  assert.deepEqual(await readCsv(new Uint8Array(gzipSync(await csvOf(TABLE)))), TABLE);
  const header = await readCsv(utf8('a,b\n'));
  assert.deepEqual([header.numRows, header.columns.map(({ name }) => name)], [0, ['a', 'b']]);
  assert.deepEqual(await readCsv(new Uint8Array(0)), { numRows: 0, columns: [] });
});

test('a record beyond the limit is refused', async () => {
  const bytes = concatBytes(utf8('a\n"'), new Uint8Array(5000).fill(0x61), utf8('"\n'));
  await assert.rejects(() => readCsv(bytes, { maxRecordBytes: 1000 }), {
    message:
      'readCsv: a record within maxRecordBytes (memory:2). Raise maxRecordBytes, or look for a quote that is not closed. TF-DATA-011',
  });
});

test('Parquet gives one table per row group, the wanted columns alone, and 64-bit integers exactly', async () => {
  const big: Table = tableFromColumns([
    { name: 'id', kind: 'int64', values: BigInt64Array.of(2n ** 60n + 1n, -5n, 0n) },
    { name: 'meta', kind: 'json', values: [{ a: [1, 2] }, { a: [] }, { a: [3] }] },
  ]);
  const bytes = await parquetOf(big, 2);
  const batches: Table[] = [];
  for await (const batch of readParquetBatches(bytes, { columns: ['id'] })) batches.push(batch);
  assert.deepEqual(
    batches.map(({ columns }) => columns.map(({ kind, values }) => [kind, ...values])),
    [[['int64', 2n ** 60n + 1n, -5n]], [['int64', 0n]]],
  );
  assert.deepEqual(await readParquet(bytes), big);
  await assert.rejects(() => readParquet(bytes, { columns: ['idd'] }), {
    message: 'readParquet: a column "idd", got none of that name (memory). Did you mean "id"? TF-DATA-007',
  });
});

test('whole numbers of a floating column stay floating, also where only one row group has fractions or gaps', async () => {
  const table: Table = tableFromColumns([
    { name: 'whole', kind: 'float64', values: Float64Array.of(1, -0, 3) },
    { name: 'mixed', kind: 'float64', values: Float64Array.of(1, 2, NaN) },
  ]);
  assert.deepEqual(await readParquet(await parquetOf(table, 2)), table);
  assert.deepEqual(await readParquet(await parquetOf(table)), table);
});

test('a column that is missing is answered with its nearest name, and unequal columns make no table', () => {
  assert.equal(columnOf(TABLE, 'score').kind, 'float64');
  assert.throws(() => columnOf(TABLE, 'scor'), {
    message: 'columnOf: a column "scor", got none of that name. Did you mean "score"? TF-DATA-007',
  });
  const [id] = TABLE.columns;
  assert.throws(() => tableFromColumns([id, { name: 'b', kind: 'int32', values: Int32Array.of(1) }]), {
    message: 'tableFromColumns: 3 values in column "b", got 1. TF-DATA-012',
  });
  assert.throws(() => tableFromColumns([id, id]), {
    message: 'tableFromColumns: every column name once, got "id" again. TF-DATA-012',
  });
});

test('a row counter is a column named like an id without repetition, and nothing else', () => {
  const column = (name: string, numbers: number[]) => ({
    name,
    kind: 'float64' as const,
    values: Float64Array.from(numbers),
  });
  for (const name of ['id', 'ID', 'index', 'sample_id', 'Unnamed: 0', '', 'row'])
    assert.ok(isRowCounter(column(name, [3, 1, 2])), name);
  for (const name of ['x', 'width', 'grid', 'idle', 'valid']) assert.ok(!isRowCounter(column(name, [3, 1, 2])), name);
  assert.ok(!isRowCounter(column('id', [1, 1, 2])));
  assert.ok(!isRowCounter(column('id', [0.5, 1, 2])));
  assert.ok(!isRowCounter({ name: 'id', kind: 'text', values: ['1', '2'] }));
});
