/** Masks a safetensors folder without loading it: weight files are streamed through the mask, others copied. Same names,
 *  shapes, dtypes, shards and offsets; everything else byte-identical. Memory: three chunks and one matrix's packed places. */
import {
  constants,
  copyFileSync,
  existsSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { makeFolder, throwIfCancelled } from '@tenfold/core/base';
import {
  createSafetensorsWriter,
  openSafetensors,
  type ByteSink,
  type SafetensorsEntry,
  type SafetensorsWriter,
} from '@tenfold/core/data';
import { assertMaskable, isPrunable, refuseConv1d } from '../mask/mask24.ts';
import { packCodes } from '../mask/packing.ts';
import { sparseError } from '../sparse-errors.ts';
import type { Mask24, MaskSet } from '../types.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { MaskMemory } from './mask-kernels.ts';
import { STREAM_BYTES, streamMasked, writeAll, type MaskedRange } from './mask-stream.ts';
import { createStreamMemory, maskByCodes, maskByMagnitude, wordsOf, type StoredDtype } from './mask-words.ts';

/** The mask of every matrix, packed; written beside the weights. */
export const MASK_FILE = 'mask24.safetensors';
const STORED: ReadonlySet<string> = new Set<StoredDtype>(['float32', 'float16', 'bfloat16']);

export interface MaskFolderOptions {
  /** Masks by name; without them the magnitude mask of each prunable tensor. */
  readonly masks?: MaskSet;
  readonly force?: boolean;
  /** Also writes mask24.safetensors. Default true. */
  readonly writesMaskFile?: boolean;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly onTensor?: (done: number, total: number, name: string) => void;
}

export interface MaskedFolder {
  readonly numMasked: number;
  readonly numWeights: number;
  /** Elements of all other tensors: embeddings, norms, head, and whatever has another name. They stay as they are. */
  readonly numDense: number;
  readonly bytes: number;
}

/** Refuses an output that may not be written, before the work begins: one that exists (without `force`), and one that lies in
 *  the model or holds it, since replacing that would delete the model.   @throws TF-SPARSE-005 */
export function assertOutput(folder: string, output: string, force: boolean): void {
  const refuse = (expected: string, hint: string): Error =>
    sparseError('TF-SPARSE-005', { subject: 'maskFolder', expected, actual: output, hints: [hint] });
  if (existsSync(output) && !force) throw refuse('an output folder that does not exist', 'Give --force to replace it.');
  if (existsSync(output) && !statSync(output).isDirectory())
    throw refuse('an output folder', 'A file of that name is in the way; name another folder.');
  const [model, target] = [realPathOf(folder), realPathOf(output)];
  if (isWithin(model, target))
    throw refuse('an output folder outside the model', 'The model is never changed; name a folder beside it.');
  if (isWithin(target, model))
    throw refuse(
      'an output folder that does not hold the model',
      'Replacing it would delete the model; name a folder beside it.',
    );
}

/** Whether `path` is the folder or lies below it. */
function isWithin(folder: string, path: string): boolean {
  return relative(folder, path).split(sep)[0] !== '..';
}

/** Links resolved as far as the path exists. */
function realPathOf(path: string): string {
  const whole = resolve(path);
  if (existsSync(whole)) return realpathSync(whole);
  const parent = dirname(whole);
  return parent === whole ? whole : join(realPathOf(parent), basename(whole));
}

/** What masking would cover, with every check that needs no weights read.  @throws as maskFolder does */
export async function planMasks(
  folder: string,
  output: string,
  { masks, force = false }: Pick<MaskFolderOptions, 'masks' | 'force'> = {},
): Promise<Omit<MaskedFolder, 'bytes'>> {
  const { targets, numDense } = await targetsOf(folder, output, masks, force);
  return { numMasked: targets.length, numWeights: numElements(targets), numDense };
}

async function targetsOf(
  folder: string,
  output: string,
  masks: MaskSet | undefined,
  force: boolean,
): Promise<{ readonly targets: FileEntry[]; readonly numDense: number }> {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw sparseError('TF-SPARSE-004', {
      subject: 'maskFolder',
      expected: 'a model folder with safetensors files',
      actual: existsSync(folder) ? 'a file' : 'nothing there',
      location: folder,
      hints: existsSync(folder) ? ['A llama2.c .bin can be compared and swept, not written.'] : [],
    });
  }
  assertOutput(folder, output, force);
  const entries = await listEntries(folder);
  refuseConv1d(
    entries.map(({ name }) => name),
    folder,
  );
  refuseMissing(masks, new Set(entries.map(({ name }) => name)), folder);
  const targets = entries.filter((entry) => (masks ? masks.has(entry.name) : isPrunable(entry.name, entry.shape)));
  for (const entry of targets) assertStored(entry);
  if (targets.length === 0) {
    throw sparseError('TF-SPARSE-007', {
      subject: 'maskFolder',
      expected: 'projections of attention or MLP (q_proj, gate_proj, fc1 …)',
      actual: `none among ${entries.length} tensors`,
      location: folder,
    });
  }
  return { targets, numDense: numElements(entries) - numElements(targets) };
}

