/** Parquet as typed columns (hyparquet, hyparquet-writer), one row group in memory at a time. */
import type * as hyparquetModule from 'hyparquet';
import type { Compressors, FileMetaData } from 'hyparquet';
import type { ColumnSource } from 'hyparquet-writer';
import { nearestNameHints, TenfoldError } from '../base/index.ts';
import { dataError, TRUNCATED_HINT, truncatedError } from './data-errors.ts';
import { withSink } from './file-sink.ts';
import { openSource } from './file-source.ts';
import { findImpossiblePage, MAX_COMPRESSION_RATIO } from './parquet-pages.ts';
import { tableFromColumns } from './table.ts';
import type { Table, TableColumn } from './table.ts';
import type { ByteSource, SinkOutput, SourceInput, WriteOptions } from './types.ts';

type Hyparquet = typeof hyparquetModule;

export interface ParquetReadOptions {
  /** Columns to read, in this order. Default all. */
  readonly columns?: readonly string[];
}

const SUBJECT = 'readParquet';
const MAGIC = 0x31524150; // "PAR1"
/** Magic, a footer, its length and magic again. */
const MIN_FILE_BYTES = 12;
/** Rows that one stored byte can stand for (run-length encoding packs more, but no writer makes such row groups). */
const MAX_ROWS_PER_BYTE = 4096;

/** One table per row group, in order.
 *  @throws TF-DATA-002 … 007 if it is not Parquet, is cut or damaged, uses a codec that is not read here, or lacks a column */
export async function* readParquetBatches(input: SourceInput, options: ParquetReadOptions = {}): AsyncGenerator<Table> {
  await using source = await openSource(input);
  const hyparquet = await import('hyparquet');
  const metadata = await readMetadata(source, hyparquet);
  const known = columnNames(metadata);
  const wanted = options.columns ?? known;
  for (const name of wanted) {
    if (known.includes(name)) continue;
    throw dataError('TF-DATA-007', {
      subject: SUBJECT,
      expected: `a column "${name}"`,
      actual: 'none of that name',
      location: source.name,
      hints: nearestNameHints(name, known),
    });
  }
  const compressors = await createCompressors(hyparquet);
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    yield await readRows({ source, hyparquet, metadata, compressors, wanted, rowStart, rowEnd });
    rowStart = rowEnd;
  }
  if (metadata.row_groups.length === 0) yield tableFromColumns(wanted.map((name) => columnFromValues(name, [], false)));
}

/** The whole file. A column has the narrowest kind that all its row groups fit. @throws as readParquetBatches */
export async function readParquet(input: SourceInput, options: ParquetReadOptions = {}): Promise<Table> {
  const batches: Table[] = [];
  for await (const batch of readParquetBatches(input, options)) batches.push(batch);
  if (batches.length === 1) return batches[0];
  return tableFromColumns(batches[0].columns.map((_, c) => joinColumns(batches.map(({ columns }) => columns[c]))));
}

/** Parts of one column in one; parts of different kinds are read again from their cells. */
function joinColumns(parts: readonly TableColumn[]): TableColumn {
  const [{ name, kind }] = parts;
  const numRows = parts.reduce((sum, { values }) => sum + values.length, 0);
  if (kind === 'text' || kind === 'json' || parts.some((part) => part.kind !== kind)) {
    const isFloat = parts.some((part) => part.kind === 'float64');
    return columnFromValues(name, parts.flatMap(cellsOf), isFloat);
  }
  const joined = new (parts[0].values.constructor as Float64ArrayConstructor)(numRows);
  let at = 0;
  for (const { values } of parts) {
    joined.set(values as Float64Array, at);
    at += values.length;
  }
  return { name, kind, values: joined } as unknown as TableColumn;
}

function cellsOf({ kind, values }: TableColumn): unknown[] {
  if (kind === 'bool') return Array.from(values, (value) => value === 1);
  if (kind === 'float64') return Array.from(values, (value) => (Number.isNaN(value) ? null : value));
  return [...values];
}

/** Writes a table (Snappy). @param options.rowGroupSize  rows per group; default 100,000 */
export async function writeParquet(
  output: SinkOutput,
  table: Table,
  { rowGroupSize = 100_000, ...options }: WriteOptions & { readonly rowGroupSize?: number } = {},
): Promise<void> {
  const { parquetWriteBuffer } = await import('hyparquet-writer');
  const columnData = table.columns.map((column) => ({ name: column.name, ...storedColumn(column) }));
  const buffer = parquetWriteBuffer({ columnData, rowGroupSize });
  await withSink(output, options, (sink) => sink.write(new Uint8Array(buffer)));
}

