/** How raw samples become inputs of the network. The description is plain JSON, kept beside the weights, so that new samples
 *  are treated as those of the training were. Scaling uses labelled and unlabelled samples alike. */
import { columnOf } from '@tenfold/core/data';
import type { Table, TableColumn } from '@tenfold/core/data';
import { selfTrainError } from '../self-train-errors.ts';
import type { Features } from '../types.ts';
import type { RawSamples } from './raw-samples.ts';
import { countTerms, weighTerms } from './tf-idf.ts';

export type Featuriser =
  | { readonly kind: 'numbers'; readonly columns: readonly ColumnRule[] }
  | {
      readonly kind: 'text';
      readonly column: string;
      readonly terms: readonly string[];
      readonly idf: readonly number[];
    }
  | { readonly kind: 'images'; readonly sidePx: number; readonly width: number }
  | { readonly kind: 'array'; readonly mean: readonly number[]; readonly scale: readonly number[] };

/** A number is scaled, a category becomes one input for each of its values. */
type ColumnRule =
  | { readonly name: string; readonly mean: number; readonly scale: number }
  | { readonly name: string; readonly categories: readonly string[] };

export interface FeaturiserOptions {
  /** Text column; '' for none. */
  readonly text: string;
  /** Feature columns; empty for all that are left. */
  readonly columns: readonly string[];
  /** Columns that are no features. */
  readonly special: readonly string[];
}

/** A category column with more values than this is taken for a name, not a feature. */
const MAX_CATEGORIES = 50;

/** @throws TF-SELF-002 if labelled and unlabelled samples are of different kinds, TF-SELF-005 without a feature column */
export function fitFeaturiser(sets: readonly RawSamples[], options: FeaturiserOptions): Featuriser {
  const [first] = sets;
  for (const { name, content } of sets) {
    if (content.kind === first.content.kind) continue;
    throw selfTrainError('TF-SELF-002', {
      subject: 'fitFeaturiser',
      expected: `labelled and unlabelled samples of one kind (${first.content.kind}, as "${first.name}")`,
      actual: content.kind,
      location: name,
    });
  }
  if (first.content.kind === 'images') {
    return { kind: 'images', sidePx: first.content.sidePx, width: first.content.x.width };
  }
  if (first.content.kind === 'array') {
    const width = first.content.x.width;
    const columns = Array.from({ length: width }, (_, a) =>
      scaleOf(sets.flatMap(({ content }) => (content.kind === 'array' ? [columnIn(content.x, a)] : []))),
    );
    return { kind: 'array', mean: columns.map(({ mean }) => mean), scale: columns.map(({ scale }) => scale) };
  }
  const tables = sets.map(({ content }) => (content as { readonly table: Table }).table);
  if (options.text !== '') {
    const texts = tables.flatMap((table) => textsOf(columnOf(table, options.text, 'self-train')));
    return { kind: 'text', column: options.text, ...countTerms(texts) };
  }
  return { kind: 'numbers', columns: columnRules(tables, options) };
}

function columnRules(tables: readonly Table[], { columns, special }: FeaturiserOptions): ColumnRule[] {
  const [first, ...others] = tables;
  const isShared = (name: string) => others.every((table) => table.columns.some((column) => column.name === name));
  const wanted =
    columns.length > 0
      ? columns
      : first.columns.map(({ name }) => name).filter((name) => !special.includes(name) && isShared(name));
  const rules: ColumnRule[] = [];
  for (const name of wanted) {
    const found = tables.map((table) => columnOf(table, name, 'self-train'));
    if (found.every(({ kind }) => kind !== 'text' && kind !== 'json')) {
      rules.push({
        name,
        ...scaleOf(found.map(({ values }) => Float64Array.from(values as ArrayLike<unknown>, numberOf))),
      });
      continue;
    }
    const categories = [...new Set(found.flatMap(textsOf))].toSorted();
    if (columns.length > 0 || categories.length <= MAX_CATEGORIES) rules.push({ name, categories });
  }
  if (rules.length > 0) return rules;
  throw selfTrainError('TF-SELF-005', {
    subject: 'fitFeaturiser',
    expected: 'a column of numbers or categories beside the label, in both tables',
    actual: first.columns.map(({ name }) => name).join(', '),
    hints: ['Name a text column with --text, or feature columns with --columns.'],
  });
}

