/** What the verbs audit: samples with labels, from any of the accepted inputs. Node only. */
import { stat } from 'node:fs/promises';
import { basename, extname, resolve } from 'node:path';
import type { Diagnostic } from '@tenfold/core/base';
import { columnOf, readNpy, tableFromColumns } from '@tenfold/core/data';
import type { Table, TableColumn } from '@tenfold/core/data';
import type { VerbContext } from '@tenfold/core/system';
import { numbersFromTensor } from '@tenfold/core/tensor';
import type { Tensor } from '@tenfold/core/tensor';
import { assertSameLength } from '../check-probabilities.ts';
import { labelError } from '../label-errors.ts';
import { cifarFilesOf, readCifar, refusePickle } from './cifar-binary.ts';
import { modelInput, tensorOf } from './feature-columns.ts';
import { readImageFolder } from './image-folder.ts';
import type { ImageFolder } from './image-folder.ts';
import { openProbabilities } from './probability-file.ts';
import type { OpenProbabilities } from './probability-file.ts';
import { standardise } from './standardise.ts';
import type { Scaling } from './standardise.ts';
import { readTable } from './tables.ts';

export interface InputParams {
  /** Table, label file or image folder. */
  readonly data: string;
  readonly label: string;
  readonly probs: string;
  readonly features: string;
  readonly columns: readonly string[];
  readonly text: string;
  readonly group: string;
  readonly truth: string;
  readonly id: string;
  readonly imageSize: number;
}

/** Holds the file of probabilities open, if one was given. */
export interface Samples extends AsyncDisposable {
  /** File or folder as the user knows it. */
  readonly name: string;
  readonly labelCells: ArrayLike<unknown>;
  readonly truthCells?: ArrayLike<unknown>;
  /** [N] group numbers. */
  readonly groups?: Int32Array;
  readonly numRows: number;
  /** Name of a row. */
  readonly idOf: (row: number) => string;
  /** Model input [N, …]; absent if only probabilities were given. */
  readonly x?: Tensor<'float32'>;
  /** How the columns of x were scaled; absent for images and texts. */
  readonly scaling?: Scaling;
  /** What the columns of x are: column names or terms. */
  readonly inputNames?: readonly string[];
  readonly probabilities?: OpenProbabilities;
  readonly table?: Table;
  /** One line that shows the sample, '' for images. */
  readonly previewOf: (row: number) => string;
  readonly isImage: boolean;
  readonly warnings: readonly Diagnostic[];
}

/** Reads and joins the inputs. @throws TF-LABEL-005 if something needed is missing, TF-LABEL-002 if lengths differ */
export async function readSamples(params: InputParams, context: VerbContext): Promise<Samples> {
  const path = resolve(context.workingFolder, params.data);
  const kind = await stat(path).catch(() => undefined);
  if (kind === undefined) {
    throw labelError('TF-LABEL-005', {
      subject: 'readSamples',
      expected: 'a table, a .npy file of labels, or a folder of images',
      actual: 'no such path',
      location: params.data,
    });
  }
  context.progress({ phase: 'reading' });
  if (kind.isDirectory()) {
    const cifarFiles = await cifarFilesOf(path);
    return cifarFiles.length > 0 ? readPictures(cifarFiles, params, context) : readImages(path, params, context);
  }
  if (extname(path).toLowerCase() === '.bin') return readPictures([path], params, context);
  await refusePickle(path);
  if (extname(path).toLowerCase() === '.npy') return readArrays(path, params, context);
  return readTableSamples(path, params, context);
}

async function readImages(folder: string, params: InputParams, context: VerbContext): Promise<Samples> {
  const { names, labels, x, skipped } = await readImageFolder(folder, {
    sidePx: params.imageSize,
    signal: context.signal,
    onProgress: (done, total) => context.progress({ phase: 'reading images', done, total }),
  });
  const warnings: Diagnostic[] = skipped.length === 0 ? [] : [skippedWarning(skipped)];
  return imageSamples(
    basename(folder),
    { names, labels, x },
    await readExtras(params, context, names.length),
    warnings,
  );
}

