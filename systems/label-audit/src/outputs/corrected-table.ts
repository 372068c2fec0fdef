/** The input table with the audit's columns beside it, named as cleanlab's Datalab names them. */
import { tableFromColumns } from '@tenfold/core/data';
import type { Table, TableColumn } from '@tenfold/core/data';
import type { Audit } from '../pipeline.ts';

/** The names of what is added; an audit of the table that has them does not learn from them. */
export const AUDIT_COLUMNS: readonly string[] = [
  'given_label',
  'predicted_label',
  'is_label_issue',
  'label_score',
  'p_label_correct',
  'corrected_label',
  'near_duplicate_set',
  'outlier_ratio',
];

/** Columns `given_label`, `predicted_label`, `is_label_issue`, `label_score`, `p_label_correct`, `corrected_label`, and flags.
 *  The corrected label is the suggestion where the label is flagged or missing, else the given label.
 *  @param table  the input; undefined gives the audit's columns alone */
export function correctedTable(audit: Audit, table: Table | undefined, numRows: number): Table {
  const { result, classNames, labels, rows, evidence } = audit;
  const given = new Array<string | null>(numRows).fill(null);
  const predicted = new Array<string | null>(numRows).fill(null);
  const corrected = new Array<string | null>(numRows).fill(null);
  const isIssue = new Uint8Array(numRows);
  const score = new Float64Array(numRows).fill(NaN);
  const correct = new Float64Array(numRows).fill(NaN);
  const duplicateSet = new Int32Array(numRows);
  const outlierRatio = new Float64Array(numRows).fill(NaN);
  rows.forEach((row, i) => {
    given[row] = classNames[labels[i]];
    predicted[row] = classNames[result.learned.predicted[i]];
    corrected[row] = result.flags[i] === 1 ? classNames[result.suggested[i]] : given[row];
    isIssue[row] = result.flags[i];
    score[row] = result.scores[i];
    correct[row] = result.givenProbability[i];
    if (evidence === undefined) return;
    duplicateSet[row] = evidence.duplicateSet[i];
    outlierRatio[row] = evidence.outlierRatio[i];
  });
  for (const { row, suggested } of audit.unlabelled) predicted[row] = corrected[row] = classNames[suggested];
  const added: TableColumn[] = [
    { name: 'given_label', kind: 'text', values: given },
    { name: 'predicted_label', kind: 'text', values: predicted },
    { name: 'is_label_issue', kind: 'bool', values: isIssue },
    { name: 'label_score', kind: 'float64', values: score },
    { name: 'p_label_correct', kind: 'float64', values: correct },
    { name: 'corrected_label', kind: 'text', values: corrected },
    ...(evidence
      ? [
          { name: 'near_duplicate_set', kind: 'int32' as const, values: duplicateSet },
          { name: 'outlier_ratio', kind: 'float64' as const, values: outlierRatio },
        ]
      : []),
  ];
  const taken = new Set(added.map(({ name }) => name));
  return tableFromColumns([...(table?.columns ?? []).filter(({ name }) => !taken.has(name)), ...added]);
}
