/** Columns that count rows: they say where a row stood in the file, not what the sample is. */
import type { TableColumn } from './table.ts';

/** `id`, `sample_id`, `row number`, the nameless index column of a data frame. */
const COUNTER_NAME = /^(?:(?:row|sample|record)?[ _-]?(?:id|index|number|no|nr)|row|unnamed: 0)?$/i;

/** A column named like an id that holds whole numbers, none of them twice.
 *  Cost: O(N). Mutates: nothing. */
export function isRowCounter({ name, kind, values }: TableColumn): boolean {
  if (!COUNTER_NAME.test(name) || values.length < 2) return false;
  if (kind !== 'float64' && kind !== 'int32' && kind !== 'int64') return false;
  const seen = new Set<number | bigint>();
  for (const value of values) {
    if (typeof value === 'number' && !Number.isInteger(value)) return false;
    seen.add(value);
  }
  return seen.size === values.length;
}
