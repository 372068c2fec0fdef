/** Rotary position embedding: pairs (i, i + D/2) turn by position · base^(−2i/D).
 *  Source: Su et al. 2021 (arXiv 2104.09864), eq. 34, in the half-split order of Hugging Face's Llama. */
import type { GraphValue } from '../../graph/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import type { Net } from '../net.ts';

export interface RotaryTables {
  /** [T, D/2] */
  readonly cos: GraphValue;
  readonly sin: GraphValue;
}

/** Tables for positions 0 … T−1, or rows of a larger table for given positions.
 *  @param options.positions  [T] integers, each below maxPositions */
export function rotaryTables(
  net: Net,
  options: { headWidth: number; base?: number; length: number; positions?: GraphValue; maxPositions?: number },
): RotaryTables {
  const { headWidth, base = 10_000, length, positions, maxPositions = length } = options;
  const rows = positions === undefined ? length : maxPositions;
  const { g } = net;
  const table = (of: (angle: number) => number): GraphValue => {
    const constant = g.cast(g.constant(angleTable(rows, headWidth, base, of)), net.computeDtype);
    return positions === undefined ? constant : g.gather(constant, positions);
  };
  return { cos: table(Math.cos), sin: table(Math.sin) };
}

function angleTable(rows: number, headWidth: number, base: number, of: (angle: number) => number): Tensor<'float32'> {
  const half = headWidth / 2;
  const data = new Float32Array(rows * half);
  for (let i = 0; i < half; i++) {
    const frequency = base ** (-i / half);
    for (let position = 0; position < rows; position++) data[position * half + i] = of(position * frequency);
  }
  return { dtype: 'float32', shape: [rows, half], data };
}
