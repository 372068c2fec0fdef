/** Tables as typed columns: what CSV and Parquet give and take. */
import { nearestNameHints } from '../base/index.ts';
import { dataError } from './data-errors.ts';

/** Missing values: NaN in float64, null in text and json; the other kinds have none. */
export interface ColumnValues {
  float64: Float64Array;
  int32: Int32Array;
  int64: BigInt64Array;
  /** 0 or 1. */
  bool: Uint8Array;
  text: (string | null)[];
  /** Lists, records and other values that are not one cell. */
  json: unknown[];
}

export type ColumnKind = keyof ColumnValues;

export type TableColumn = {
  readonly [Kind in ColumnKind]: { readonly name: string; readonly kind: Kind; readonly values: ColumnValues[Kind] };
}[ColumnKind];

/** Invariant: every column has `numRows` values. */
export interface Table {
  readonly numRows: number;
  readonly columns: readonly TableColumn[];
}

/** The column of that name. @throws TF-DATA-007 with the nearest names if there is none */
export function columnOf(table: Table, name: string, subject = 'columnOf'): TableColumn {
  const found = table.columns.find((column) => column.name === name);
  if (found) return found;
  throw dataError('TF-DATA-007', {
    subject,
    expected: `a column "${name}"`,
    actual: 'none of that name',
    hints: nearestNameHints(
      name,
      table.columns.map((column) => column.name),
    ),
  });
}

/** A column's values as plain cells; row objects are made of these. */
export function rowsOf(table: Table): Record<string, unknown>[] {
  return Array.from({ length: table.numRows }, (_, row) =>
    Object.fromEntries(
      table.columns.map(({ name, kind, values }) => [name, kind === 'bool' ? values[row] === 1 : values[row]]),
    ),
  );
}

/** A table of columns. @throws TF-DATA-012 if their lengths differ or a name is there twice */
export function tableFromColumns(columns: readonly TableColumn[]): Table {
  const numRows = columns[0]?.values.length ?? 0;
  const seen = new Set<string>();
  for (const { name, values } of columns) {
    const isTwice = seen.has(name);
    seen.add(name);
    if (!isTwice && values.length === numRows) continue;
    throw dataError('TF-DATA-012', {
      subject: 'tableFromColumns',
      expected: isTwice ? 'every column name once' : `${numRows} values in column "${name}"`,
      actual: isTwice ? `"${name}" again` : `${values.length}`,
    });
  }
  return { numRows, columns };
}
