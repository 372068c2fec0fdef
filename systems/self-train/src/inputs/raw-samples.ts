/** Samples as they stand in files, before they become features. Node only. */
import { stat } from 'node:fs/promises';
import { basename, extname, resolve } from 'node:path';
import type { Diagnostic } from '@tenfold/core/base';
import { columnOf, readCsv, readIdx, readJsonLines, readNpy, readParquet, tableFromColumns } from '@tenfold/core/data';
import type { Table, TableColumn } from '@tenfold/core/data';
import type { VerbContext } from '@tenfold/core/system';
import { numbersFromTensor } from '@tenfold/core/tensor';
import type { Tensor } from '@tenfold/core/tensor';
import { selfTrainError } from '../self-train-errors.ts';
import type { Features } from '../types.ts';
import { readMnistDigits, readUspsDigits } from './digit-sets.ts';
import { drawFontDigits } from './font-digits.ts';
import { readHdf5 } from './hdf5.ts';
import { readImageFolder } from './image-folder.ts';

export interface RawOptions {
  /** Column of a table, or file of an array's labels; '' for none. */
  readonly label: string;
  /** Column that names samples; '' for the row number. */
  readonly id: string;
  readonly imageSize: number;
  readonly channels: 1 | 3;
}

export interface RawSamples {
  readonly name: string;
  readonly ids: readonly string[];
  /** One cell a sample, where there are labels. */
  readonly labelCells?: ArrayLike<unknown>;
  readonly content:
    | { readonly kind: 'table'; readonly table: Table }
    | { readonly kind: 'array'; readonly x: Features }
    | { readonly kind: 'images'; readonly x: Features; readonly sidePx: number };
  readonly warnings: readonly Diagnostic[];
}

/** Sets that come with the project: `digits:fonts`, `digits:mnist`, `digits:mnist-test`, `digits:usps`, `digits:usps-test`,
 *  each with `:count`. */
const BUILT_IN = /^digits:(fonts|mnist|mnist-test|usps|usps-test)(?::(\d+))?$/;
const DEFAULT_COUNT = 5000;

/** @param path  built-in set, folder of images, table, .npy, IDX, or `file.h5:dataset`
 *  @throws TF-SELF-005 saying what was expected */
export async function readRawSamples(path: string, options: RawOptions, context: VerbContext): Promise<RawSamples> {
  const builtIn = BUILT_IN.exec(path);
  if (builtIn !== null) return readDigits(builtIn[1], Number(builtIn[2] ?? DEFAULT_COUNT), options, context);
  const { file, inside } = splitDataset(path);
  const full = resolve(context.workingFolder, file);
  const kind = await stat(full).catch(() => undefined);
  if (kind === undefined) {
    throw inputError(
      path,
      'a folder of images, a table, .npy, IDX, file.h5:dataset, or digits:fonts|mnist|usps',
      'no such path',
    );
  }
  context.progress({ phase: `reading ${basename(file)}` });
  if (kind.isDirectory()) return readImages(full, options, context);
  const extension = extname(full).toLowerCase();
  if (TABLE_EXTENSIONS.has(extension)) return readTableSamples(full, options);
  const x = await readArray(full, inside);
  const labelCells = options.label === '' ? undefined : await readLabels(options.label, x.numRows, context);
  const side = Math.sqrt(x.width);
  const content =
    isIdx(full) && Number.isInteger(side)
      ? { kind: 'images' as const, x: { ...x, data: x.data.map((value) => value / 255) }, sidePx: side }
      : { kind: 'array' as const, x };
  return { name: basename(file), ids: rowNames(x.numRows), ...(labelCells && { labelCells }), content, warnings: [] };
}

async function readDigits(
  set: string,
  count: number,
  { label }: RawOptions,
  context: VerbContext,
): Promise<RawSamples> {
  context.progress({ phase: `reading ${set} digits` });
  const split = set.endsWith('-test') ? 'test' : 'train';
  const digits = set.startsWith('mnist')
    ? await readMnistDigits(split, count, context.seed)
    : set.startsWith('usps')
      ? await readUspsDigits(context.dataFolder, split, count, context.seed)
      : await drawFontDigits(count, context.seed);
  return {
    name: digits.name,
    ids: rowNames(digits.x.numRows),
    ...(label !== '' && { labelCells: digits.labels }),
    content: { kind: 'images', x: digits.x, sidePx: digits.sidePx },
    warnings: [],
  };
}

async function readImages(folder: string, options: RawOptions, context: VerbContext): Promise<RawSamples> {
  const { ids, labels, x, skipped } = await readImageFolder(folder, {
    sidePx: options.imageSize,
    channels: options.channels,
    signal: context.signal,
    onProgress: (done, total) => context.progress({ phase: 'reading images', done, total }),
  });
  const hasLabels = labels.every((label) => label !== '');
  if (options.label !== '' && !hasLabels) {
    const unplaced = ids[labels.indexOf('')];
    throw inputError(folder, 'labelled images in sub-folders named by class', `"${unplaced}" outside of a sub-folder`);
  }
  const warnings: Diagnostic[] = skipped.length === 0 ? [] : [skippedWarning(skipped)];
  return {
    name: basename(folder),
    ids,
    ...(options.label !== '' && { labelCells: labels }),
    content: { kind: 'images', x, sidePx: options.imageSize },
    warnings,
  };
}

function skippedWarning(skipped: readonly { readonly name: string; readonly reason: string }[]): Diagnostic {
  const listed = skipped.slice(0, 20).map(({ name, reason }) => `${name}: ${reason}`);
  return {
    severity: 'warning',
    code: 'TF-SELF-005',
    subject: 'readImageFolder',
    expected: 'images that decode',
    actual: `${skipped.length} that do not and were left out`,
    location: listed.join('; ') + (skipped.length > listed.length ? '; …' : ''),
  };
}

