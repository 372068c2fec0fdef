/** Writing safetensors: names, dtypes and shapes are announced first, then the bytes stream through. */
import { makeFolder } from '../base/index.ts';
import { bytesPerElement, numel } from '../tensor/index.ts';
import type { Dtype, Shape, Tensor, TensorData } from '../tensor/index.ts';
import { dataError } from './data-errors.ts';
import { withSink } from './file-sink.ts';
import { SAFETENSORS_PREFIX_BYTES, STORED_FROM_DTYPE } from './safetensors-format.ts';
import { bytesOf } from './element-bytes.ts';
import type { ByteSink, SinkOutput, WriteOptions } from './types.ts';

export interface TensorAnnouncement {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: Shape;
}

export interface SafetensorsWriteOptions extends WriteOptions {
  /** Free texts kept in the header. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface SafetensorsWriter {
  /** Appends elements of the tensor that is due, whole or in parts.
   *  @throws TF-DATA-012 if another tensor is due, or the dtype or number of elements does not fit */
  write(name: string, dtype: Dtype, data: TensorData): Promise<void>;
  /** @throws TF-DATA-012 if elements are missing */
  finish(): Promise<void>;
}

const SUBJECT = 'writeSafetensors';

/** Writes all tensors. The bytes are those of the reference implementation: wide dtypes first, then by name, header padded to 8.
 *  @param tensors  names and tensors; not changed */
export async function writeSafetensors(
  output: SinkOutput,
  tensors: Iterable<readonly [name: string, tensor: Tensor]>,
  options: SafetensorsWriteOptions = {},
): Promise<void> {
  const sorted = [...tensors].sort(([nameA, a], [nameB, b]) => {
    return bytesPerElement(b.dtype) - bytesPerElement(a.dtype) || (nameA < nameB ? -1 : 1);
  });
  await withSink(output, options, async (sink) => {
    const announcements = sorted.map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
    const writer = await createSafetensorsWriter(sink, announcements, options.metadata);
    for (const [name, { dtype, data }] of sorted) await writer.write(name, dtype, data);
    await writer.finish();
  });
}

/** Starts a file: writes the header and waits for the tensors in the announced order.
 *  @throws TF-DATA-012 if a name is announced twice or is `__metadata__` */
export async function createSafetensorsWriter(
  sink: ByteSink,
  announcements: readonly TensorAnnouncement[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<SafetensorsWriter> {
  await sink.write(encodeHeader(announcements, metadata));
  let due = 0;
  let numWritten = 0;
  const skipComplete = () => {
    while (due < announcements.length && numWritten === numel(announcements[due].shape)) {
      due++;
      numWritten = 0;
    }
  };
  const mismatch = (expected: string, actual: string) =>
    dataError('TF-DATA-012', { subject: SUBJECT, expected, actual, location: sink.name });
  return {
    async write(name, dtype, data) {
      if (data.length === 0) return skipComplete();
      skipComplete();
      const next = announcements[due];
      if (next === undefined || next.name !== name || next.dtype !== dtype) {
        throw mismatch(next ? `${next.dtype} "${next.name}" next` : 'no more tensors', `${dtype} "${name}"`);
      }
      const numLeft = numel(next.shape) - numWritten;
      if (data.length > numLeft) throw mismatch(`at most ${numLeft} elements more for "${name}"`, `${data.length}`);
      await sink.write(bytesOf(data));
      numWritten += data.length;
    },
    async finish() {
      skipComplete();
      if (due === announcements.length) return;
      const { name, shape } = announcements[due];
      throw mismatch(`${numel(shape)} elements for "${name}"`, `${numWritten}`);
    },
  };
}

/** Names and file names of shards that hold at most `maxShardBytes` each (a larger tensor gets its own), in the given order. */
function planShards(
  tensors: readonly (readonly [name: string, tensor: Tensor])[],
  maxShardBytes: number,
): (readonly [name: string, tensor: Tensor])[][] {
  const shards: (readonly [string, Tensor])[][] = [];
  let shardBytes = Infinity;
  for (const item of tensors) {
    const { byteLength } = item[1].data;
    if (shardBytes + byteLength > maxShardBytes) {
      shards.push([]);
      shardBytes = 0;
    }
    shards.at(-1)!.push(item);
    shardBytes += byteLength;
  }
  return shards;
}

/** Writes `model.safetensors`, or shards and their index if the tensors need more than `maxShardBytes`. Node only.
 *  @param options.maxShardBytes  default 5 GB, as transformers does
 *  @returns file names written */
export async function writeSafetensorsFolder(
  folder: string,
  tensors: Iterable<readonly [name: string, tensor: Tensor]>,
  options: SafetensorsWriteOptions & { readonly maxShardBytes?: number } = {},
): Promise<string[]> {
  const { join } = await import('node:path');
  const { maxShardBytes = 5e9, ...writeOptions } = options;
  makeFolder(folder);
  const shards = planShards([...tensors], maxShardBytes);
  if (shards.length <= 1) {
    await writeSafetensors(join(folder, 'model.safetensors'), shards[0] ?? [], writeOptions);
    return ['model.safetensors'];
  }
  const digits = (count: number) => `${count}`.padStart(5, '0');
  const weightMap: Record<string, string> = {};
  const fileNames: string[] = [];
  let totalSize = 0;
  for (const [shardIndex, shard] of shards.entries()) {
    const fileName = `model-${digits(shardIndex + 1)}-of-${digits(shards.length)}.safetensors`;
    await writeSafetensors(join(folder, fileName), shard, writeOptions);
    fileNames.push(fileName);
    for (const [name, { data }] of shard) {
      weightMap[name] = fileName;
      totalSize += data.byteLength;
    }
  }
  const index = { metadata: { total_size: totalSize }, weight_map: weightMap };
  const indexName = 'model.safetensors.index.json';
  const bytes = new TextEncoder().encode(`${JSON.stringify(index, null, 2)}\n`);
  await withSink(join(folder, indexName), writeOptions, (sink) => sink.write(bytes));
  return [...fileNames, indexName];
}

function encodeHeader(
  announcements: readonly TensorAnnouncement[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const header: [string, unknown][] = Object.keys(metadata).length > 0 ? [['__metadata__', metadata]] : [];
  const seen = new Set<string>(['__metadata__']);
  let offset = 0;
  for (const { name, dtype, shape } of announcements) {
    if (seen.has(name)) {
      throw dataError('TF-DATA-012', {
        subject: SUBJECT,
        expected: 'every tensor name once',
        actual: `"${name}" again`,
      });
    }
    seen.add(name);
    const end = offset + numel(shape) * bytesPerElement(dtype);
    header.push([name, { dtype: STORED_FROM_DTYPE[dtype], shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  // Built by hand: an object would reorder names that look like numbers.
  const json = `{${header.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`;
  const text = new TextEncoder().encode(json);
  const padded = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(SAFETENSORS_PREFIX_BYTES + padded).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(text, SAFETENSORS_PREFIX_BYTES);
  return bytes;
}
