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

export interface EncodeOptions {
  /** In the order of the probability columns. Labels that are whole numbers and no names of theirs are column numbers. */
  readonly classNames?: readonly string[];
  /** Whole-number labels are then column numbers 0 … K−1. */
  readonly numClasses?: number;
}

/** Encodes labels; without given names whole numbers are ordered by value and texts alphabetically.
 *  @param cells  numbers, texts, or null/NaN where a label is missing
 *  @throws TF-LABEL-003 with the first five rows whose label is not known, TF-LABEL-004 for fewer than two classes */
export function encodeLabels(cells: ArrayLike<unknown>, options: EncodeOptions = {}): EncodedLabels {
  const isNumeric = ArrayBuffer.isView(cells);
  const distinct = isNumeric ? distinctNumbers(cells as unknown as ArrayLike<number>) : distinctTexts(cells);
  const isWhole = distinct.every((text) => /^-?\d+$/.test(text));
  const classNames =
    options.classNames ??
    (options.numClasses !== undefined && isWhole
      ? Array.from({ length: options.numClasses }, (_, k) => String(k))
      : distinct.toSorted(isWhole ? (a, b) => Number(a) - Number(b) : undefined));
  assertClassCount(classNames, options.numClasses);
  const classOf = new Map(classNames.map((name, k) => [name, k]));
  // Whole numbers beside names from elsewhere are columns.
  const isColumn = isWhole && !distinct.some((text) => classOf.has(text));
  if (isColumn) classNames.forEach((_, k) => classOf.set(String(k), k));
  const unknownRows: number[] = [];
  const labelOf = (text: string | undefined, row: number) => {
    if (text === undefined) return MISSING_LABEL;
    const known = classOf.get(text);
    if (known === undefined) unknownRows.push(row);
    return known ?? MISSING_LABEL;
  };
  const labels = isNumeric
    ? encodeNumbers(cells as unknown as ArrayLike<number>, labelOf)
    : Int32Array.from(cells, (cell, row) => labelOf(textOf(cell), row));
  if (unknownRows.length > 0) {
    const first = String(cells[unknownRows[0]]);
    throw labelError('TF-LABEL-003', {
      subject: 'encodeLabels',
      expected: `labels among the ${classNames.length} classes`,
      actual: `"${first}" (${unknownRows.length} unknown)`,
      location: `rows ${unknownRows.slice(0, NUM_LISTED).join(', ')}${unknownRows.length > NUM_LISTED ? ', …' : ''}`,
      hints: isWhole ? numberHints(distinct, classNames) : nearestNameHints(first, classNames),
    });
  }
  return { labels, classNames, warnings: [...spellingWarnings(classNames), ...nothingWarnings(classNames)] };
}

/** Numbers are counted from elsewhere, or stand for a missing label; near ones are no misspellings. */
function numberHints(distinct: readonly string[], classNames: readonly string[]): string[] {
  const numbers = distinct.map(Number).sort((a, b) => a - b);
  const lowest = numbers[0];
  if (lowest === 1 && classNames[0] === '0' && numbers.at(-1) === classNames.length)
    return ['Classes count from 0: subtract 1 from every label.'];
  if (lowest < 0) return ['Write a missing label as an empty cell or NaN.'];
  return [`Known: ${classNames.slice(0, NUM_LISTED).join(', ')}${classNames.length > NUM_LISTED ? ', …' : ''}.`];
}

function assertClassCount(classNames: readonly string[], numClasses: number | undefined): void {
  if (numClasses !== undefined && classNames.length !== numClasses) {
    throw labelError('TF-LABEL-003', {
      subject: 'encodeLabels',
      expected: `as many classes as the ${numClasses} probability columns`,
      actual: `${classNames.length} (${classNames.slice(0, NUM_LISTED).join(', ')}${classNames.length > NUM_LISTED ? ', …' : ''})`,
      hints: ['Pass all class names in column order with --classes.'],
    });
  }
  if (new Set(classNames).size < classNames.length) {
    const repeated = classNames.find((name, k) => classNames.indexOf(name) !== k);
    throw labelError('TF-LABEL-003', {
      subject: 'encodeLabels',
      expected: 'class names that differ',
      actual: `"${repeated}" twice`,
    });
  }
  if (classNames.length >= 2) return;
  throw labelError('TF-LABEL-004', {
    subject: 'encodeLabels',
    expected: 'labels of at least two classes',
    actual: classNames.length === 0 ? 'no label' : `only "${classNames[0]}"`,
  });
}

function distinctTexts(cells: ArrayLike<unknown>): string[] {
  const found = new Set<string>();
  for (let i = 0; i < cells.length; i++) {
    const text = textOf(cells[i]);
    if (text !== undefined) found.add(text);
  }
  return [...found];
}

/** Millions of numbers without a text for each. */
function distinctNumbers(cells: ArrayLike<number>): string[] {
  const found = new Set<number>();
  for (let i = 0; i < cells.length; i++) found.add(cells[i]);
  found.delete(NaN);
  return [...found].map(String);
}

function encodeNumbers(
  cells: ArrayLike<number>,
  labelOf: (text: string | undefined, row: number) => number,
): Int32Array {
  const labels = new Int32Array(cells.length);
  const known = new Map<number, number>();
  for (let i = 0; i < cells.length; i++) {
    let label = known.get(cells[i]);
    if (label === undefined) {
      label = labelOf(textOf(cells[i]), i);
      if (label !== MISSING_LABEL) known.set(cells[i], label);
    }
    labels[i] = label;
  }
  return labels;
}

function textOf(cell: unknown): string | undefined {
  if (cell === null || cell === undefined || Number.isNaN(cell)) return undefined;
  const text = String(cell);
  return text.trim() === '' ? undefined : text;
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

/** What programs write where there is nothing. */
const NOTHING = new Set(['nan', 'null', '<na>', 'n/a']);

function nothingWarnings(classNames: readonly string[]): Diagnostic[] {
  const found = classNames.filter((name) => NOTHING.has(name.trim().toLowerCase()));
  return found.map((name) => ({
    severity: 'warning',
    code: 'TF-LABEL-003',
    subject: 'encodeLabels',
    expected: 'an empty cell where a label is missing',
    actual: `a class named "${name}"`,
    hints: ['Empty these cells, so that they are not audited as a class of their own.'],
  }));
}
