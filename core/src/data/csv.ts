/** CSV as typed columns, streamed in batches of rows (csv-parse, csv-stringify; Node only). */
import { TenfoldError } from '../base/index.ts';
import { dataError } from './data-errors.ts';
import { withSink } from './file-sink.ts';
import { exactText } from './number-text.ts';
import { openStream } from './open-stream.ts';
import { tableFromColumns } from './table.ts';
import type { Table, TableColumn } from './table.ts';
import { columnFromCells, inferColumnKind } from './text-columns.ts';
import type { TextColumnKind } from './text-columns.ts';
import type { SinkOutput, SourceInput, WriteOptions } from './types.ts';

export interface CsvReadOptions {
  /** Default `,`. */
  readonly delimiter?: string;
  /** The first row names the columns. Default true; else they are called column1, column2, … */
  readonly hasHeader?: boolean;
  /** Kinds by column name. A column not named here gets the narrowest kind that fits: of all rows in readCsv, of the first batch in readCsvBatches. */
  readonly kinds?: Readonly<Record<string, TextColumnKind>>;
  /** Rows per batch. Default 65,536. */
  readonly batchRows?: number;
  /** Longest record that is accepted. Default 16 MiB. */
  readonly maxRecordBytes?: number;
}

const SUBJECT = 'readCsv';
const DEFAULT_BATCH_ROWS = 1 << 16;
const DEFAULT_MAX_RECORD_BYTES = 1 << 24;

interface CellBatch {
  readonly fileName: string;
  readonly names: readonly string[];
  /** One array of cells per column. */
  readonly cells: readonly string[][];
  /** 1-based row number of the first row, header not counted. */
  readonly firstRow: number;
}

/** Batches of rows in order; memory is bounded by a batch. The kinds of columns are fixed after the first batch.
 *  @throws TF-DATA-010 with file and line or row for a faulty record or cell, TF-DATA-011 for a record that is too long */
export async function* readCsvBatches(input: SourceInput, options: CsvReadOptions = {}): AsyncGenerator<Table> {
  let kinds: TextColumnKind[] | undefined;
  for await (const batch of readCellBatches(input, options)) {
    kinds ??= kindsOf(batch, options);
    yield tableFromBatch(batch, kinds);
  }
}

/** The whole file. @throws as readCsvBatches */
export async function readCsv(input: SourceInput, options: CsvReadOptions = {}): Promise<Table> {
  let whole: CellBatch | undefined;
  for await (const batch of readCellBatches(input, options)) {
    if (!whole) whole = batch;
    else for (const [c, cells] of batch.cells.entries()) for (const cell of cells) whole.cells[c].push(cell);
  }
  return whole ? tableFromBatch(whole, kindsOf(whole, options)) : tableFromColumns([]);
}

/** Writes a header and all rows; missing values become empty cells. */
export async function writeCsv(
  output: SinkOutput,
  table: Table,
  { delimiter = ',', ...options }: WriteOptions & { readonly delimiter?: string } = {},
): Promise<void> {
  const { stringify } = await import('csv-stringify/sync');
  await withSink(output, options, async (sink) => {
    const encoder = new TextEncoder();
    const writeRows = (rows: readonly string[][]) =>
      sink.write(encoder.encode(stringify(rows as string[][], { delimiter })));
    await writeRows([table.columns.map(({ name }) => name)]);
    for (let start = 0; start < table.numRows; start += DEFAULT_BATCH_ROWS) {
      const numRows = Math.min(DEFAULT_BATCH_ROWS, table.numRows - start);
      await writeRows(
        Array.from({ length: numRows }, (_, i) => table.columns.map((column) => cellText(column, start + i))),
      );
    }
  });
}

function cellText({ kind, values }: TableColumn, row: number): string {
  const value = values[row];
  if (kind === 'bool') return value === 1 ? 'true' : 'false';
  if (value === null || value === undefined || Number.isNaN(value)) return '';
  if (kind === 'json') return JSON.stringify(value);
  return typeof value === 'number' ? exactText(value) : String(value);
}

async function* readCellBatches(input: SourceInput, options: CsvReadOptions): AsyncGenerator<CellBatch> {
  const { delimiter = ',', hasHeader = true, batchRows = DEFAULT_BATCH_ROWS } = options;
  const { maxRecordBytes = DEFAULT_MAX_RECORD_BYTES } = options;
  const { parse } = await import('csv-parse');
  const { Readable } = await import('node:stream');
  await using opened = await openStream(input, SUBJECT);
  const parser = parse({ bom: true, delimiter, skip_empty_lines: true, max_record_size: maxRecordBytes });
  const chunks = Readable.from(opened.chunks, { objectMode: true });
  chunks.on('error', (error) => parser.destroy(error));
  chunks.pipe(parser);
  let names: string[] | undefined;
  let cells: string[][] = [];
  let firstRow = 1;
  try {
    for await (const record of parser as AsyncIterable<string[]>) {
      if (!names) {
        names = hasHeader ? record : record.map((_, c) => `column${c + 1}`);
        cells = names.map(() => []);
        if (hasHeader) continue;
      }
      for (let c = 0; c < record.length; c++) cells[c].push(record[c]);
      if (cells[0].length < batchRows) continue;
      yield { fileName: opened.name, names, cells, firstRow };
      firstRow += batchRows;
      cells = names.map(() => []);
    }
  } catch (cause) {
    throw csvError(opened.name, cause);
  } finally {
    chunks.destroy();
    parser.destroy();
  }
  if (names && (cells[0]?.length > 0 || firstRow === 1)) yield { fileName: opened.name, names, cells, firstRow };
}

/** What csv-parse's codes mean, as an expectation. */
const EXPECTED_OF_CODE: Readonly<Record<string, string>> = {
  CSV_RECORD_INCONSISTENT_FIELDS_LENGTH: 'as many cells as in the first row',
  CSV_QUOTE_NOT_CLOSED: 'a quoted cell to end before the file does',
  CSV_INVALID_CLOSING_QUOTE: 'a delimiter after the closing quote',
  INVALID_OPENING_QUOTE: 'a quote only at the start of a cell',
  CSV_MAX_RECORD_SIZE: 'a record within maxRecordBytes',
};

function csvError(fileName: string, cause: unknown): unknown {
  const { code, lines } = cause as { code?: string; lines?: number };
  if (cause instanceof TenfoldError || code === undefined || !(code in EXPECTED_OF_CODE)) return cause;
  const isTooLong = code === 'CSV_MAX_RECORD_SIZE';
  return dataError(isTooLong ? 'TF-DATA-011' : 'TF-DATA-010', {
    subject: SUBJECT,
    expected: EXPECTED_OF_CODE[code],
    location: lines === undefined ? fileName : `${fileName}:${lines}`,
    hints: [
      isTooLong
        ? 'Raise maxRecordBytes, or look for a quote that is not closed.'
        : 'Correct the line, or name another delimiter.',
    ],
    cause,
  });
}

function kindsOf({ names, cells }: CellBatch, { kinds = {} }: CsvReadOptions): TextColumnKind[] {
  return names.map((name, c) => (Object.hasOwn(kinds, name) ? kinds[name] : inferColumnKind(cells[c])));
}

function tableFromBatch({ names, cells, fileName, firstRow }: CellBatch, kinds: readonly TextColumnKind[]): Table {
  const place = { subject: SUBJECT, fileName, firstRow };
  return tableFromColumns(names.map((name, c) => columnFromCells(name, kinds[c], cells[c], place)));
}
