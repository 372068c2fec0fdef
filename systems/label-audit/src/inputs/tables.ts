/** Tables of any accepted format. Node only. */
import { basename, extname } from 'node:path';
import { readCsv, readJsonLines, readParquet, tableFromColumns } from '@tenfold/core/data';
import type { Table, TableColumn } from '@tenfold/core/data';
import { labelError } from '../label-errors.ts';

/** By the file's ending: .csv, .tsv, .parquet, .jsonl. */
export async function readTable(path: string): Promise<Table> {
  const table = await readAnyTable(path);
  if (table.numRows > 0) return table;
  throw labelError('TF-LABEL-004', {
    subject: 'readTable',
    expected: 'a table with rows',
    actual: table.columns.length === 0 ? 'an empty file' : 'a heading without rows',
    location: basename(path),
  });
}

async function readAnyTable(path: string): Promise<Table> {
  switch (extname(path).toLowerCase()) {
    case '.csv':
      return readCsv(path);
    case '.tsv':
      return readCsv(path, { delimiter: '\t' });
    case '.parquet':
      return readParquet(path);
    case '.jsonl':
    case '.ndjson':
      return tableFromRecords(path);
    default:
      throw labelError('TF-LABEL-005', {
        subject: 'readTable',
        expected: 'a file that ends in .csv, .tsv, .parquet, .jsonl or .npy',
        actual: basename(path),
      });
  }
}

async function tableFromRecords(path: string): Promise<Table> {
  const names: string[] = [];
  const records: Record<string, unknown>[] = [];
  for await (const { value, lineNumber } of readJsonLines(path)) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw labelError('TF-LABEL-005', {
        subject: 'readTable',
        expected: 'one JSON object a line',
        actual: JSON.stringify(value).slice(0, 40),
        location: `${basename(path)}:${lineNumber}`,
      });
    }
    records.push(value as Record<string, unknown>);
    for (const name of Object.keys(value)) if (!names.includes(name)) names.push(name);
  }
  return tableFromColumns(
    names.map((name): TableColumn => {
      const cells = records.map((record) => record[name] ?? null);
      if (cells.every((cell) => cell === null || typeof cell === 'number')) {
        return { name, kind: 'float64', values: Float64Array.from(cells, (cell) => cell ?? NaN) };
      }
      if (cells.some((cell) => typeof cell === 'object' && cell !== null)) return { name, kind: 'json', values: cells };
      return { name, kind: 'text', values: cells.map((cell) => (cell === null ? null : String(cell))) };
    }),
  );
}