async function readPictures(files: readonly string[], params: InputParams, context: VerbContext): Promise<Samples> {
  const { names, labels, x } = await readCifar(files, {
    signal: context.signal,
    onProgress: (done, total) => context.progress({ phase: 'reading images', done, total }),
  });
  return imageSamples(basename(params.data), { names, labels, x }, await readExtras(params, context, names.length), []);
}

/** The table is the manifest that the audit corrects. */
function imageSamples(
  name: string,
  { names, labels, x }: Pick<ImageFolder, 'names' | 'labels' | 'x'>,
  extra: Awaited<ReturnType<typeof readExtras>>,
  warnings: readonly Diagnostic[],
): Samples {
  const table = tableFromColumns([
    { name: 'path', kind: 'text', values: [...names] },
    { name: 'label', kind: 'text', values: [...labels] },
  ]);
  return {
    name,
    labelCells: labels,
    numRows: names.length,
    idOf: (row) => names[row],
    x,
    table,
    previewOf: () => '',
    isImage: true,
    warnings,
    ...extra,
  };
}

function skippedWarning(skipped: readonly { readonly name: string; readonly reason: string }[]): Diagnostic {
  const listed = skipped.slice(0, 20).map(({ name, reason }) => `${name}: ${reason}`);
  return {
    severity: 'warning',
    code: 'TF-LABEL-005',
    subject: 'readImageFolder',
    expected: 'images that decode',
    actual: `${skipped.length} that do not and were skipped`,
    location: listed.join('; ') + (skipped.length > listed.length ? '; …' : ''),
  };
}

async function readArrays(path: string, params: InputParams, context: VerbContext): Promise<Samples> {
  const tensor = await readNpy(path);
  const isColumn = tensor.shape.length === 2 && tensor.shape[1] === 1;
  if (tensor.shape.length !== 1 && !isColumn) {
    throw labelError('TF-LABEL-005', {
      subject: 'readSamples',
      expected: 'labels as an array [N]',
      actual: `[${tensor.shape.join(', ')}]`,
      location: params.data,
      hints: ['Give labels as the argument and probabilities with --probs, embeddings with --features.'],
    });
  }
  const labelCells = numbersFromTensor(tensor);
  const extra = await readExtras(params, context, labelCells.length);
  return {
    name: basename(path),
    labelCells,
    numRows: labelCells.length,
    idOf: String,
    previewOf: (row) => `row ${row}`,
    isImage: false,
    warnings: [],
    ...extra,
  };
}

async function readTableSamples(path: string, params: InputParams, context: VerbContext): Promise<Samples> {
  const table = await readTable(path);
  const labelColumn = columnOf(table, params.label, 'label-audit');
  assertFlat(labelColumn);
  const special = new Set(
    [params.label, params.truth, params.group, params.id, params.text].filter((name) => name !== ''),
  );
  const optional = (name: string) => (name === '' ? undefined : columnOf(table, name, 'label-audit'));
  const idColumn = optional(params.id);
  if (idColumn) assertDifferent(idColumn);
  const groupColumn = optional(params.group);
  const truthColumn = optional(params.truth);
  const textColumn = optional(params.text);
  const extra = await readExtras(params, context, table.numRows);
  const input: Partial<Pick<Samples, 'x' | 'scaling' | 'inputNames' | 'warnings'>> =
    extra.x === undefined ? modelInput(table, { textColumn, columns: params.columns, special, labelColumn }) : extra;
  const shown = textColumn
    ? [textColumn]
    : table.columns.filter(({ name }) => name !== params.label && name !== params.truth).slice(0, 6);
  return {
    name: basename(path),
    labelCells: labelColumn.values as ArrayLike<unknown>,
    ...(truthColumn && { truthCells: truthColumn.values as ArrayLike<unknown> }),
    ...(groupColumn && { groups: numbersFromCells(groupColumn.values as ArrayLike<unknown>) }),
    numRows: table.numRows,
    idOf: (row) => String(idColumn ? idColumn.values[row] : row),
    table,
    previewOf: (row) => previewOf(shown, row),
    isImage: false,
    ...extra,
    ...input,
    warnings: input.warnings ?? [],
  };
}

function assertFlat({ name, kind, values }: TableColumn): void {
  if (kind !== 'json') return;
  throw labelError('TF-LABEL-005', {
    subject: 'readSamples',
    expected: `one label in each cell of "${name}"`,
    actual: `nested values such as ${JSON.stringify(values.find((value) => value !== null))}`,
    hints: ['Write the label into a column of its own.'],
  });
}

