/** Class names and numbers. */
import { nearestNameHints } from '@tenfold/core/base';
import { selfTrainError } from '../self-train-errors.ts';

/** Label of rows without one. */
export const NO_LABEL = -1;

const isMissing = (cell: unknown): boolean => cell === null || cell === undefined || cell === '' || Number.isNaN(cell);

/** Names in order: numbers by value, others by letters. @throws TF-SELF-001 with fewer than two */
export function classNamesOf(cells: ArrayLike<unknown>): string[] {
  const names = [
    ...new Set(
      Array.from(cells)
        .filter((cell) => !isMissing(cell))
        .map(String),
    ),
  ];
  if (names.length < 2) {
    throw selfTrainError('TF-SELF-001', {
      subject: 'classNamesOf',
      expected: 'at least two classes among the labels',
      actual: names.length === 0 ? 'no label' : `only "${names[0]}"`,
    });
  }
  const areNumbers = names.every((name) => Number.isFinite(Number(name)));
  return names.toSorted(areNumbers ? (a, b) => Number(a) - Number(b) : undefined);
}

/** @param options.onUnknown  what a label that is no class becomes: an error, or no label (truth of another class list)
 *  @throws TF-SELF-004 naming the first row with an unknown label */
export function encodeLabels(
  cells: ArrayLike<unknown>,
  classNames: readonly string[],
  { onUnknown = 'error' }: { readonly onUnknown?: 'error' | 'no label' } = {},
): Int32Array {
  const classOf = new Map(classNames.map((name, c) => [name, c]));
  return Int32Array.from({ length: cells.length }, (_, n) => {
    if (isMissing(cells[n])) return NO_LABEL;
    const label = classOf.get(String(cells[n]));
    if (label !== undefined) return label;
    if (onUnknown === 'no label') return NO_LABEL;
    throw selfTrainError('TF-SELF-004', {
      subject: 'encodeLabels',
      expected: `one of ${classNames.join(', ')}`,
      actual: `"${String(cells[n])}"`,
      location: `row ${n}`,
      hints: nearestNameHints(String(cells[n]), classNames),
    });
  });
}
