/** Writing files: under a temporary name first, renamed when complete, never over an existing file unless forced. Node only. */
import type { FileHandle } from 'node:fs/promises';
import { dataError } from './data-errors.ts';
import type { ByteSink, SinkOutput, WriteOptions } from './types.ts';

/** Small writes are gathered up to this size. */
const BUFFER_BYTES = 1 << 20;

let numTemporaryFiles = 0;

/** Runs a writer on a sink. For a path: the file appears complete or not at all, also if the writer throws or the process dies.
 *  @throws TF-DATA-008 if the file exists and `force` is not set; TF-DATA-001 if the system cannot write */
export async function withSink<T>(
  output: SinkOutput,
  { force = false }: WriteOptions,
  write: (sink: ByteSink) => Promise<T>,
): Promise<T> {
  if (typeof output !== 'string') return write(output);
  const fs = await import('node:fs/promises');
  const { basename, dirname, join } = await import('node:path');
  const assertFree = async () => {
    if (!force && (await fs.stat(output).catch(() => undefined))) throw existsError(output);
  };
  await assertFree();
  const temporary = join(dirname(output), `.${basename(output)}.${process.pid}-${numTemporaryFiles++}.partial`);
  const handle = await fs.open(temporary, 'wx').catch((cause: unknown) => {
    throw writeError(output, cause);
  });
  try {
    const { sink, flush } = bufferedSink(output, handle);
    const result = await write(sink);
    await flush();
    await handle.sync();
    await handle.close();
    await assertFree();
    await fs.rename(temporary, output);
    return result;
  } catch (cause) {
    await handle.close().catch(() => {});
    await fs.rm(temporary, { force: true });
    throw cause;
  }
}

function bufferedSink(name: string, handle: FileHandle): { sink: ByteSink; flush(): Promise<void> } {
  const buffer = new Uint8Array(BUFFER_BYTES);
  let numBuffered = 0;
  let byteLength = 0;
  const writeAll = async (bytes: Uint8Array) => {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await handle.write(bytes, done, bytes.length - done).catch((cause: unknown) => {
        throw writeError(name, cause);
      });
      done += bytesWritten;
    }
  };
  const flush = async () => {
    const pending = buffer.subarray(0, numBuffered);
    numBuffered = 0;
    await writeAll(pending);
  };
  const sink: ByteSink = {
    name,
    get byteLength() {
      return byteLength;
    },
    async write(bytes) {
      byteLength += bytes.length;
      if (numBuffered + bytes.length > BUFFER_BYTES) await flush();
      if (bytes.length > BUFFER_BYTES) return writeAll(bytes);
      buffer.set(bytes, numBuffered);
      numBuffered += bytes.length;
    },
  };
  return { sink, flush };
}

function existsError(path: string): Error {
  return dataError('TF-DATA-008', {
    subject: 'writeFile',
    expected: 'a file name that is free',
    actual: 'one that exists',
    location: path,
    hints: ['Choose another name or pass force to replace it.'],
  });
}

function writeError(path: string, cause: unknown): Error {
  return dataError('TF-DATA-001', {
    subject: 'writeFile',
    expected: 'a place that can be written',
    actual: (cause as { code?: string }).code ?? String(cause),
    location: path,
    hints: ['Check that the folder exists, is writable and has room.'],
    cause,
  });
}