/** Two samples of one name could not be told apart in what comes out. */
function assertDifferent({ name, values }: TableColumn): void {
  const firstRow = new Map<unknown, number>();
  for (let row = 0; row < values.length; row++) {
    const first = firstRow.get(values[row]);
    if (first === undefined) {
      firstRow.set(values[row], row);
      continue;
    }
    throw labelError('TF-LABEL-005', {
      subject: 'readSamples',
      expected: `another id in every row of "${name}"`,
      actual: `${JSON.stringify(values[row])} twice`,
      location: `rows ${first} and ${row}`,
      hints: ['Leave --id out to number the rows.'],
    });
  }
}

async function readExtras(
  params: InputParams,
  context: VerbContext,
  numRows: number,
): Promise<Pick<Samples, 'probabilities' | 'x' | 'scaling' | typeof Symbol.asyncDispose>> {
  const probabilities =
    params.probs === '' ? undefined : await openProbabilities(resolve(context.workingFolder, params.probs));
  try {
    if (probabilities) assertSameLength('readSamples', numRows, probabilities.numRows, params.probs);
    const features = params.features === '' ? {} : await readFeatures(params.features, numRows, context);
    return {
      ...(probabilities && { probabilities }),
      ...features,
      [Symbol.asyncDispose]: async () => probabilities?.[Symbol.asyncDispose](),
    };
  } catch (error) {
    await probabilities?.[Symbol.asyncDispose]();
    throw error;
  }
}

async function readFeatures(
  file: string,
  numRows: number,
  context: VerbContext,
): Promise<Pick<Samples, 'x' | 'scaling'>> {
  const tensor = await readNpy(resolve(context.workingFolder, file));
  if (tensor.shape.length < 2 || tensor.dtype === 'bool') {
    throw labelError('TF-LABEL-005', {
      subject: 'readSamples',
      expected: 'an array of numbers with one row per sample',
      actual: `${tensor.dtype} [${tensor.shape.join(', ')}]`,
      location: file,
    });
  }
  assertSameLength('readSamples', numRows, tensor.shape[0], file);
  return checkedFeatures(tensor, file);
}

function checkedFeatures(tensor: Tensor, file: string): Pick<Samples, 'x' | 'scaling'> {
  const data = Float32Array.from(numbersFromTensor(tensor));
  const width = data.length / tensor.shape[0];
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw labelError('TF-LABEL-006', {
      subject: 'readSamples',
      expected: 'finite features',
      actual: String(data[bad]),
      location: `${file}, row ${Math.floor(bad / width)}`,
    });
  }
  if (tensor.shape.length > 2) {
    if (tensor.dtype === 'uint8') for (let i = 0; i < data.length; i++) data[i] /= 255;
    const [count, height, imageWidth] = tensor.shape;
    return {
      x: { dtype: 'float32', shape: tensor.shape.length === 3 ? [count, 1, height, imageWidth] : tensor.shape, data },
    };
  }
  const { features, scaling } = standardise({ numRows: tensor.shape[0], width, data });
  return { x: tensorOf(features), scaling };
}

function numbersFromCells(cells: ArrayLike<unknown>): Int32Array {
  const known = new Map<unknown, number>();
  return Int32Array.from(cells, (cell) => {
    const number = known.get(cell) ?? known.size;
    known.set(cell, number);
    return number;
  });
}

/** Five digits of a fraction are enough to know a sample by. */
function cellText(cell: unknown): string {
  if (typeof cell !== 'number') return String(cell ?? '');
  if (Number.isNaN(cell)) return '–';
  return String(Number.isInteger(cell) ? cell : Number(cell.toPrecision(5)));
}

const PREVIEW_CHARS = 160;

function previewOf(columns: readonly TableColumn[], row: number): string {
  const text =
    columns.length === 1
      ? cellText(columns[0].values[row])
      : columns.map(({ name, values }) => `${name} ${cellText(values[row])}`).join(' · ');
  return text.length > PREVIEW_CHARS ? `${text.slice(0, PREVIEW_CHARS - 1)}…` : text;
}
