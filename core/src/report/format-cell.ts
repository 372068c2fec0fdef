/** Cells as people read them; the same in terminal, Markdown, HTML and studio. */
import { formatBytes, formatCount, formatDuration, formatPercent, formatSignificant } from '../base/index.ts';
import type { Cell, Column, Figure } from './types.ts';

/** Significant digits of a number whose column names none. */
const DEFAULT_DIGITS = 4;

export type CellFormat = Pick<Column, 'format' | 'digits'>;

/** Text of a cell; null is an en dash, because an empty cell looks like a mistake. */
export function formatCell(cell: Cell | undefined, { format, digits }: CellFormat = {}): string {
  if (cell === null || cell === undefined) return '–';
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no';
  if (typeof cell === 'string') return cell;
  switch (format) {
    case 'percent':
      return formatPercent(cell, digits ?? 1);
    case 'bytes':
      return formatBytes(cell);
    case 'duration-ms':
      return formatDuration(cell);
    case 'count':
      return formatCount(cell);
    case 'text':
      return String(cell);
    case 'number':
    case undefined:
      return formatNumber(cell, digits);
  }
}

/** `13 sets`, `98.6 %`. */
export function formatFigure(figure: Figure): string {
  const text = formatCell(figure.value, figure);
  return figure.unit === undefined ? text : `${text} ${figure.unit}`;
}

/** `latency (ms)`. */
export function columnHeader(column: Column): string {
  return column.unit === undefined ? column.label : `${column.label} (${column.unit})`;
}

/** Numbers stand right, so that their digits line up. */
export function isRightAligned(column: Column, cells: readonly (Cell | undefined)[]): boolean {
  if (column.format === 'text') return false;
  return cells.some((cell) => typeof cell === 'number') && !cells.some((cell) => typeof cell === 'string');
}

function formatNumber(value: number, digits: number | undefined): string {
  if (!Number.isFinite(value)) return String(value);
  if (digits !== undefined) return value.toFixed(digits);
  return Number.isInteger(value) && Math.abs(value) < 1e15 ? String(value) : formatSignificant(value, DEFAULT_DIGITS);
}
