/** CIFAR-10 and CIFAR-100 in their binary version: one record a picture, its label bytes before 3 × 32 × 32 pixels.  Node only.
 *  Source: Krizhevsky 2009, Learning multiple layers of features from tiny images; layout as on the data's own page. */
import { readdir } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { throwIfCancelled } from '@tenfold/core/base';
import { openSource } from '@tenfold/core/data';
import type { Tensor } from '@tenfold/core/tensor';
import { labelError } from '../label-errors.ts';

export interface CifarPictures {
  /** File and record, `data_batch_1.bin/17`. */
  readonly names: readonly string[];
  /** Class names where a list lies beside the files, else numbers. */
  readonly labels: readonly string[];
  /** [N, 3, 32, 32] f32 in 0..1. */
  readonly x: Tensor<'float32'>;
}

const SIDE_PX = 32;
const PICTURE_BYTES = 3 * SIDE_PX * SIDE_PX;
const RECORDS_PER_READ = 1000;
/** The training files of both sets; the test file is read when it is named itself. */
const TRAINING_FILE = /^(data_batch_\d+|train)\.bin$/;
const NAME_LISTS = { 1: 'batches.meta.txt', 2: 'fine_label_names.txt' } as const;

/** The training files of a folder as the binary version unpacks, in order; empty if it holds none. */
export async function cifarFilesOf(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => TRAINING_FILE.test(name)).sort();
  return names.map((name) => join(folder, name));
}

/** Reads all records of the files.  CIFAR-100 is told by its two label bytes (coarse, fine): the fine one counts.
 *  @throws TF-LABEL-005 for a pickle, or if the length is no whole number of records; TF-LABEL-003 for a label without a name */
export async function readCifar(
  files: readonly string[],
  options: {
    readonly signal?: AbortSignal;
    readonly onProgress?: (done: number, total: number) => void;
  } = {},
): Promise<CifarPictures> {
  const parts = await Promise.all(files.map(measure));
  const total = parts.reduce((sum, { numRecords }) => sum + numRecords, 0);
  const data = new Float32Array(total * PICTURE_BYTES);
  const names: string[] = [];
  const labels: string[] = [];
  for (const { file, numRecords, numLabelBytes } of parts) {
    const classNames = await readNames(join(dirname(file), NAME_LISTS[numLabelBytes]));
    const recordBytes = numLabelBytes + PICTURE_BYTES;
    await using source = await openSource(file);
    for (let first = 0; first < numRecords; first += RECORDS_PER_READ) {
      throwIfCancelled(options.signal, 'readCifar');
      options.onProgress?.(names.length, total);
      const end = Math.min(first + RECORDS_PER_READ, numRecords);
      const bytes = await source.read(first * recordBytes, end * recordBytes);
      for (let i = first; i < end; i++) {
        const at = (i - first) * recordBytes;
        const label = bytes[at + numLabelBytes - 1];
        if (classNames !== undefined && label >= classNames.length) {
          throw labelError('TF-LABEL-003', {
            subject: 'readCifar',
            expected: `a label below ${classNames.length}`,
            actual: String(label),
            location: `${basename(file)}, record ${i}`,
          });
        }
        const to = names.length * PICTURE_BYTES;
        for (let p = 0; p < PICTURE_BYTES; p++) data[to + p] = bytes[at + numLabelBytes + p] / 255;
        names.push(`${basename(file)}/${i}`);
        labels.push(classNames?.[label] ?? String(label));
      }
    }
  }
  return { names, labels, x: { dtype: 'float32', shape: [total, 3, SIDE_PX, SIDE_PX], data } };
}

interface Part {
  readonly file: string;
  readonly numRecords: number;
  readonly numLabelBytes: 1 | 2;
}

async function measure(file: string): Promise<Part> {
  await using source = await openSource(file);
  const { byteLength } = source;
  for (const numLabelBytes of [1, 2] as const) {
    const numRecords = byteLength / (numLabelBytes + PICTURE_BYTES);
    if (byteLength > 0 && Number.isInteger(numRecords)) return { file, numRecords, numLabelBytes };
  }
  throw labelError('TF-LABEL-005', {
    subject: 'readCifar',
    expected: `records of ${1 + PICTURE_BYTES} (CIFAR-10) or ${2 + PICTURE_BYTES} bytes (CIFAR-100)`,
    actual: `${byteLength} bytes`,
    location: basename(file),
    hints: ['The file is cut, or not of the binary version.'],
  });
}

/** One class a line; undefined without the list. */
async function readNames(file: string): Promise<string[] | undefined> {
  const { readFile } = await import('node:fs/promises');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text
    ?.split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

const PICKLE_ENDINGS = new Set(['.pkl', '.pickle', '.pt', '.pth', '.joblib']);
/** PROTO with version 2 to 5, which every pickle of Python 3 and the CIFAR files for Python begin with. */
const PROTO = 0x80;

/** @throws TF-LABEL-005 if the file is a pickle: loading one runs whatever it says */
export async function refusePickle(path: string): Promise<void> {
  await using source = await openSource(path);
  const head = source.byteLength < 2 ? new Uint8Array(2) : await source.read(0, 2);
  const isProto = extname(path) === '' && head[0] === PROTO && head[1] >= 2 && head[1] <= 5;
  if (!isProto && !PICKLE_ENDINGS.has(extname(path).toLowerCase())) return;
  throw labelError('TF-LABEL-005', {
    subject: 'readSamples',
    expected: 'data that is only read',
    actual: 'a pickle, which runs code when it is loaded',
    location: basename(path),
    hints: ['Use the binary version of CIFAR (.bin), or save arrays as .npy.'],
  });
}
