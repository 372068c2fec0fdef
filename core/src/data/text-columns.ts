/** Turning columns of text cells into typed columns. */
import { dataError } from './data-errors.ts';
import type { ColumnKind, TableColumn } from './table.ts';

/** The kinds that cells of text can be read as. */
export type TextColumnKind = Exclude<ColumnKind, 'json'>;

const BOOLEANS: Readonly<Record<string, number>> = { true: 1, false: 0, True: 1, False: 0, TRUE: 1, FALSE: 0 };
const INT32_LIMIT = 2 ** 31;
const NUMBER_PATTERN = /^\s*[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf(inity)?|nan)\s*$/i;
const INTEGER_PATTERN = /^\s*[+-]?\d{1,19}\s*$/;

/** The narrowest kind that all cells fit: int32, float64 (where cells may be empty), bool, else text. */
export function inferColumnKind(cells: readonly string[]): TextColumnKind {
  let [canBool, canInteger, canNumber, numFilled] = [true, true, true, 0];
  for (const cell of cells) {
    if (cell === '') canBool = canInteger = false;
    else {
      numFilled++;
      canBool &&= Object.hasOwn(BOOLEANS, cell);
      canNumber &&= NUMBER_PATTERN.test(cell);
      canInteger &&= canNumber && isInt32(cell);
    }
    if (!canBool && !canNumber) return 'text';
  }
  if (numFilled === 0) return 'text';
  if (canBool) return 'bool';
  return canInteger ? 'int32' : 'float64';
}

/** Reads cells as a kind. @param place.firstRow  1-based number of the first cell's row, for messages
 *  @throws TF-DATA-010 with file, row and column for a cell that does not fit */
export function columnFromCells(
  name: string,
  kind: TextColumnKind,
  cells: readonly string[],
  place: { readonly subject: string; readonly fileName: string; readonly firstRow: number },
): TableColumn {
  const fail = (row: number, expected: string) =>
    dataError('TF-DATA-010', {
      subject: place.subject,
      expected,
      actual: `"${cells[row].slice(0, 40)}"`,
      location: `${place.fileName}, row ${place.firstRow + row}, column "${name}"`,
      hints: ['Correct the cell or give the column another kind.'],
    });
  switch (kind) {
    case 'text':
      return { name, kind, values: cells.map((cell) => (cell === '' ? null : cell)) };
    case 'float64': {
      const values = new Float64Array(cells.length);
      for (let row = 0; row < cells.length; row++) {
        const value = numberFromCell(cells[row]);
        if (value === undefined) throw fail(row, 'a number or nothing');
        values[row] = value;
      }
      return { name, kind, values };
    }
    case 'int32': {
      const values = new Int32Array(cells.length);
      for (let row = 0; row < cells.length; row++) {
        if (!isInt32(cells[row])) throw fail(row, 'an integer of 32 bits');
        values[row] = Number(cells[row]);
      }
      return { name, kind, values };
    }
    case 'int64': {
      const values = new BigInt64Array(cells.length);
      for (let row = 0; row < cells.length; row++) {
        const cell = cells[row].trim().replace(/^\+/, '');
        if (!INTEGER_PATTERN.test(cell) || BigInt.asIntN(64, BigInt(cell)) !== BigInt(cell)) {
          throw fail(row, 'an integer of 64 bits');
        }
        values[row] = BigInt(cell);
      }
      return { name, kind, values };
    }
    case 'bool': {
      const values = new Uint8Array(cells.length);
      for (let row = 0; row < cells.length; row++) {
        if (!Object.hasOwn(BOOLEANS, cells[row])) throw fail(row, 'true or false');
        values[row] = BOOLEANS[cells[row]];
      }
      return { name, kind, values };
    }
  }
}

function isInt32(cell: string): boolean {
  if (!INTEGER_PATTERN.test(cell)) return false;
  const value = Number(cell);
  return value >= -INT32_LIMIT && value < INT32_LIMIT && !Object.is(value, -0);
}

function numberFromCell(cell: string): number | undefined {
  if (cell === '') return NaN;
  const value = Number(cell);
  if (!Number.isNaN(value) && NUMBER_PATTERN.test(cell)) return value;
  if (!NUMBER_PATTERN.test(cell)) return undefined;
  if (/nan/i.test(cell)) return NaN;
  return cell.includes('-') ? -Infinity : Infinity;
}
