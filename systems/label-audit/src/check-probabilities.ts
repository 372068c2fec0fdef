/** Probabilities and labels as they come from files, checked before anything is computed. */
import type { Diagnostic } from '@tenfold/core/base';
import { labelError } from './label-errors.ts';
import { runInMemory, runOverSource } from './passes.ts';
import type { Passes, ProbabilitySource } from './passes.ts';
import type { Probabilities } from './types.ts';

/** Rows that miss 1 by more are scaled to 1, with a warning. */
const SUM_TOLERANCE = 1e-3;
/** Rows that miss 1 by more are refused: these are scores, not probabilities. */
const SUM_LIMIT = 0.1;
const NUM_LISTED = 5;
/** The pair counts of more classes would not fit into memory. */
const MAX_CLASSES = 10_000;

/** @returns the probabilities themselves, or a copy with rows scaled to sum 1 (then with a warning)
 *  @throws TF-LABEL-001 with the row for NaN, negative numbers or sums off by more than 0.1; TF-LABEL-004 for K < 2 */
export function checkProbabilities(probabilities: Probabilities): {
  probabilities: Probabilities;
  warnings: readonly Diagnostic[];
} {
  const warnings = runInMemory(checkPass(probabilities.numClasses), probabilities);
  if (warnings.length === 0) return { probabilities, warnings };
  return { probabilities: { ...probabilities, data: scaledRows(probabilities) }, warnings };
}

/** As checkProbabilities, for rows of any number; scaled rows are scaled at each reading. */
export async function checkSource(
  source: ProbabilitySource,
  signal?: AbortSignal,
): Promise<{ source: ProbabilitySource; warnings: readonly Diagnostic[] }> {
  const warnings = await runOverSource(checkPass(source.numClasses), source, signal);
  if (warnings.length === 0) return { source, warnings };
  const scaled: ProbabilitySource = {
    numRows: source.numRows,
    numClasses: source.numClasses,
    async *blocks() {
      for await (const { block, start } of source.blocks()) {
        yield { block: { ...block, data: scaledRows(block) }, start };
      }
    },
  };
  return { source: scaled, warnings };
}

function* checkPass(numClasses: number): Passes<readonly Diagnostic[]> {
  if (numClasses < 2 || numClasses > MAX_CLASSES) {
    throw labelError('TF-LABEL-004', {
      subject: 'checkProbabilities',
      expected: numClasses < 2 ? 'at least two classes' : `at most ${MAX_CLASSES} classes`,
      actual: `${numClasses} column${numClasses === 1 ? '' : 's'}`,
      hints: numClasses === 1 ? ['For two classes give both columns, 1 − p and p.'] : [],
    });
  }
  const inexact: number[] = [];
  let numInexact = 0;
  yield ({ data, numRows }, start) => {
    for (let i = 0, at = 0; i < numRows; i++) {
      let sum = 0;
      for (let k = 0; k < numClasses; k++, at++) {
        const p = data[at];
        if (!(p >= 0)) throw rowError(start + i, 'probabilities ≥ 0', `${p} in column ${k}`);
        sum += p;
      }
      const deviation = Math.abs(sum - 1);
      if (!(deviation <= SUM_LIMIT)) throw rowError(start + i, 'a row that sums to 1', `sum ${sum.toPrecision(6)}`);
      if (deviation <= SUM_TOLERANCE) continue;
      numInexact++;
      if (inexact.length < NUM_LISTED) inexact.push(start + i);
    }
  };
  if (numInexact === 0) return [];
  return [
    {
      severity: 'warning',
      code: 'TF-LABEL-001',
      subject: 'checkProbabilities',
      expected: 'rows that sum to 1 within 0.001',
      actual: `${numInexact} rows that do not; they were scaled`,
      location: `rows ${inexact.join(', ')}${numInexact > inexact.length ? ', …' : ''}`,
    },
  ];
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

function scaledRows({ data, numRows, numClasses }: Probabilities): Float32Array | Float64Array {
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
