/** Byte sources and sinks that need no file system: memory and browser blobs. */
import { truncatedError } from './data-errors.ts';
import type { ByteSink, ByteSource } from './types.ts';

/** Chunk of streamed reads: large enough to hide the cost of a call, small enough for the cache. */
export const STREAM_CHUNK_BYTES = 1 << 18;

/** A source over bytes in memory; `read` returns views of them. */
export function sourceFromBytes(bytes: Uint8Array, name = 'memory'): ByteSource {
  return createSource({
    name,
    byteLength: bytes.length,
    readInto: async (target, start) => target.set(bytes.subarray(start, start + target.length)),
    read: async (start, end) => bytes.subarray(start, end),
    close: async () => {},
  });
}

/** A source over a Blob or File of the browser (or of Node). */
export function sourceFromBlob(blob: Blob, name = 'name' in blob ? String(blob.name) : 'blob'): ByteSource {
  const read = async (start: number, end: number) => new Uint8Array(await blob.slice(start, end).arrayBuffer());
  return createSource({
    name,
    byteLength: blob.size,
    read,
    readInto: async (target, start) => target.set(await read(start, start + target.length)),
    close: async () => {},
  });
}

/** A sink that keeps everything. */
export function createMemorySink(name = 'memory'): ByteSink & { bytes(): Uint8Array<ArrayBuffer> } {
  let buffer = new Uint8Array(1024);
  let length = 0;
  return {
    name,
    get byteLength() {
      return length;
    },
    async write(bytes) {
      if (length + bytes.length > buffer.length) {
        const grown = new Uint8Array(Math.max(length + bytes.length, buffer.length * 2));
        grown.set(buffer.subarray(0, length));
        buffer = grown;
      }
      buffer.set(bytes, length);
      length += bytes.length;
    },
    bytes: () => buffer.slice(0, length),
  };
}

/** Builds a source from its primitive reads: adds range checks, streaming and disposal. Ranges given to the primitives are valid. */
export function createSource(primitives: {
  readonly name: string;
  readonly byteLength: number;
  read?(start: number, end: number): Promise<Uint8Array>;
  readInto(target: Uint8Array, start: number): Promise<void>;
  close(): Promise<void>;
}): ByteSource {
  const { name, byteLength } = primitives;
  const assertInside = (start: number, end: number) => {
    if (!(start >= 0 && start <= end && end <= byteLength)) {
      throw truncatedError('readBytes', 'the range', { start, end }, { name, byteLength });
    }
  };
  const source: ByteSource = {
    name,
    byteLength,
    async read(start, end) {
      assertInside(start, end);
      if (primitives.read) return primitives.read(start, end);
      const bytes = new Uint8Array(end - start);
      await primitives.readInto(bytes, start);
      return bytes;
    },
    async readInto(target, start) {
      assertInside(start, start + target.length);
      await primitives.readInto(target, start);
    },
    async *stream(start = 0, end = byteLength) {
      assertInside(start, end);
      for (let at = start; at < end; at += STREAM_CHUNK_BYTES) {
        yield await source.read(at, Math.min(end, at + STREAM_CHUNK_BYTES));
      }
    },
    close: () => primitives.close(),
    [Symbol.asyncDispose]: () => primitives.close(),
  };
  return source;
}
