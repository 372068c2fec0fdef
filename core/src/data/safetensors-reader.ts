/** Reading safetensors: the header at once, tensors or ranges on demand; memory is bounded by what is asked for. */
import { nearestNameHints } from '../base/index.ts';
import { bytesPerElement, createDtypeArray, createTensor, numel } from '../tensor/index.ts';
import type { Tensor, TensorData } from '../tensor/index.ts';
import { bytesOf } from './element-bytes.ts';
import { dataError, truncatedError } from './data-errors.ts';
import { openSource } from './file-source.ts';
import { parseSafetensorsHeader, SAFETENSORS_PREFIX_BYTES, safetensorsHeaderLength } from './safetensors-format.ts';
import type { SafetensorsEntry } from './safetensors-format.ts';
import { openSafetensorsFolder } from './safetensors-folder.ts';
import type { ByteSource, SourceInput } from './types.ts';

/** An open safetensors file or folder of shards. Must be closed. */
export interface SafetensorsReader extends AsyncIterable<readonly [name: string, tensor: Tensor]> {
  readonly name: string;
  /** The file's `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** In file order. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  /** One tensor. @throws TF-DATA-007 if the name is unknown, TF-DATA-006 if its dtype is not read here */
  read(name: string, options?: { readonly shared?: boolean }): Promise<Tensor>;
  /** Elements [start, end) in row-major order. @throws as read; TF-DATA-003 if the range leaves the tensor */
  readRange(name: string, start: number, end: number): Promise<TensorData>;
  /** Tensors in file order, one in memory at a time. */
  [Symbol.asyncIterator](): AsyncIterator<readonly [name: string, tensor: Tensor]>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const SUBJECT = 'readSafetensors';

/** Opens a safetensors file, bytes, or a folder with `model.safetensors` or shards and `model.safetensors.index.json`.
 *  Cost: reads the header only.
 *  @throws TF-DATA-001 … 005, 011 if the file is missing, damaged or not safetensors */
export async function openSafetensors(input: SourceInput): Promise<SafetensorsReader> {
  if (typeof input === 'string') {
    const { stat } = await import('node:fs/promises');
    const isFolder = (await stat(input).catch(() => undefined))?.isDirectory();
    if (isFolder) return openSafetensorsFolder(input, openSafetensors);
  }
  const source = await openSource(input);
  try {
    return await readerFromSource(source);
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** All tensors of a file or folder, in memory at once. */
export async function readSafetensors(input: SourceInput): Promise<Map<string, Tensor>> {
  const reader = await openSafetensors(input);
  try {
    const tensors = new Map<string, Tensor>();
    for await (const [name, tensor] of reader) tensors.set(name, tensor);
    return tensors;
  } finally {
    await reader.close();
  }
}

async function readerFromSource(source: ByteSource): Promise<SafetensorsReader> {
  if (source.byteLength < SAFETENSORS_PREFIX_BYTES) {
    throw truncatedError(SUBJECT, 'the header length', { start: 0, end: SAFETENSORS_PREFIX_BYTES }, source);
  }
  const headerLength = safetensorsHeaderLength(await source.read(0, SAFETENSORS_PREFIX_BYTES), source);
  const dataStart = SAFETENSORS_PREFIX_BYTES + headerLength;
  const headerBytes = await source.read(SAFETENSORS_PREFIX_BYTES, dataStart);
  const { metadata, entries } = parseSafetensorsHeader(headerBytes, dataStart, source);
  const reader: SafetensorsReader = {
    name: source.name,
    metadata,
    entries,
    async read(name, { shared = false } = {}) {
      const { dtype, shape, start } = readableEntry(reader, name);
      const tensor = createTensor(dtype, shape, { shared });
      await source.readInto(bytesOf(tensor.data), start);
      return tensor;
    },
    async readRange(name, start, end) {
      const entry = readableEntry(reader, name);
      const numElements = numel(entry.shape);
      if (!(start >= 0 && start <= end && end <= numElements)) {
        throw dataError('TF-DATA-003', {
          subject: SUBJECT,
          expected: `a range inside the ${numElements} elements of tensor "${name}"`,
          actual: `${start}-${end}`,
          location: source.name,
        });
      }
      const data = createDtypeArray(entry.dtype, end - start);
      await source.readInto(bytesOf(data), entry.start + start * bytesPerElement(entry.dtype));
      return data;
    },
    async *[Symbol.asyncIterator]() {
      for (const name of entries.keys()) yield [name, await reader.read(name)] as const;
    },
    close: () => source.close(),
    [Symbol.asyncDispose]: () => source.close(),
  };
  return reader;
}

function readableEntry(
  { name: fileName, entries }: SafetensorsReader,
  name: string,
): SafetensorsEntry & { readonly dtype: NonNullable<SafetensorsEntry['dtype']> } {
  const entry = entries.get(name);
  if (!entry) {
    throw dataError('TF-DATA-007', {
      subject: SUBJECT,
      expected: `a tensor "${name}"`,
      actual: 'none of that name',
      location: fileName,
      hints: nearestNameHints(name, entries.keys()),
    });
  }
  const { dtype } = entry;
  if (dtype) return { ...entry, dtype };
  throw dataError('TF-DATA-006', {
    subject: SUBJECT,
    expected: `tensor "${name}" to have a dtype that is read here`,
    actual: entry.storedDtype,
    location: fileName,
    hints: ['Convert it to F32, F16, BF16 or F8_E4M3.'],
  });
}
