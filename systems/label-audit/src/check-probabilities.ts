/** Probabilities and labels as they come from files, checked before anything is computed. */
import type { Diagnostic } from '@tenfold/core/base';
import { labelError } from './label-errors.ts';
import type { Probabilities } from './types.ts';

/** Rows that miss 1 by more are scaled to 1, with a warning. */
const SUM_TOLERANCE = 1e-3;
/** Rows that miss 1 by more are refused: these are scores, not probabilities. */
const SUM_LIMIT = 0.1;
const NUM_LISTED = 5;

/** @returns the probabilities themselves, or a copy with rows scaled to sum 1 (then with a warning)
 *  @throws TF-LABEL-001 with the row for NaN, negative numbers or sums off by more than 0.1; TF-LABEL-004 for K < 2 */
export function checkProbabilities(probabilities: Probabilities): {
  probabilities: Probabilities;
  warnings: Diagnostic[];
} {
  const { data, numRows, numClasses } = probabilities;
  if (numClasses < 2) {
    throw labelError('TF-LABEL-004', {
      subject: 'checkProbabilities',
      expected: 'at least two classes',
      actual: `${numClasses} column${numClasses === 1 ? '' : 's'}`,
    });
  }
  const inexact: number[] = [];
  let numInexact = 0;
  for (let i = 0, at = 0; i < numRows; i++) {
    let sum = 0;
    for (let k = 0; k < numClasses; k++, at++) {
      const p = data[at];
      if (!(p >= 0)) throw rowError(i, 'probabilities ≥ 0', `${p} in column ${k}`);
      sum += p;
    }
    const deviation = Math.abs(sum - 1);
    if (!(deviation <= SUM_LIMIT)) throw rowError(i, 'a row that sums to 1', `sum ${sum.toPrecision(6)}`);
    if (deviation <= SUM_TOLERANCE) continue;
    numInexact++;
    if (inexact.length < NUM_LISTED) inexact.push(i);
  }
  if (numInexact === 0) return { probabilities, warnings: [] };
  return {
    probabilities: { ...probabilities, data: normalisedRows(probabilities) },
    warnings: [
      {
        severity: 'warning',
        code: 'TF-LABEL-001',
        subject: 'checkProbabilities',
        expected: 'rows that sum to 1 within 0.001',
        actual: `${numInexact} rows that do not; they were scaled`,
        location: `rows ${inexact.join(', ')}${numInexact > inexact.length ? ', …' : ''}`,
      },
    ],
  };
}

/** @throws TF-LABEL-002 unless there is one label per row */
export function assertSameLength(subject: string, numLabels: number, numRows: number, what: string): void {
  if (numLabels === numRows) return;
  throw labelError('TF-LABEL-002', {
    subject,
    expected: `one row of ${what} for each of the ${numLabels} labels`,
    actual: `${numRows} rows`,
  });
}

function normalisedRows({ data, numRows, numClasses }: Probabilities): Float32Array | Float64Array {
  const scaled = data.slice();
  for (let i = 0; i < numRows; i++) {
    const row = scaled.subarray(i * numClasses, (i + 1) * numClasses);
    let sum = 0;
    for (let k = 0; k < numClasses; k++) sum += row[k];
    for (let k = 0; k < numClasses; k++) row[k] /= sum;
  }
  return scaled;
}

function rowError(row: number, expected: string, actual: string) {
  return labelError('TF-LABEL-001', { subject: 'checkProbabilities', expected, actual, location: `row ${row}` });
}
