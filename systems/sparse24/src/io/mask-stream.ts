/** Copies a weight file and masks some byte ranges on the way: one pass, in which the disk reads the next chunk and writes
 *  the last one while this one is masked. Memory: three chunks. */
import { open, type FileHandle } from 'node:fs/promises';
import { throwIfCancelled } from '@tenfold/core/base';
import { sparseError } from '../sparse-errors.ts';

export const CHUNK_BYTES = 8 * 2 ** 20;
const NUM_BUFFERS = 3;
export const STREAM_BYTES = NUM_BUFFERS * CHUNK_BYTES;

export interface MaskedRange {
  /** Bytes of the file, end exclusive. Both are multiples of the bytes of a block. */
  readonly start: number;
  readonly end: number;
  /** Masks bytes in place. @param at  their offset from `start` */
  mask(bytes: Uint8Array, at: number): void;
  /** Awaited when the whole range is masked. Ranges end in the order of their places. */
  done(): Promise<void>;
}

interface Chunk {
  readonly at: number;
  readonly length: number;
  readonly range?: MaskedRange;
}

/** @param ranges  disjoint, in any order
 *  @param options.buffers  STREAM_BYTES of memory in which the chunks lie; own memory if not given
 *  @throws TF-SPARSE-011 if the file shrinks while it is read; what `mask` throws */
export async function streamMasked(
  source: string,
  target: string,
  ranges: readonly MaskedRange[],
  { signal, buffers = new Uint8Array(STREAM_BYTES) }: { signal?: AbortSignal; buffers?: Uint8Array<ArrayBuffer> } = {},
): Promise<void> {
  const input = await open(source, 'r');
  try {
    const output = await open(target, 'wx');
    try {
      const { size } = await input.stat();
      await pump({ input, output, source, memory: buffers }, chunksOf(ranges, size), signal);
    } finally {
      await output.close();
    }
  } finally {
    await input.close();
  }
}

async function pump(
  { input, output, source, memory }: { input: FileHandle; output: FileHandle; source: string; memory: Uint8Array },
  chunks: readonly Chunk[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const buffers = Array.from({ length: NUM_BUFFERS }, (_, i) =>
    memory.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES),
  );
  const writes: Promise<unknown>[] = buffers.map(() => Promise.resolve());
  const read = async (index: number): Promise<Uint8Array | undefined> => {
    const chunk = chunks[index];
    if (chunk === undefined) return undefined;
    const slot = index % buffers.length;
    await writes[slot];
    const bytes = buffers[slot]!.subarray(0, chunk.length);
    await fill(input, bytes, chunk.at, source);
    return bytes;
  };
  let next = read(0);
  try {
    for (const [index, chunk] of chunks.entries()) {
      throwIfCancelled(signal, 'mask');
      const bytes = (await next)!;
      next = read(index + 1);
      next.catch(() => undefined); // Awaited in the next round.
      chunk.range?.mask(bytes, chunk.at - chunk.range.start);
      if (chunk.range && chunk.at + chunk.length === chunk.range.end) await chunk.range.done();
      const write = writeAll(output, bytes, chunk.at);
      write.catch(() => undefined); // Awaited below or by the next user of the buffer.
      writes[index % buffers.length] = write;
    }
    await Promise.all(writes);
  } finally {
    await Promise.allSettled([next, ...writes]);
  }
}

function chunksOf(ranges: readonly MaskedRange[], size: number): Chunk[] {
  const chunks: Chunk[] = [];
  const cut = (from: number, to: number, range?: MaskedRange): void => {
    for (let at = from; at < to; at += CHUNK_BYTES)
      chunks.push({ at, length: Math.min(CHUNK_BYTES, to - at), ...(range ? { range } : {}) });
  };
  let at = 0;
  for (const range of ranges.toSorted((a, b) => a.start - b.start)) {
    cut(at, range.start);
    cut(range.start, range.end, range);
    at = range.end;
  }
  cut(at, size);
  return chunks;
}

async function fill(input: FileHandle, bytes: Uint8Array, at: number, source: string): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await input.read(bytes, done, bytes.length - done, at + done);
    if (bytesRead === 0) {
      throw sparseError('TF-SPARSE-011', {
        subject: 'mask',
        expected: `${at + bytes.length} bytes`,
        actual: `the file ends at ${at + done}`,
        location: source,
      });
    }
    done += bytesRead;
  }
}

/** Larger writes make the kernel look for larger pages, which took three to eight times as long as these. */
const WRITE_BYTES = 2 ** 18;

export async function writeAll(output: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const length = Math.min(WRITE_BYTES, bytes.length - done);
    done += (await output.write(bytes, done, length, at + done)).bytesWritten;
  }
}
