/** Reads latency matrices: square TSV or CSV with or without a header, and Markdown tables with bold row labels. */
import { familiesError } from '../families-errors.ts';

export interface LatencyMatrix {
  readonly names: readonly string[];
  /** ms[client][node]; asymmetric values are kept. */
  readonly ms: readonly Float64Array[];
}

/** @param unitMs  milliseconds per unit of the file (1000 for seconds) @throws TF-FAMILIES-014 with the cell */
export function parseLatencyMatrix(text: string, location: string, unitMs = 1): LatencyMatrix {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !/^[\s|:-]+$/.test(line));
  const rows = lines.map(splitLine);
  if (rows.length === 0) throw unreadable(location, 'a table', 'an empty file');
  const hasHeader = rows[0]!.slice(1).every((cell) => !isNumber(cell)) && rows[0]!.length > 1;
  const body = hasHeader ? rows.slice(1) : rows;
  const hasLabels = body.every((row) => !isNumber(row[0]!) && row[0] !== '');
  const values = body.map((row) => (hasLabels ? row.slice(1) : row));
  const size = values.length;
  const names = hasLabels
    ? body.map((row) => row[0]!.replaceAll('*', '').trim())
    : hasHeader
      ? rows[0]!.slice(-size)
      : values.map((_, index) => `host-${index}`);
  const ms = values.map((row, client) => {
    const cells = row.length === size + 1 && row[size] === '' ? row.slice(0, size) : row;
    if (cells.length !== size)
      throw unreadable(
        location,
        `${size} cells in row "${names[client]}", as there are ${size} rows`,
        String(cells.length),
      );
    return Float64Array.from(cells, (cell, node) => {
      const where = `row "${names[client]}", column "${names[node]}"`;
      if (cell === '' || cell === '-') {
        if (client === node) return 0;
        throw unreadable(`${location}, ${where}`, 'a number', 'an empty cell');
      }
      const value = Number(cell);
      if (!Number.isFinite(value) || value < 0)
        throw unreadable(`${location}, ${where}`, 'a number of at least 0', JSON.stringify(cell));
      return value * unitMs;
    });
  });
  return { names, ms };
}

function splitLine(line: string): string[] {
  if (line.trim().startsWith('|'))
    return line
      .trim()
      .replace(/^\||\|$/g, '')
      .split('|')
      .map((cell) => cell.trim());
  const separator = line.includes('\t') ? '\t' : /[,;]/.exec(line)?.[0];
  const cells = separator ? line.split(separator) : line.trim().split(/\s+/);
  return cells.map((cell) => cell.trim().replace(/^"|"$/g, ''));
}

function isNumber(cell: string): boolean {
  return cell !== '' && Number.isFinite(Number(cell));
}

function unreadable(location: string, expected: string, actual: string): Error {
  return familiesError('TF-FAMILIES-014', { subject: 'parseLatencyMatrix', expected, actual, location });
}
