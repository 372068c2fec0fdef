/** The one table of tolerances: |actual − expected| ≤ absolute + relative · |expected|.
 *  Multiples of ε = 2^(−mantissa bits): wide enough for a reordered sum of a few hundred terms of size one, narrow enough
 *  that a wrong formula, a missing term or a lower precision fails. The float8 formats get one ε (neighbouring values). */
import type { Dtype } from './types.ts';

export interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

const EXACT: Tolerance = { absolute: 0, relative: 0 };

export const TOLERANCES: Readonly<Record<Dtype, Tolerance>> = {
  float64: { absolute: 64 * 2 ** -52, relative: 64 * 2 ** -52 },
  float32: { absolute: 64 * 2 ** -23, relative: 64 * 2 ** -23 },
  float16: { absolute: 8 * 2 ** -10, relative: 8 * 2 ** -10 },
  bfloat16: { absolute: 4 * 2 ** -7, relative: 4 * 2 ** -7 },
  float8e4m3fn: { absolute: 2 ** -6, relative: 2 ** -3 },
  float8e5m2: { absolute: 2 ** -6, relative: 2 ** -2 },
  int8: EXACT,
  uint8: EXACT,
  int16: EXACT,
  uint16: EXACT,
  int32: EXACT,
  uint32: EXACT,
  int64: EXACT,
  uint64: EXACT,
  bool: EXACT,
};

/** The wider of the tolerances of two dtypes. */
export function toleranceOf(a: Dtype, b: Dtype = a): Tolerance {
  return TOLERANCES[a].relative >= TOLERANCES[b].relative ? TOLERANCES[a] : TOLERANCES[b];
}
