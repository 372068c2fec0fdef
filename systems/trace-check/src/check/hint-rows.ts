/** Rows of a table that were added to the output of its lookup. */
import { formatId, parseId } from '../trace/canonical-id.ts';
import type { TraceRun } from '../trace/trace-run.ts';
import type { Finding, Hint } from '../types.ts';
import { mergeWhole } from './merge.ts';

const MAX_TABLE = 2 ** 24;
const MAX_ROWS_ADDED = 8;
/** A difference within this of a row of the table is that row. */
const SAME_ROW = 0.05;
/** Share of the wrong rows that must be explained. */
const LEAST_SHARE = 0.9;

export function explainAddedRows(
  actual: Float32Array,
  expected: Float32Array,
  { id, kind }: Finding,
  reference: TraceRun,
): Hint | undefined {
  const fields = parseId(id);
  if (kind !== 'out') return undefined;
  const table = reference.tensors.get(
    formatId({ iteration: fields.iteration, kind: 'param', module: `${fields.module}.weight` }),
  );
  if (!table || table.global.length !== 2 || table.numel > MAX_TABLE) return undefined;
  const [numRows, width] = table.global;
  if (actual.length % width !== 0) return undefined;
  const { data } = mergeWhole(table);
  const added = new Map<number, number>();
  let numWrong = 0;
  for (let at = 0; at < actual.length; at += width) {
    const d = Float64Array.from({ length: width }, (_, i) => actual[at + i] - expected[at + i]);
    const size = norm(d);
    if (size <= SAME_ROW * norm(expected.subarray(at, at + width))) continue;
    // Its own row once more is a factor.
    if (distance(d, expected, at) <= SAME_ROW * size) return undefined;
    numWrong++;
    const isRow = (row: number): boolean => distance(d, data, row * width) <= SAME_ROW * size;
    let row = [...added.keys()].find(isRow);
    if (row === undefined && added.size < MAX_ROWS_ADDED) {
      const found = Array.from({ length: numRows }, (_, each) => each).find(isRow);
      if (found === undefined && numWrong > MAX_ROWS_ADDED && added.size === 0) return undefined;
      row = found;
    }
    if (row !== undefined) added.set(row, (added.get(row) ?? 0) + 1);
  }
  const numExplained = [...added.values()].reduce((sum, count) => sum + count, 0);
  if (numExplained < LEAST_SHARE * numWrong || numExplained < 2 * Math.max(1, added.size)) return undefined;
  const texts = [...added].map(([row, count]) => `row ${row} of the table is added to ${count} rows of the output`);
  return { kind: 'added-rows', text: `${texts.join(', ')}: rows of foreign ids were not zeroed?` };
}

function norm(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ** 2;
  return Math.sqrt(sum);
}

function distance(d: Float64Array, data: Float32Array, at: number): number {
  let sum = 0;
  for (let i = 0; i < d.length; i++) sum += (d[i] - data[at + i]) ** 2;
  return Math.sqrt(sum);
}