function storedColumn(column: TableColumn): Pick<ColumnSource, 'data' | 'type' | 'nullable'> {
  const { kind, values } = column;
  switch (kind) {
    case 'float64':
      return { data: Array.from(values, (value) => (Number.isNaN(value) ? null : value)), type: 'DOUBLE' };
    case 'int32':
      return { data: values, type: 'INT32', nullable: false };
    case 'int64':
      return { data: values, type: 'INT64', nullable: false };
    case 'bool':
      return { data: Array.from(values, (value) => value === 1), type: 'BOOLEAN', nullable: false };
    case 'text':
      return { data: values, type: 'STRING' };
    case 'json':
      return { data: values, type: 'JSON' };
  }
}

async function readMetadata(source: ByteSource, { parquetMetadataAsync }: Hyparquet): Promise<FileMetaData> {
  if (source.byteLength < MIN_FILE_BYTES) {
    throw truncatedError(SUBJECT, 'the footer', { start: 0, end: MIN_FILE_BYTES }, source);
  }
  const head = await source.read(0, 4);
  if (new DataView(head.buffer, head.byteOffset).getUint32(0, true) !== MAGIC) {
    throw dataError('TF-DATA-002', {
      subject: SUBJECT,
      expected: 'a Parquet file (it begins with PAR1)',
      actual: 'another beginning',
      location: source.name,
      hints: ['Check that the right file was given.'],
    });
  }
  const tail = await source.read(source.byteLength - 8, source.byteLength);
  const view = new DataView(tail.buffer, tail.byteOffset);
  if (view.getUint32(4, true) !== MAGIC) {
    throw dataError('TF-DATA-003', {
      subject: SUBJECT,
      expected: 'PAR1 at the end of the file',
      actual: 'other bytes',
      location: source.name,
      hints: [TRUNCATED_HINT],
    });
  }
  const footerBytes = view.getUint32(0, true);
  if (footerBytes > source.byteLength - MIN_FILE_BYTES) {
    throw damaged(source.name, `a footer within the ${source.byteLength} bytes of the file`, `${footerBytes} bytes`);
  }
  let metadata: FileMetaData;
  try {
    metadata = await parquetMetadataAsync(bufferFromSource(source));
  } catch (cause) {
    throw damaged(source.name, 'a footer that can be decoded', String((cause as Error).message), cause);
  }
  assertPlausible(metadata, source);
  const complaint = await findImpossiblePage(source, metadata);
  if (complaint) throw damaged(source.name, complaint.expected, complaint.actual);
  return metadata;
}

/** Counts and places that the file can hold. */
function assertPlausible(metadata: FileMetaData, source: ByteSource): void {
  const { schema, row_groups: rowGroups } = metadata;
  if (!Array.isArray(schema) || schema.length === 0 || !Array.isArray(rowGroups)) {
    throw damaged(source.name, 'a schema and row groups', 'a footer without');
  }
  const rowsAllowed = BigInt(source.byteLength) * BigInt(MAX_ROWS_PER_BYTE);
  const isPossible = (count: unknown) => typeof count === 'bigint' && count >= 0n && count <= rowsAllowed;
  let numRows = 0n;
  for (const [g, group] of rowGroups.entries()) {
    if (!isPossible(group.num_rows)) {
      throw damaged(source.name, `a number of rows that the file can hold in row group ${g}`, `${group.num_rows}`);
    }
    numRows += group.num_rows;
    for (const { meta_data: chunk } of group.columns ?? []) {
      const start = Number(chunk?.dictionary_page_offset ?? chunk?.data_page_offset);
      const end = start + Number(chunk?.total_compressed_size);
      if (!(chunk && start >= 4 && end >= start && end <= source.byteLength)) {
        throw damaged(source.name, `column chunks inside the file in row group ${g}`, `bytes ${start}-${end}`);
      }
      if (!isPossible(chunk.num_values)) {
        throw damaged(
          source.name,
          `a number of values that the file can hold in row group ${g}`,
          `${chunk.num_values}`,
        );
      }
    }
  }
  if (numRows !== metadata.num_rows) {
    throw damaged(source.name, `${metadata.num_rows} rows as its footer says`, `${numRows} in its row groups`);
  }
}

interface RowsRequest {
  readonly source: ByteSource;
  readonly hyparquet: Hyparquet;
  readonly metadata: FileMetaData;
  readonly compressors: Compressors;
  readonly wanted: readonly string[];
  readonly rowStart: number;
  readonly rowEnd: number;
}

