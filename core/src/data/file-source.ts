/** Files as byte sources (Node only; the file system is loaded on first use, so that browsers can import this module). */
import type { FileHandle } from 'node:fs/promises';
import { trackOpen } from '../base/index.ts';
import { dataError, truncatedError } from './data-errors.ts';
import { createSource, sourceFromBlob, sourceFromBytes } from './memory-source.ts';
import type { ByteSource, SourceInput } from './types.ts';

/** One system call reads at most this much (the systems' own limit is 2 GiB). */
const READ_CHUNK_BYTES = 1 << 26;

/** Opens a file for random access. Must be closed.
 *  @throws TF-DATA-001 if the file is missing, is a folder or may not be read */
export async function openFileSource(path: string): Promise<ByteSource> {
  const fs = await import('node:fs/promises');
  let handle: Awaited<ReturnType<typeof fs.open>> | undefined;
  try {
    handle = await fs.open(path, 'r');
    const stat = await handle.stat();
    if (!stat.isFile()) throw Object.assign(new Error('not a file'), { code: 'EISDIR' });
    return sourceFromHandle(path, stat.size, handle);
  } catch (cause) {
    await handle?.close();
    throw openError(path, cause);
  }
}

/** Opens whatever a reader was given; the caller closes it by `close`, which leaves sources that were open before alone. */
export async function openSource(input: SourceInput): Promise<ByteSource> {
  if (typeof input === 'string') return openFileSource(input);
  if (input instanceof Uint8Array) return sourceFromBytes(input);
  if (input instanceof Blob) return sourceFromBlob(input);
  const keepOpen = async () => {};
  return {
    name: input.name,
    byteLength: input.byteLength,
    read: (start, end) => input.read(start, end),
    readInto: (target, start) => input.readInto(target, start),
    stream: (start, end) => input.stream(start, end),
    close: keepOpen,
    [Symbol.asyncDispose]: keepOpen,
  };
}

/** Opens, uses and closes a source. */
export async function withSource<T>(input: SourceInput, use: (source: ByteSource) => Promise<T>): Promise<T> {
  const source = await openSource(input);
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}

function sourceFromHandle(path: string, byteLength: number, handle: FileHandle): ByteSource {
  const noteClosed = trackOpen('byte source');
  let isOpen = true;
  return createSource({
    name: path,
    byteLength,
    async readInto(target, start) {
      let done = 0;
      while (done < target.length) {
        const length = Math.min(READ_CHUNK_BYTES, target.length - done);
        const { bytesRead } = await handle.read(target, done, length, start + done).catch((cause: unknown) => {
          throw openError(path, cause);
        });
        // The file shrank after it was opened.
        if (bytesRead === 0) {
          const range = { start, end: start + target.length };
          throw truncatedError('readBytes', 'the range', range, { name: path, byteLength: start + done });
        }
        done += bytesRead;
      }
    },
    async close() {
      if (!isOpen) return;
      isOpen = false;
      noteClosed();
      await handle.close();
    },
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'no right to read it',
  EPERM: 'no right to read it',
  EISDIR: 'a folder',
  EBADF: 'a source that was closed',
};

function openError(path: string, cause: unknown): Error {
  const code = (cause as { code?: string }).code ?? '';
  return dataError('TF-DATA-001', {
    subject: 'openFile',
    expected: 'a readable file',
    actual: REASONS[code] ?? (code || String(cause)),
    location: path,
    hints: code === 'ENOENT' ? ['Check the path.'] : [],
    cause,
  });
}
