/** Masks a safetensors folder without loading it: every file is copied, then the prunable ranges of the copy are patched in
 *  chunks. Same names, shapes, dtypes, shards and offsets; everything else byte-identical. Memory: one chunk. */
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { throwIfCancelled } from '@tenfold/core/base';
import { openSafetensors, writeSafetensors, type SafetensorsEntry } from '@tenfold/core/data';
import type { Tensor } from '@tenfold/core/tensor';
import { assertMaskable, isPrunable } from '../mask/mask24.ts';
import { packCodes } from '../mask/packing.ts';
import { sparseError } from '../sparse-errors.ts';
import type { MaskSet } from '../types.ts';
import { maskByCodes, maskByMagnitude, wordsOf, type StoredDtype } from './mask-words.ts';

const CHUNK_BYTES = 16 * 2 ** 20;
const STORED: ReadonlySet<string> = new Set<StoredDtype>(['float32', 'float16', 'bfloat16']);

export interface MaskFolderOptions {
  /** Masks by name; without them the magnitude mask of each prunable tensor. */
  readonly masks?: MaskSet;
  readonly force?: boolean;
  /** Also writes mask.safetensors. Default true. */
  readonly writesMaskFile?: boolean;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly onTensor?: (done: number, total: number, name: string) => void;
}

export interface MaskedFolder {
  readonly numMasked: number;
  readonly numWeights: number;
  readonly bytes: number;
}

/** @throws TF-SPARSE-001, 002, 006, 007 naming the tensor; nothing is left at `output` then */
export async function maskFolder(
  folder: string,
  output: string,
  options: MaskFolderOptions = {},
): Promise<MaskedFolder> {
  const { masks, force = false, writesMaskFile = true, signal } = options;
  if (existsSync(output) && !force) {
    throw sparseError('TF-SPARSE-005', {
      subject: 'maskFolder',
      expected: 'an output folder that does not exist',
      actual: output,
      hints: ['Give --force to replace it.'],
    });
  }
  const partial = `${output}.part`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  const packed: [string, Tensor][] = [];
  let numMasked = 0;
  let numWeights = 0;
  let bytes = 0;
  try {
    const entries = await listEntries(folder);
    const targets = entries.filter((entry) => (masks ? masks.has(entry.name) : isPrunable(entry.name, entry.shape)));
    refuseMissing(masks, new Set(entries.map(({ name }) => name)), folder);
    for (const entry of targets) assertStored(entry);
    for (const file of readdirSync(folder)) {
      throwIfCancelled(signal, 'maskFolder');
      if (!statSync(join(folder, file)).isFile()) continue;
      copyFileSync(join(folder, file), join(partial, file), constants.COPYFILE_FICLONE);
      bytes += statSync(join(folder, file)).size;
    }
    for (const [index, entry] of targets.entries()) {
      throwIfCancelled(signal, 'maskFolder');
      const shape = entry.shape as readonly [number, number];
      const codes = new Uint8Array((shape[0] * shape[1]) / 4);
      const given = masks?.get(entry.name);
      if (given) codes.set(given.codes);
      patchTensor(join(partial, entry.file), entry, codes, given !== undefined);
      packed.push([
        entry.name.replace(/\.weight$/, '.mask24'),
        { dtype: 'uint8', shape: [Math.ceil(codes.length / 2)], data: packCodes({ shape, codes }) },
      ]);
      numMasked++;
      numWeights += codes.length * 4;
      options.onTensor?.(index + 1, targets.length, entry.name);
    }
    if (writesMaskFile)
      await writeSafetensors(join(partial, 'mask24.safetensors'), packed, {
        force: true,
        metadata: { ...options.metadata, format: 'tenfold-mask24' },
      });
    writeFileSync(
      join(partial, 'sparsity_report.json'),
      `${JSON.stringify({ pattern: '2:4', axis: 'inner', matrices: numMasked, weights: numWeights, ...options.metadata }, undefined, 2)}\n`,
    );
    if (force) rmSync(output, { recursive: true, force: true });
    renameSync(partial, output);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return { numMasked, numWeights, bytes };
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
    .filter((name) => name.endsWith('.safetensors'))
    .toSorted()) {
    const reader = await openSafetensors(join(folder, file));
    for (const entry of reader.entries.values()) if (names.has(entry.name)) entries.push({ ...entry, file });
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

function patchTensor(path: string, entry: FileEntry, codes: Uint8Array, isGiven: boolean): void {
  const dtype = entry.dtype as StoredDtype;
  const byteLength = entry.end - entry.start;
  const width = dtype === 'float32' ? 4 : 2;
  const file = openSync(path, 'r+');
  try {
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, byteLength));
    for (let at = 0; at < byteLength; at += chunk.length) {
      const length = Math.min(chunk.length, byteLength - at);
      const bytes = chunk.subarray(0, length);
      readSync(file, bytes, 0, length, entry.start + at);
      const words = wordsOf(bytes, dtype);
      const start = at / width;
      const part = codes.subarray(start / 4, (start + words.length) / 4);
      if (isGiven) maskByCodes(words, part);
      else maskByMagnitude(words, dtype, part, { name: entry.name, start });
      writeSync(file, bytes, 0, length, entry.start + at);
    }
  } finally {
    closeSync(file);
  }
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