async function readRows(request: RowsRequest): Promise<Table> {
  const { source, hyparquet, metadata, compressors, wanted, rowStart, rowEnd } = request;
  const values = new Map<string, unknown[]>(wanted.map((name) => [name, []]));
  try {
    await hyparquet.parquetRead({
      file: bufferFromSource(source),
      metadata,
      columns: [...wanted],
      rowStart,
      rowEnd,
      compressors,
      onChunk({ columnName, columnData, rowStart: start }) {
        const target = values.get(columnName)!;
        for (let i = Math.max(0, rowStart - start); i < columnData.length && start + i < rowEnd; i++) {
          target[start + i - rowStart] = columnData[i];
        }
      },
    });
  } catch (cause) {
    if (cause instanceof TenfoldError) throw cause;
    throw damaged(
      source.name,
      `rows ${rowStart}-${rowEnd} that can be decoded`,
      String((cause as Error).message),
      cause,
    );
  }
  for (const [name, column] of values) {
    if (column.length === rowEnd - rowStart) continue;
    throw damaged(source.name, `${rowEnd - rowStart} values in column "${name}"`, `${column.length}`);
  }
  const floats = new Set(
    metadata.schema.filter(({ type }) => type === 'DOUBLE' || type === 'FLOAT').map(({ name }) => name),
  );
  return tableFromColumns(wanted.map((name) => columnFromValues(name, values.get(name)!, floats.has(name))));
}

/** The narrowest kind that all values have; numbers with missing ones become float64.
 *  @param isFloat  the file stores floating point, so that whole numbers stay float64 */
function columnFromValues(name: string, values: readonly unknown[], isFloat: boolean): TableColumn {
  let hasMissing = false;
  const types = new Set<string>();
  for (const value of values) {
    if (value === null || value === undefined) hasMissing = true;
    else if (typeof value === 'number') types.add(!isFloat && value === (value | 0) ? 'integer' : 'number');
    else types.add(value instanceof Date ? 'date' : typeof value);
  }
  const only = (...allowed: string[]) => types.size > 0 && [...types].every((type) => allowed.includes(type));
  if (only('bigint') && !hasMissing) return { name, kind: 'int64', values: BigInt64Array.from(values as bigint[]) };
  if (only('integer') && !hasMissing) return { name, kind: 'int32', values: Int32Array.from(values as number[]) };
  if (only('integer', 'number', 'bigint')) {
    const numbers = Float64Array.from(values, (value) => (value === null || value === undefined ? NaN : Number(value)));
    return { name, kind: 'float64', values: numbers };
  }
  if (only('boolean') && !hasMissing) {
    return { name, kind: 'bool', values: Uint8Array.from(values, (value) => (value === true ? 1 : 0)) };
  }
  if (only('string', 'date') || types.size === 0) {
    const texts = values.map((value) =>
      value instanceof Date ? value.toISOString() : ((value ?? null) as string | null),
    );
    return { name, kind: 'text', values: texts };
  }
  return { name, kind: 'json', values: values.map((value) => value ?? null) };
}

function columnNames({ schema }: FileMetaData): string[] {
  const names: string[] = [];
  const skip = (at: number): number => {
    let next = at + 1;
    for (let child = 0; child < (schema[at]?.num_children ?? 0) && next < schema.length; child++) next = skip(next);
    return next;
  };
  for (let at = 1; at < schema.length; at = skip(at)) names.push(schema[at].name);
  return names;
}

/** Snappy by hyparquet, gzip by fflate, zstd by Node where it has it; each refuses absurd output sizes. */
async function createCompressors({ snappyUncompress }: Hyparquet): Promise<Compressors> {
  const { gunzipSync } = await import('fflate');
  const guarded =
    (decompress: (input: Uint8Array, outputLength: number) => Uint8Array) =>
    (input: Uint8Array, outputLength: number) => {
      if (outputLength > input.length * MAX_COMPRESSION_RATIO + 1024) {
        throw new Error(`a page of ${input.length} bytes says it holds ${outputLength}`);
      }
      return decompress(input, outputLength);
    };
  const compressors: Compressors = {
    SNAPPY: guarded((input, outputLength) => {
      const target = new Uint8Array(outputLength);
      snappyUncompress(input, target);
      return target;
    }),
    GZIP: guarded((input, outputLength) => gunzipSync(input, { out: new Uint8Array(outputLength) })),
  };
  const zlib = typeof process === 'undefined' ? undefined : await import('node:zlib');
  if (zlib?.zstdDecompressSync) {
    compressors.ZSTD = (input, outputLength) => zlib.zstdDecompressSync(input, { maxOutputLength: outputLength });
  }
  return compressors;
}

function bufferFromSource(source: ByteSource): {
  byteLength: number;
  slice(start: number, end?: number): Promise<ArrayBuffer>;
} {
  return {
    byteLength: source.byteLength,
    async slice(start, end = source.byteLength) {
      const bytes = new Uint8Array(Math.max(0, Math.min(end, source.byteLength) - start));
      await source.readInto(bytes, start);
      return bytes.buffer;
    },
  };
}

function damaged(fileName: string, expected: string, actual: string, cause?: unknown): Error {
  return dataError('TF-DATA-004', {
    subject: SUBJECT,
    expected,
    actual,
    location: fileName,
    hints: ['The file is damaged; copy it again.'],
    cause,
  });
}
