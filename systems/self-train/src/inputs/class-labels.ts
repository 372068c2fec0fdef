/** Class names and numbers. */
import { nearestNameHints } from '@tenfold/core/base';
import { selfTrainError } from '../self-train-errors.ts';

/** Label of rows without one. */
export const NO_LABEL = -1;

const isMissing = (cell: unknown): boolean =>
  cell === null || cell === undefined || Number.isNaN(cell) || String(cell).trim() === '';

/** With more classes of which most have one sample, the labels are measurements or names. */
const MAX_LONE_CLASSES = 20;
const NUM_LISTED = 8;

/** Names in order: numbers by value, others by letters.
 *  @throws TF-SELF-001 with fewer than two, or where labels hardly repeat */
export function classNamesOf(cells: ArrayLike<unknown>, location?: string): string[] {
  const counts = new Map<string, number>();
  for (let n = 0; n < cells.length; n++) {
    if (!isMissing(cells[n])) counts.set(String(cells[n]), (counts.get(String(cells[n])) ?? 0) + 1);
  }
  const names = [...counts.keys()];
  const numAlone = names.filter((name) => counts.get(name) === 1).length;
  if (numAlone > MAX_LONE_CLASSES && numAlone > names.length / 2) {
    throw selfTrainError('TF-SELF-001', {
      subject: 'classNamesOf',
      expected: 'labels that repeat',
      actual: `${names.length} different ones, ${numAlone} of them once, such as "${names[0]}"`,
      ...(location !== undefined && { location }),
      hints: ['These look like measurements or names of samples, not classes. Name another column with --label.'],
    });
  }
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
      expected: `one of ${classNames.slice(0, NUM_LISTED).join(', ')}${classNames.length > NUM_LISTED ? ', …' : ''}`,
      actual: `"${String(cells[n])}"`,
      location: `row ${n}`,
      hints: nearestNameHints(String(cells[n]), classNames),
    });
  });
}
