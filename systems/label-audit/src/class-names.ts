/** Labels of any spelling as classes 0 … K−1. */
import { nearestNameHints } from '@tenfold/core/base';
import type { Diagnostic } from '@tenfold/core/base';
import { labelError } from './label-errors.ts';

/** Stands in `labels` for a missing label. */
export const MISSING_LABEL = -1;
const NUM_LISTED = 5;

export interface EncodedLabels {
  /** [N] classes, or MISSING_LABEL. */
  readonly labels: Int32Array;
  readonly classNames: readonly string[];
  readonly warnings: readonly Diagnostic[];
}

/** Encodes labels; without given names whole numbers are ordered by value and texts alphabetically.
 *  @param cells  numbers, texts, or null/NaN where a label is missing
 *  @param options.classNames  in the order of the probability columns
 *  @param options.numClasses  whole-number labels are then column numbers 0 … K−1
 *  @throws TF-LABEL-003 with the first five rows whose label is not known, TF-LABEL-004 for fewer than two classes */
export function encodeLabels(
  cells: ArrayLike<unknown>,
  options: { readonly classNames?: readonly string[]; readonly numClasses?: number } = {},
): EncodedLabels {
  const texts = Array.from(cells, textOf);
  const distinct = [...new Set(texts.filter((text) => text !== undefined))];
  const isWhole = distinct.every((text) => /^-?\d+$/.test(text));
  const classNames =
    options.classNames ??
    (options.numClasses !== undefined && isWhole
      ? Array.from({ length: options.numClasses }, (_, k) => String(k))
      : distinct.sort(isWhole ? (a, b) => Number(a) - Number(b) : undefined));
  if (options.numClasses !== undefined && classNames.length !== options.numClasses) {
    throw labelError('TF-LABEL-003', {
      subject: 'encodeLabels',
      expected: `as many classes as the ${options.numClasses} probability columns`,
      actual: `${classNames.length} (${classNames.slice(0, NUM_LISTED).join(', ')}${classNames.length > NUM_LISTED ? ', …' : ''})`,
      hints: ['Pass all class names in column order with --classes.'],
    });
  }
  if (classNames.length < 2) {
    throw labelError('TF-LABEL-004', {
      subject: 'encodeLabels',
      expected: 'labels of at least two classes',
      actual: classNames.length === 0 ? 'no label' : `only "${classNames[0]}"`,
    });
  }
  const classOf = new Map(classNames.map((name, k) => [name, k]));
  const unknownRows: number[] = [];
  const labels = Int32Array.from(texts, (text, row) => {
    if (text === undefined) return MISSING_LABEL;
    const known = classOf.get(text);
    if (known === undefined) unknownRows.push(row);
    return known ?? MISSING_LABEL;
  });
  if (unknownRows.length > 0) {
    const first = texts[unknownRows[0]]!;
    throw labelError('TF-LABEL-003', {
      subject: 'encodeLabels',
      expected: `labels among the ${classNames.length} classes`,
      actual: `"${first}" (${unknownRows.length} unknown)`,
      location: `rows ${unknownRows.slice(0, NUM_LISTED).join(', ')}${unknownRows.length > NUM_LISTED ? ', …' : ''}`,
      hints: nearestNameHints(first, classNames),
    });
  }
  return { labels, classNames, warnings: spellingWarnings(classNames) };
}

function textOf(cell: unknown): string | undefined {
  if (cell === null || cell === undefined || cell === '' || Number.isNaN(cell)) return undefined;
  return String(cell);
}

/** Classes that differ in case and spaces only are probably one. */
function spellingWarnings(classNames: readonly string[]): Diagnostic[] {
  const bySpelling = new Map<string, string[]>();
  for (const name of classNames) {
    const key = name
      .trim()
      .toLowerCase()
      .replace(/[\s_-]+/g, ' ');
    bySpelling.set(key, [...(bySpelling.get(key) ?? []), name]);
  }
  return [...bySpelling.values()]
    .filter((names) => names.length > 1)
    .map((names) => ({
      severity: 'warning',
      code: 'TF-LABEL-003',
      subject: 'encodeLabels',
      expected: 'one spelling of each class',
      actual: names.map((name) => `"${name}"`).join(', '),
      hints: ['Merge them if they mean the same class.'],
    }));
}
