/** Columns of tables that are no features although they hold numbers or categories: row numbers, and labels under another name. */
import type { Diagnostic } from '@tenfold/core/base';
import { isRowCounter } from '@tenfold/core/data';
import type { Table, TableColumn } from '@tenfold/core/data';
import type { FeaturiserOptions } from './featuriser.ts';
import type { RawSamples } from './raw-samples.ts';

export interface LeftOut {
  readonly name: string;
  readonly reason: 'counter' | 'copy';
}

/** Agreement beyond chance from which a column that holds the classes is taken for labels; of two classes, which any yes-or-no
 *  question has, a good feature may reach more. */
const COPY_KAPPA = 0.5;
const COPY_KAPPA_OF_TWO = 0.75;

/** None where feature columns are named.  Row numbers would tell labelled from unlabelled rows and nothing else; a copy of the
 *  labels, such as a column of true ones, would be the answer.
 *  @param sets  labelled samples first */
export function leftOutColumns(sets: readonly RawSamples[], options: FeaturiserOptions): LeftOut[] {
  const tables = sets.flatMap(({ content }) => (content.kind === 'table' ? [content.table] : []));
  if (tables.length === 0 || options.text !== '' || options.columns.length > 0) return [];
  const labels = sets[0].labelCells;
  return tables[0].columns.flatMap((column): LeftOut[] => {
    const { name } = column;
    if (options.special.includes(name)) return [];
    if (isCounterIn(tables, name)) return [{ name, reason: 'counter' }];
    return labels !== undefined && isCopyOf(labels, column) ? [{ name, reason: 'copy' }] : [];
  });
}

export function leftOutWarning({ name, reason }: LeftOut): Diagnostic {
  const text = { counter: 'that numbers the rows', copy: 'that holds the classes and mostly agrees with the labels' };
  const option = { counter: '--id', copy: '--truth' };
  return {
    severity: 'warning',
    code: 'TF-SELF-010',
    subject: 'readSamplePair',
    expected: 'features',
    actual: `a column "${name}" ${text[reason]}; it is left out`,
    hints: [`Name it with ${option[reason]}, or name the feature columns with --columns to use it all the same.`],
  };
}

function isCounterIn(tables: readonly Table[], name: string): boolean {
  return tables.every((table) => table.columns.some((column) => column.name === name && isRowCounter(column)));
}

/** The same values as the labels, and the same one far more often than chance.
 *  Math: Cohen's kappa = (agreement − chance) / (1 − chance), so that a rare yes beside a rare yes is no copy. */
function isCopyOf(labels: ArrayLike<unknown>, { values }: TableColumn): boolean {
  const classes = countsOf(labels);
  const here = new Map<string, number>();
  let numBoth = 0;
  let numAgreeing = 0;
  for (let n = 0; n < labels.length; n++) {
    const [label, value] = [textOf(labels[n]), textOf(values[n])];
    if (label === '' || value === '') continue;
    if (!classes.has(value)) return false;
    here.set(value, (here.get(value) ?? 0) + 1);
    numBoth++;
    if (label === value) numAgreeing++;
  }
  if (numBoth === 0) return false;
  let numLabelled = 0;
  for (const count of classes.values()) numLabelled += count;
  let chance = 0;
  for (const [value, count] of here) chance += (count / numBoth) * (classes.get(value)! / numLabelled);
  const kappa = (numAgreeing / numBoth - chance) / (1 - chance);
  return kappa > (classes.size > 2 ? COPY_KAPPA : COPY_KAPPA_OF_TWO);
}

function countsOf(cells: ArrayLike<unknown>): Map<string, number> {
  const counts = new Map<string, number>();
  for (let n = 0; n < cells.length; n++) {
    const text = textOf(cells[n]);
    if (text !== '') counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return counts;
}

function textOf(cell: unknown): string {
  return Number.isNaN(cell) ? '' : String(cell ?? '');
}
