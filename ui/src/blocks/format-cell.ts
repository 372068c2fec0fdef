/** Cells as people read them; the same column gives the same text everywhere. */
import { formatBytes, formatCount, formatDuration, formatPercent, formatSignificant } from '@tenfold/core/base';
import type { Cell, Column } from '@tenfold/core/report';

export type CellFormat = Pick<Column, 'format' | 'digits'>;

const DEFAULT_DIGITS = 4;

export function formatCell(value: Cell | undefined, { format, digits }: CellFormat = {}): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'string') return value;
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '∞' : '−∞';
  switch (format) {
    case 'percent':
      return formatPercent(value, digits);
    case 'bytes':
      return formatBytes(value);
    case 'duration-ms':
      return formatDuration(value);
    case 'count':
      return formatCount(value);
    case 'text':
      return String(value);
    default:
      return digits === undefined ? formatSignificant(value, DEFAULT_DIGITS) : withGroups(value.toFixed(digits));
  }
}

function withGroups(text: string): string {
  const [whole, fraction] = text.split('.');
  return `${whole!.replace(/\B(?=(\d{3})+(?!\d))/g, ',')}${fraction === undefined ? '' : `.${fraction}`}`;
}