const TABLE_EXTENSIONS = new Set(['.csv', '.tsv', '.parquet', '.jsonl', '.ndjson']);

async function readTableSamples(path: string, { label, id }: RawOptions): Promise<RawSamples> {
  const table = await readTable(path);
  if (table.numRows === 0) {
    throw selfTrainError('TF-SELF-001', {
      subject: 'readSamples',
      expected: 'a table with rows',
      actual: table.columns.length === 0 ? 'an empty file' : 'a heading without rows',
      location: basename(path),
    });
  }
  const idColumn = id === '' ? undefined : columnOf(table, id, 'self-train');
  if (idColumn) assertDifferent(idColumn, basename(path));
  return {
    name: basename(path),
    ids: Array.from({ length: table.numRows }, (_, n) => (idColumn ? String(idColumn.values[n]) : `row ${n}`)),
    ...(label !== '' && { labelCells: columnOf(table, label, 'self-train').values as ArrayLike<unknown> }),
    content: { kind: 'table', table },
    warnings: [],
  };
}

/** Two samples of one name could not be told apart in what comes out. */
function assertDifferent({ name, values }: TableColumn, location: string): void {
  const firstRow = new Map<string, number>();
  for (let n = 0; n < values.length; n++) {
    const id = String(values[n]);
    const first = firstRow.get(id);
    if (first !== undefined) {
      throw inputError(
        `${location}, rows ${first} and ${n}`,
        `another id in every row of "${name}"`,
        `${JSON.stringify(id)} twice`,
        ['Leave --id out to number the rows.'],
      );
    }
    firstRow.set(id, n);
  }
}

async function readTable(path: string): Promise<Table> {
  switch (extname(path).toLowerCase()) {
    case '.csv':
      return readCsv(path);
    case '.tsv':
      return readCsv(path, { delimiter: '\t' });
    case '.parquet':
      return readParquet(path);
    default:
      return tableFromRecords(path);
  }
}

async function tableFromRecords(path: string): Promise<Table> {
  const names = new Set<string>();
  const records: Record<string, unknown>[] = [];
  for await (const { value, lineNumber } of readJsonLines(path)) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw inputError(`${basename(path)}:${lineNumber}`, 'one JSON object a line', JSON.stringify(value).slice(0, 40));
    }
    records.push(value as Record<string, unknown>);
    for (const name of Object.keys(value)) names.add(name);
  }
  return tableFromColumns(
    [...names].map((name): TableColumn => {
      const cells = records.map((record) => record[name] ?? null);
      if (cells.every((cell) => cell === null || typeof cell === 'number')) {
        return { name, kind: 'float64', values: Float64Array.from(cells, (cell) => cell ?? NaN) };
      }
      const text = (cell: unknown) => (cell === null ? null : typeof cell === 'string' ? cell : JSON.stringify(cell));
      return { name, kind: 'text', values: cells.map(text) };
    }),
  );
}

/** Rows of any array file. */
async function readArray(path: string, inside: string): Promise<Features> {
  if (isHdf5(path)) return readHdf5(path, inside);
  const tensor = await readTensor(path);
  if (tensor.shape.length < 2) throw inputError(path, 'an array with one row a sample', `[${tensor.shape.join(', ')}]`);
  const data = Float32Array.from(numbersFromTensor(tensor));
  const numRows = tensor.shape[0];
  return { numRows, width: numRows === 0 ? 0 : data.length / numRows, data };
}

async function readLabels(label: string, numRows: number, context: VerbContext): Promise<ArrayLike<unknown>> {
  const { file, inside } = splitDataset(label);
  const full = resolve(context.workingFolder, file);
  if ((await stat(full).catch(() => undefined)) === undefined) {
    throw inputError(label, 'a file with the labels of the array (.npy, IDX, or file.h5:dataset)', 'no such file');
  }
  const cells = isHdf5(full)
    ? Array.from((await readHdf5(full, inside)).data)
    : Array.from(numbersFromTensor(await readTensor(full)));
  if (cells.length !== numRows) {
    throw selfTrainError('TF-SELF-002', {
      subject: 'readSamples',
      expected: `${numRows} labels, one a sample`,
      actual: `${cells.length}`,
      location: label,
    });
  }
  return cells;
}

function readTensor(path: string): Promise<Tensor> {
  if (extname(path).toLowerCase() === '.npy') return readNpy(path);
  if (isIdx(path)) return readIdx(path);
  throw inputError(
    path,
    'a file that ends in .csv, .tsv, .parquet, .jsonl, .npy, .h5, .idx or -ubyte',
    extname(path) || 'no ending',
  );
}

const isHdf5 = (path: string): boolean => /\.(h5|hdf5)$/i.test(path);
const isIdx = (path: string): boolean => /(\.idx|[.-]idx\d|-ubyte)(\.gz)?$/i.test(path);

/** `file.h5:train/data` → file and dataset. */
function splitDataset(path: string): { readonly file: string; readonly inside: string } {
  const match = /^(.*\.(?:h5|hdf5)):(.+)$/i.exec(path);
  if (match) return { file: match[1], inside: match[2] };
  if (isHdf5(path)) throw inputError(path, 'the dataset inside the file, as in file.h5:train/data', 'the file alone');
  return { file: path, inside: '' };
}

function rowNames(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `row ${n}`);
}

function inputError(location: string, expected: string, actual: string, hints: readonly string[] = []) {
  return selfTrainError('TF-SELF-005', { subject: 'readSamples', expected, actual, location, hints });
}
