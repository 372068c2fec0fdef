/** Order of table rows by one column: numbers by value, text by natural order, empty cells last. */
import type { Cell } from '@tenfold/core/report';

export interface SortOrder {
  readonly key: string;
  readonly descending: boolean;
}

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/** @returns indices into rows; a stable order, the given one where `order` is undefined. Mutates: nothing. */
export function sortedRowIndices(
  rows: readonly Readonly<Record<string, Cell>>[],
  order: SortOrder | undefined,
): readonly number[] {
  const indices = rows.map((_, index) => index);
  if (!order) return indices;
  const sign = order.descending ? -1 : 1;
  return indices.sort((a, b) => {
    const first = rows[a]![order.key] ?? null;
    const second = rows[b]![order.key] ?? null;
    if (first === null || second === null) return first === second ? a - b : first === null ? 1 : -1;
    return sign * compareCells(first, second) || a - b;
  });
}

function compareCells(a: Exclude<Cell, null>, b: Exclude<Cell, null>): number {
  if (typeof a === 'string' || typeof b === 'string') return collator.compare(String(a), String(b));
  return Number(a) - Number(b);
}