function numElements(entries: readonly FileEntry[]): number {
  return entries.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
}

/** @throws TF-SPARSE-001, 002, 006, 007 naming the tensor; nothing is left at `output` then */
export async function maskFolder(
  folder: string,
  output: string,
  options: MaskFolderOptions = {},
): Promise<MaskedFolder> {
  const { masks, force = false, writesMaskFile = true } = options;
  const { targets, numDense } = await targetsOf(folder, output, masks, force);
  const partial = `${output}.${process.pid}.part`;
  rmSync(partial, { recursive: true, force: true });
  makeFolder(partial);
  try {
    const metadata = { ...options.metadata, base: await fingerprintOf(folder) };
    const memory = createStreamMemory();
    const write = async (sink?: SafetensorsWriter): Promise<MaskedFolder> => ({
      ...(await maskFiles({ folder, partial, targets, options, memory, ...(sink ? { sink } : {}) })),
      numDense,
    });
    const written = await (writesMaskFile
      ? withPartialFile(join(partial, MASK_FILE), async (sink) => {
          const writer = await createSafetensorsWriter(sink, targets.map(announceMask), {
            ...metadata,
            format: 'tenfold-mask24',
          });
          const done = await write(writer);
          await writer.finish();
          return done;
        })
      : write());
    const report = { pattern: '2:4', axis: 'inner', matrices: written.numMasked, weights: written.numWeights };
    writeFileSync(
      join(partial, 'sparsity_report.json'),
      `${JSON.stringify({ ...report, ...metadata }, undefined, 2)}\n`,
    );
    if (force) rmSync(output, { recursive: true, force: true });
    renameSync(partial, output);
    return written;
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

async function maskFiles({
  folder,
  partial,
  targets,
  options: { masks, signal, onTensor },
  memory,
  sink,
}: {
  folder: string;
  partial: string;
  targets: readonly FileEntry[];
  options: MaskFolderOptions;
  memory: MaskMemory;
  sink?: SafetensorsWriter;
}): Promise<Omit<MaskedFolder, 'numDense'>> {
  let numMasked = 0;
  let numWeights = 0;
  let bytes = 0;
  let writing: Promise<void> | undefined;
  for (const file of readdirSync(folder).toSorted()) {
    throwIfCancelled(signal, 'mask');
    const source = join(folder, file);
    if (file === MASK_FILE || !statSync(source).isFile()) continue;
    bytes += statSync(source).size;
    const inFile = targets.filter((entry) => entry.file === file);
    if (inFile.length === 0) {
      copyFileSync(source, join(partial, file), constants.COPYFILE_FICLONE);
      continue;
    }
    const ranges = inFile.map((entry) =>
      rangeOf(entry, masks?.get(entry.name), memory, async (packed) => {
        await writing;
        writing = sink?.write(maskName(entry.name), 'uint8', packed);
        writing?.catch(() => undefined); // Awaited by the next tensor or at the end.
        numMasked++;
        numWeights += entry.shape[0]! * entry.shape[1]!;
        onTensor?.(numMasked, targets.length, entry.name);
      }),
    );
    const buffers = memory.bytes.subarray(0, STREAM_BYTES);
    await streamMasked(source, join(partial, file), ranges, { buffers, ...(signal ? { signal } : {}) });
  }
  await writing;
  return { numMasked, numWeights, bytes };
}

/** A new file that needs no name of its own while it grows: its folder appears whole or not at all. */
async function withPartialFile<T>(path: string, write: (sink: ByteSink) => Promise<T>): Promise<T> {
  const file = await open(path, 'wx');
  try {
    let byteLength = 0;
    return await write({
      name: path,
      get byteLength() {
        return byteLength;
      },
      async write(bytes) {
        await writeAll(file, bytes, byteLength);
        byteLength += bytes.length;
      },
    });
  } finally {
    await file.close();
  }
}

function announceMask({ name, shape }: FileEntry): { name: string; dtype: 'uint8'; shape: number[] } {
  return { name: maskName(name), dtype: 'uint8', shape: [Math.ceil((shape[0]! * shape[1]!) / 8)] };
}

function maskName(weight: string): string {
  return weight.replace(/\.weight$/, '.mask24');
}

interface FileEntry extends SafetensorsEntry {
  readonly file: string;
}

/** The tensors of every weight file; the index is checked against the shards on the way. */
async function listEntries(folder: string): Promise<FileEntry[]> {
  const whole = await openSafetensors(folder);
  const names = new Set(whole.entries.keys());
  await whole.close();
  const entries: FileEntry[] = [];
  for (const file of readdirSync(folder)
    .filter((name) => name.endsWith('.safetensors') && name !== MASK_FILE)
    .toSorted()) {
    const reader = await openSafetensors(join(folder, file));
    const inFile = [...reader.entries.values()].filter((entry) => names.has(entry.name));
    for (const entry of inFile.toSorted((a, b) => a.start - b.start)) entries.push({ ...entry, file });
    await reader.close();
  }
  return entries;
}

/** @throws TF-SPARSE-001 on the inner size, TF-SPARSE-007 on the dtype */
function assertStored({ name, shape, dtype, storedDtype }: FileEntry): void {
  if (dtype === undefined || !STORED.has(dtype)) {
    throw sparseError('TF-SPARSE-007', {
      subject: 'maskFolder',
      expected: 'float32, float16 or bfloat16 weights',
      actual: storedDtype,
      location: `tensor "${name}"`,
    });
  }
  assertMaskable(name, shape);
}

function rangeOf(
  entry: FileEntry,
  given: Mask24 | undefined,
  memory: MaskMemory,
  done: (packed: Uint8Array) => Promise<void>,
): MaskedRange {
  const dtype = entry.dtype as StoredDtype;
  const width = dtype === 'float32' ? 4 : 2;
  const numBlocks = (entry.shape[0]! * entry.shape[1]!) / 4;
  let packed: Uint8Array | undefined;
  return {
    start: entry.start,
    end: entry.end,
    mask(bytes, at) {
      const first = at / width;
      const length = bytes.length / width;
      if (given) return maskByCodes(wordsOf(bytes, dtype), given.codes.subarray(first / 4, (first + length) / 4));
      packed ??= new Uint8Array(Math.ceil(numBlocks / 2));
      const part = packed.subarray(first / 8, Math.ceil((first + length) / 8));
      maskByMagnitude(memory, bytes, dtype, part, { name: entry.name, start: first });
    },
    async done() {
      await done(given ? packCodes(given) : packed!);
      packed = undefined;
    },
  };
}

function refuseMissing(masks: MaskSet | undefined, entries: ReadonlySet<string>, folder: string): void {
  for (const name of masks?.keys() ?? []) {
    if (entries.has(name)) continue;
    throw sparseError('TF-SPARSE-006', {
      subject: 'maskFolder',
      expected: `a tensor "${name}" for the mask`,
      actual: 'no such tensor',
      location: folder,
      hints: ['Is this the base model of the mask?'],
    });
  }
}
