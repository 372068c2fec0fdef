/** Gzip by the platform's own decompressor (browsers and Node). */
import { dataError, TRUNCATED_HINT } from './data-errors.ts';
import { sourceFromBytes } from './memory-source.ts';
import type { ByteSource } from './types.ts';

const GZIP_MAGIC = [0x1f, 0x8b] as const;
/** Refuses to decompress beyond this, so that a small file cannot fill the memory. */
const DEFAULT_MAX_BYTES = 2 ** 33;

export interface GzipOptions {
  /** Most bytes that decompression may give. Default 8 GiB. */
  readonly maxBytes?: number;
}

/** Whether the bytes begin with gzip's two magic bytes. Reads those alone. */
export async function isGzip(source: ByteSource): Promise<boolean> {
  if (source.byteLength < GZIP_MAGIC.length) return false;
  const [first, second] = await source.read(0, GZIP_MAGIC.length);
  return first === GZIP_MAGIC[0] && second === GZIP_MAGIC[1];
}

/** The source itself, or its decompressed bytes in memory if it is gzip.
 *  Cost: at most twice the decompressed size, in steps as data really arrives.
 *  @throws TF-DATA-003 if the stream ends too early, TF-DATA-004 if it is damaged, TF-DATA-011 above maxBytes */
export async function gunzipSource(
  source: ByteSource,
  subject: string,
  options: GzipOptions = {},
): Promise<ByteSource> {
  if (!(await isGzip(source))) return source;
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of gunzipStream(source, subject, options)) {
    chunks.push(chunk);
    length += chunk.length;
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return sourceFromBytes(bytes, source.name);
}

/** Decompressed chunks in order; throws as gunzipSource does. */
export async function* gunzipStream(
  source: ByteSource,
  subject: string,
  { maxBytes = DEFAULT_MAX_BYTES }: GzipOptions = {},
): AsyncGenerator<Uint8Array> {
  const reader = streamFromSource(source).pipeThrough(new DecompressionStream('gzip')).getReader();
  let length = 0;
  try {
    for (;;) {
      const { done, value: chunk } = await reader.read();
      if (done) return;
      length += chunk.length;
      if (length > maxBytes) {
        throw dataError('TF-DATA-011', {
          subject,
          expected: `at most ${maxBytes} bytes after decompression`,
          actual: 'more',
          location: source.name,
          hints: ['Raise maxBytes if the file is right.'],
        });
      }
      yield chunk;
    }
  } catch (cause) {
    await reader.cancel().catch(() => {});
    if (!isZlibError(cause)) throw cause;
    const isCut = /BUF_ERROR|unexpected end|incomplete/i.test(`${zlibCode(cause)} ${String(cause)}`);
    throw dataError(isCut ? 'TF-DATA-003' : 'TF-DATA-004', {
      subject,
      expected: isCut ? 'a gzip stream up to its end, but it ends early' : 'an undamaged gzip stream',
      location: source.name,
      hints: [isCut ? TRUNCATED_HINT : 'The file is damaged; copy it again.'],
      cause,
    });
  }
}

/** ReadableStream.from would do, but browsers lack it. */
function streamFromSource(source: ByteSource): ReadableStream<Uint8Array<ArrayBuffer>> {
  const chunks = source.stream()[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(Uint8Array.from(value as Uint8Array));
    },
  });
}

function zlibCode(error: unknown): string {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: { code?: unknown } };
  return `${String(code ?? '')} ${String(cause?.code ?? '')}`;
}

/** Node gives errors with zlib codes, browsers a TypeError. */
function isZlibError(error: unknown): boolean {
  return error instanceof TypeError || /Z_|TRAILING_JUNK/.test(zlibCode(error));
}
