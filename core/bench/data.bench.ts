/** Readers against plain file reads and against their peers, on files made for the run in the system's temporary folder. */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetReadObjects, asyncBufferFromFile } from 'hyparquet';
import { parse } from 'csv-parse/sync';
import { createRng } from '../src/base/index.ts';
import {
  readCsv,
  readJsonLines,
  readParquet,
  readPly,
  readSafetensors,
  tableFromColumns,
  writeCsv,
  writeJsonLines,
  writeParquet,
  writePly,
  writeSafetensors,
} from '../src/data/index.ts';
import { createTensor } from '../src/tensor/index.ts';
import { sideBySide } from './side-by-side.ts';
import type { BenchRow } from '../src/report/index.ts';

const MEGABYTE = 1e6;
const NUM_ROWS = 100_000;
const NUM_SPLATS = 200_000;
const SPLAT_PROPERTIES = [
  'x',
  'y',
  'z',
  'f_dc_0',
  'f_dc_1',
  'f_dc_2',
  'opacity',
  's0',
  's1',
  's2',
  'r0',
  'r1',
  'r2',
  'r3',
];

export async function bench(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-bench-'));
  try {
    return [
      await benchSafetensors(folder),
      await benchPly(folder),
      ...(await benchTables(folder)),
      await benchJsonLines(folder),
    ];
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function benchSafetensors(folder: string): Promise<BenchRow> {
  const path = join(folder, 'model.safetensors');
  const tensors = Array.from({ length: 16 }, (_, i) => {
    const tensor = createTensor('float32', [1024, 4096]);
    tensor.data.fill(i + 1);
    return [`layer.${i}`, tensor] as const;
  });
  await writeSafetensors(path, tensors);
  const numBytes = (await stat(path)).size;
  return sideBySide({
    name: 'safetensors, 16 tensors of 16 MiB',
    work: numBytes / MEGABYTE,
    unit: 'MB/s',
    ours: () => readSafetensors(path),
    peer: () => readFile(path),
    note: 'peer: readFile of the same file, cached',
  });
}

async function benchPly(folder: string): Promise<BenchRow> {
  const path = join(folder, 'splats.ply');
  const rng = createRng(1, 'ply bench');
  const columns = new Map(
    SPLAT_PROPERTIES.map((name) => [name, Float32Array.from({ length: NUM_SPLATS }, () => rng.uniform())]),
  );
  await writePly(path, { elements: [{ name: 'vertex', count: NUM_SPLATS, columns }] });
  const numBytes = (await stat(path)).size;
  return sideBySide({
    name: `PLY, ${NUM_SPLATS} splats into ${SPLAT_PROPERTIES.length} columns`,
    work: numBytes / MEGABYTE,
    unit: 'MB/s',
    ours: () => readPly(path),
    peer: () => readFile(path),
    note: 'peer: readFile of the same file, cached',
  });
}

async function benchTables(folder: string): Promise<BenchRow[]> {
  const rng = createRng(1, 'table bench');
  const table = tableFromColumns([
    { name: 'id', kind: 'int32', values: Int32Array.from({ length: NUM_ROWS }, (_, i) => i) },
    { name: 'score', kind: 'float64', values: Float64Array.from({ length: NUM_ROWS }, () => rng.normal()) },
    { name: 'label', kind: 'text', values: Array.from({ length: NUM_ROWS }, () => `class ${rng.integer(10)}`) },
  ]);
  const [csvPath, parquetPath] = [join(folder, 'table.csv'), join(folder, 'table.parquet')];
  await writeCsv(csvPath, table);
  await writeParquet(parquetPath, table);
  const common = { work: NUM_ROWS, unit: 'rows/s', numRounds: 5 };
  return [
    await sideBySide({
      ...common,
      name: 'CSV, 3 typed columns, streamed',
      ours: () => readCsv(csvPath),
      peer: async () => parse(await readFile(csvPath), { cast: true, columns: true }) as unknown[],
      note: 'peer: csv-parse/sync with cast to row objects',
    }),
    await sideBySide({
      ...common,
      name: 'Parquet, 3 typed columns',
      ours: () => readParquet(parquetPath),
      peer: async () => parquetReadObjects({ file: await asyncBufferFromFile(parquetPath) }),
      note: 'peer: hyparquet to row objects',
    }),
  ];
}

async function benchJsonLines(folder: string): Promise<BenchRow> {
  const path = join(folder, 'rows.jsonl');
  const rng = createRng(1, 'jsonl bench');
  const rows = Array.from({ length: NUM_ROWS }, (_, id) => ({
    id,
    text: `row ${id}`,
    hashes: [rng.integer(1e6), rng.integer(1e6)],
  }));
  await writeJsonLines(path, rows);
  return sideBySide({
    name: 'JSON Lines, streamed',
    work: NUM_ROWS,
    unit: 'rows/s',
    numRounds: 5,
    ours: async () => {
      let numRows = 0;
      for await (const { value } of readJsonLines(path)) if (value !== null) numRows++;
      return numRows;
    },
    peer: async () =>
      (await readFile(path, 'utf8'))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown).length,
    note: 'peer: whole file, split and parse',
  });
}