/** @throws TF-SELF-002 for samples of another kind or width, TF-SELF-003 naming a row with a value that is no number */
export function featurise(featuriser: Featuriser, { name, content }: RawSamples): Features {
  const isTable = featuriser.kind === 'numbers' || featuriser.kind === 'text';
  if (isTable !== (content.kind === 'table') || (!isTable && content.kind !== featuriser.kind)) {
    throw sizeError(name, `samples of the kind "${featuriser.kind}"`, content.kind);
  }
  if (content.kind === 'table') return fromTable(featuriser, content.table, name);
  const { x } = content;
  const width = featuriser.kind === 'array' ? featuriser.mean.length : (featuriser as { readonly width: number }).width;
  if (x.width !== width) throw sizeError(name, `samples of ${width} numbers`, `${x.width}`);
  const bad = x.data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw selfTrainError('TF-SELF-003', {
      subject: 'featurise',
      expected: 'finite numbers',
      actual: `${x.data[bad]}`,
      location: `${name}, row ${Math.floor(bad / width)}, column ${bad % width}`,
    });
  }
  if (featuriser.kind !== 'array') return x;
  return { ...x, data: x.data.map((value, i) => (value - featuriser.mean[i % width]) * featuriser.scale[i % width]) };
}

function fromTable(featuriser: Featuriser, table: Table, name: string): Features {
  const { numRows } = table;
  if (featuriser.kind === 'text') {
    const texts = textsOf(columnOf(table, featuriser.column, 'self-train'));
    return { numRows, width: featuriser.terms.length, data: weighTerms(texts, featuriser) };
  }
  const columns = (featuriser as { readonly columns: readonly ColumnRule[] }).columns;
  const width = columns.reduce((sum, rule) => sum + ('categories' in rule ? rule.categories.length : 1), 0);
  const data = new Float32Array(numRows * width);
  let place = 0;
  for (const rule of columns) {
    const column = columnOf(table, rule.name, 'self-train');
    if ('categories' in rule) {
      textsOf(column).forEach((cell, n) => {
        const at = rule.categories.indexOf(cell);
        if (at >= 0) data[n * width + place + at] = 1;
      });
      place += rule.categories.length;
      continue;
    }
    // A missing number becomes the mean.
    for (let n = 0; n < numRows; n++) {
      const value = numberOf(column.values[n]);
      if (Math.abs(value) === Infinity) {
        throw selfTrainError('TF-SELF-003', {
          subject: 'featurise',
          expected: 'finite numbers or empty cells',
          actual: `${value}`,
          location: `${name}, row ${n}, column "${rule.name}"`,
        });
      }
      data[n * width + place] = Number.isNaN(value) ? 0 : (value - rule.mean) * rule.scale;
    }
    place++;
  }
  return { numRows, width, data };
}

/** Empty cells of columns that are scaled, over all sets. */
export function emptyCells(
  featuriser: Featuriser,
  sets: readonly RawSamples[],
): readonly { readonly name: string; readonly count: number }[] {
  if (featuriser.kind !== 'numbers') return [];
  return featuriser.columns.flatMap((rule) => {
    if ('categories' in rule) return [];
    let count = 0;
    for (const { content } of sets) {
      if (content.kind !== 'table') continue;
      const { values } = columnOf(content.table, rule.name, 'self-train');
      for (let n = 0; n < values.length; n++) if (Number.isNaN(numberOf(values[n]))) count++;
    }
    return count === 0 ? [] : [{ name: rule.name, count }];
  });
}

/** NaN for an empty cell. */
const numberOf = (cell: unknown): number => (cell === null || cell === undefined || cell === '' ? NaN : Number(cell));

function scaleOf(parts: readonly ArrayLike<number>[]): { readonly mean: number; readonly scale: number } {
  let [count, sum, squares] = [0, 0, 0];
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) {
      if (!Number.isFinite(part[i])) continue;
      count++;
      sum += part[i];
    }
  }
  const mean = sum / Math.max(1, count);
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) if (Number.isFinite(part[i])) squares += (part[i] - mean) ** 2;
  }
  const deviation = Math.sqrt(squares / Math.max(1, count));
  return { mean, scale: deviation > 1e-9 * Math.max(1, Math.abs(mean)) ? 1 / deviation : 0 };
}

function columnIn({ numRows, width, data }: Features, column: number): Float64Array {
  return Float64Array.from({ length: numRows }, (_, n) => data[n * width + column]);
}

function textsOf({ values }: TableColumn): string[] {
  return Array.from(values as ArrayLike<unknown>, (cell) => String(cell ?? ''));
}

function sizeError(location: string, expected: string, actual: string) {
  return selfTrainError('TF-SELF-002', { subject: 'featurise', expected, actual, location });
}
