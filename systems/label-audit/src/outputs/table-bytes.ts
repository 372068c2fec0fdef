/** Tables as bytes of a file. */
import { extname } from 'node:path';
import { createMemorySink, writeCsv, writeParquet } from '@tenfold/core/data';
import type { Table } from '@tenfold/core/data';
import { labelError } from '../label-errors.ts';

export type TableFormat = 'csv' | 'parquet';

/** @throws TF-LABEL-005 unless the name ends in .csv or .parquet */
export function tableFormatOf(path: string, subject: string): TableFormat {
  const ending = extname(path).toLowerCase();
  if (ending === '.csv' || ending === '.parquet') return ending.slice(1) as TableFormat;
  throw labelError('TF-LABEL-005', {
    subject,
    expected: 'a file to write that ends in .csv or .parquet',
    actual: path,
    hints: ['Change the name after --out.'],
  });
}

export async function tableBytes(table: Table, format: TableFormat): Promise<Uint8Array> {
  const sink = createMemorySink();
  await (format === 'csv' ? writeCsv(sink, table) : writeParquet(sink, table));
  return sink.bytes();
}
