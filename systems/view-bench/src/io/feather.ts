/** Feather files (Arrow IPC) as columns; buffers packed with LZ4 or Zstandard are unpacked. */
import { readFile } from 'node:fs/promises';
import { zstdDecompressSync } from 'node:zlib';
import { viewError } from '../view-errors.ts';

export interface FeatherTable {
  readonly numRows: number;
  /** @throws TF-VIEW-004 if there is no such column or a value is missing or not finite */
  numbers(name: string): Float64Array;
  /** Nanoseconds keep every digit. */
  integers(name: string): BigInt64Array;
  texts(name: string): readonly string[];
}

/** @throws TF-VIEW-004 if the file is missing, no Arrow file, or packed in another way */
export async function readFeather(path: string): Promise<FeatherTable> {
  const fail = (expected: string, actual: string, cause?: unknown): never => {
    throw viewError('TF-VIEW-004', {
      subject: 'readFeather',
      expected,
      actual,
      location: path,
      ...(cause === undefined ? {} : { cause }),
    });
  };
  const bytes = await readFile(path).catch((cause: unknown) => fail('a readable file', 'none', cause));
  if (bytes.length < 24 || !isMarked(bytes, 0) || !isMarked(bytes, bytes.length - MARK.length))
    fail('an Arrow IPC file', `${bytes.length} bytes without its marks at both ends (truncated?)`);
  const { compressionRegistry, CompressionType, tableFromIPC } = await import('apache-arrow');
  const { decompress } = await import('lz4js');
  compressionRegistry.set(CompressionType.LZ4_FRAME, { decode: (data) => decompress(data) });
  compressionRegistry.set(CompressionType.ZSTD, { decode: (data) => new Uint8Array(zstdDecompressSync(data)) });
  const table = (() => {
    try {
      return tableFromIPC(bytes);
    } catch (cause) {
      return fail('an Arrow IPC file', `${bytes.length} bytes that are damaged`, cause);
    }
  })();
  const valuesOf = (name: string): readonly unknown[] => {
    const column = table.getChild(name);
    if (column === null) return fail(`a column "${name}"`, `columns ${table.schema.names.join(', ') || 'none'}`);
    return [...column];
  };
  return {
    numRows: table.numRows,
    numbers: (name) =>
      Float64Array.from(valuesOf(name), (value, row) => {
        const number = typeof value === 'number' || typeof value === 'bigint' ? Number(value) : NaN;
        return Number.isFinite(number)
          ? number
          : fail(`finite numbers in "${name}"`, `${String(value)} in row ${row + 1}`);
      }),
    integers: (name) =>
      BigInt64Array.from(valuesOf(name), (value, row) =>
        typeof value === 'bigint' || Number.isInteger(value)
          ? BigInt(value as bigint | number)
          : fail(`integers in "${name}"`, `${String(value)} in row ${row + 1}`),
      ),
    texts: (name) => valuesOf(name).map(String),
  };
}

/** What an Arrow file begins and ends with. */
const MARK = 'ARROW1';

function isMarked(bytes: Uint8Array, offset: number): boolean {
  return [...MARK].every((letter, k) => bytes[offset + k] === letter.charCodeAt(0));
}
