/** What a classifier learns from in a table: TF-IDF of a text, or its numeric columns without those that would give the
 *  answer away. */
import type { Diagnostic } from '@tenfold/core/base';
import { columnOf, isRowCounter } from '@tenfold/core/data';
import type { Table, TableColumn } from '@tenfold/core/data';
import type { Tensor } from '@tenfold/core/tensor';
import { labelError } from '../label-errors.ts';
import { AUDIT_COLUMNS } from '../outputs/corrected-table.ts';
import type { Features } from '../types.ts';
import { standardise } from './standardise.ts';
import type { Scaling } from './standardise.ts';
import { tfIdf } from './tf-idf.ts';

export interface ModelInput {
  readonly x?: Tensor<'float32'>;
  /** How the columns of x were scaled; absent for texts. */
  readonly scaling?: Scaling;
  /** Column names or terms. */
  readonly inputNames?: readonly string[];
  readonly warnings?: readonly Diagnostic[];
}

/** Written by the verb `noise` beside the labels that it changed. */
export const TRUE_LABEL_COLUMN = 'true_label';
/** Agreement beyond chance from which a column that holds the classes is taken for labels; of two classes, which any yes-or-no
 *  question has, a good feature may reach more. */
const COPY_KAPPA = 0.5;
const COPY_KAPPA_OF_TWO = 0.75;
const NUM_LISTED = 5;

/** @param from.columns  names that are used whatever they hold; default all numeric ones that may be features */
export function modelInput(
  table: Table,
  from: {
    readonly textColumn: TableColumn | undefined;
    readonly columns: readonly string[];
    readonly special: ReadonlySet<string>;
    readonly labelColumn: TableColumn;
  },
): ModelInput {
  if (from.textColumn !== undefined) {
    const { features, terms } = tfIdf(Array.from(from.textColumn.values, (cell) => String(cell ?? '')));
    return { x: tensorOf(features), inputNames: terms };
  }
  const warnings: Diagnostic[] = [];
  const columns =
    from.columns.length > 0
      ? from.columns.map((name) => columnOf(table, name, 'label-audit'))
      : table.columns
          .filter(({ name, kind }) => !from.special.has(name) && kind !== 'text' && kind !== 'json')
          .filter((column) => {
            const reason = whyNoFeature(column, from.labelColumn);
            if (reason !== undefined) warnings.push(leftOutWarning(column.name, reason));
            return reason === undefined;
          });
  if (columns.length === 0) return { warnings };
  const raw = featuresFromColumns(columns, table.numRows);
  warnings.push(...emptyCellWarnings(columns, raw));
  const { features, scaling } = standardise(raw);
  return { x: tensorOf(features), scaling, inputNames: columns.map(({ name }) => name), warnings };
}

export function tensorOf({ numRows, width, data }: Features): Tensor<'float32'> {
  return { dtype: 'float32', shape: [numRows, width], data };
}

interface Reason {
  readonly text: string;
  readonly hint: string;
}

/** A row number would be learned as a feature, as labels often stand in the file in order; labels, true or corrected, would be
 *  the answer. */
function whyNoFeature(column: TableColumn, labelColumn: TableColumn): Reason | undefined {
  const { name } = column;
  const anyway = 'name the feature columns with --columns to use it all the same.';
  if (isRowCounter(column)) return { text: 'that numbers the rows', hint: `Name it with --id, or ${anyway}` };
  if (name === TRUE_LABEL_COLUMN)
    return { text: 'of true labels', hint: `Measure the audit with --truth ${name}, or ${anyway}` };
  if (AUDIT_COLUMNS.includes(name))
    return { text: 'that an earlier audit wrote', hint: `If it is a feature, ${anyway}` };
  if (isCopyOfLabels(column, labelColumn))
    return {
      text: 'that holds the classes and mostly agrees with the labels',
      hint: `If these are true labels, measure the audit with --truth ${JSON.stringify(name)}; if not, ${anyway}`,
    };
  return undefined;
}

/** The same values as the labels, and the same one far more often than chance.
 *  Math: Cohen's kappa = (agreement − chance) / (1 − chance), so that a rare yes beside a rare yes is no copy. */
function isCopyOfLabels({ values }: TableColumn, { values: labels }: TableColumn): boolean {
  const numLabelled = new Map<string, number>();
  for (let i = 0; i < labels.length; i++) if (!isEmpty(labels[i])) countOne(numLabelled, String(labels[i]));
  const numHere = new Map<string, number>();
  let numBoth = 0;
  let numAgreeing = 0;
  for (let i = 0; i < values.length; i++) {
    if (isEmpty(values[i]) || isEmpty(labels[i])) continue;
    const text = String(values[i]);
    if (!numLabelled.has(text)) return false;
    countOne(numHere, text);
    numBoth++;
    if (text === String(labels[i])) numAgreeing++;
  }
  let chance = 0;
  for (const [text, count] of numHere) chance += (count / numBoth) * (numLabelled.get(text)! / labels.length);
  const kappa = (numAgreeing / numBoth - chance) / (1 - chance);
  return kappa > (numLabelled.size > 2 ? COPY_KAPPA : COPY_KAPPA_OF_TWO);
}

function countOne(counts: Map<string, number>, text: string): void {
  counts.set(text, (counts.get(text) ?? 0) + 1);
}

function isEmpty(cell: unknown): boolean {
  return cell === null || cell === undefined || cell === '' || Number.isNaN(cell);
}

function leftOutWarning(name: string, { text, hint }: Reason): Diagnostic {
  return {
    severity: 'warning',
    code: 'TF-LABEL-009',
    subject: 'readSamples',
    expected: 'features',
    actual: `a column "${name}" ${text}; it is left out`,
    hints: [hint],
  };
}

function featuresFromColumns(columns: readonly TableColumn[], numRows: number): Features {
  const width = columns.length;
  const data = new Float32Array(numRows * width);
  columns.forEach(({ name, values }, a) => {
    for (let i = 0; i < numRows; i++) {
      const value = Number(values[i] ?? NaN);
      if (Math.abs(value) === Infinity) {
        throw labelError('TF-LABEL-006', {
          subject: 'readSamples',
          expected: 'finite features or empty cells',
          actual: String(value),
          location: `row ${i}, column "${name}"`,
        });
      }
      data[i * width + a] = value;
    }
  });
  return { numRows, width, data };
}

function emptyCellWarnings(columns: readonly TableColumn[], { data, width, numRows }: Features): Diagnostic[] {
  const counts = new Uint32Array(width);
  for (let at = 0; at < data.length; at++) if (Number.isNaN(data[at])) counts[at % width]++;
  const found = columns.map(({ name }, a) => ({ name, count: counts[a] })).filter(({ count }) => count > 0);
  if (found.length === 0) return [];
  const listed = found.slice(0, NUM_LISTED).map(({ name, count }) => `${count} of ${numRows} in "${name}"`);
  return [
    {
      severity: 'warning',
      code: 'TF-LABEL-011',
      subject: 'readSamples',
      expected: 'a number in every cell of a feature',
      actual: `empty ones: ${listed.join(', ')}${found.length > listed.length ? ', …' : ''}; each counts as the mean of its column`,
    },
  ];
}
