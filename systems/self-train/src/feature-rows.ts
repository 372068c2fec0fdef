/** Rows of a feature matrix by number. */
import type { Features } from './types.ts';

export function takeRows({ width, data }: Features, rows: ArrayLike<number>): Features {
  const taken = new Float32Array(rows.length * width);
  for (let i = 0; i < rows.length; i++) {
    taken.set(data.subarray(rows[i] * width, (rows[i] + 1) * width), i * width);
  }
  return { numRows: rows.length, width, data: taken };
}
