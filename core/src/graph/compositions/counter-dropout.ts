/** Dropout whose mask depends on (stream, step, element) alone, made of f32 ops that are exact in every engine: all
 *  integers stay below 2²⁴ and all divisions are by powers of two. So every engine, and a recomputation, draws the same mask.
 *
 *  Element (r, c) of the tensor seen as [rows, columns] is kept where frac((h_r·g_c + k_r) / 4096) ≥ rate, with h_r odd,
 *  g_c and k_r 12- and 11-bit words mixed from (stream, step, r) and (stream, c): multiply-shift hashing, under which two
 *  elements of a row are dropped independently up to 2⁻¹¹. Costs six passes over the tensor. */
import { createRng } from '../../base/index.ts';
import type { GraphBuilder } from '../build/graph-builder.ts';
import type { GraphValue } from '../types.ts';

const WORD = 4096;
const ROUNDS = 4;

export interface CounterDropoutOptions {
  /** Share that is dropped, in [0, 1); rounded to 1/4096. */
  readonly rate: number;
  /** f32 scalar: a counter that changes with every step, an integer below 2²⁴. */
  readonly step: GraphValue;
  /** Tells dropout layers apart. The tensor has fewer than 2²⁴ rows and columns. */
  readonly stream: number;
}

/** x with elements dropped at random and the rest scaled by 1 / (1 − rate). @param x f32, any shape of rank ≥ 1 */
export function counterDropout(g: GraphBuilder, x: GraphValue, options: CounterDropoutOptions): GraphValue {
  const threshold = Math.round(options.rate * WORD);
  if (threshold === 0) return x;
  const mask = g.stopGradient(keepMask(g, x, options, threshold));
  return g.mul(x, g.mul(g.cast(mask, x.dtype), WORD / (WORD - threshold)));
}

function keepMask(
  g: GraphBuilder,
  x: GraphValue,
  { step, stream }: CounterDropoutOptions,
  threshold: number,
): GraphValue {
  const columns = x.shape.at(-1) ?? 1;
  const rows = x.shape.slice(0, -1).reduce((product, size) => product * size, 1);
  const rng = createRng(stream, 'dropout');
  const word = () => rng.integer(WORD);
  const low = (value: GraphValue) => modulo(g, value);
  const high = (value: GraphValue) => low(g.floor(g.mul(value, 1 / WORD)));

  const rowIndex = g.reshape(g.range(rows, { dtype: 'float32' }), [rows, 1]);
  const columnIndex = g.range(columns, { dtype: 'float32' });
  // The step enters between rounds, so that neighbouring steps and rows do not shift into each other.
  const rowStart = mix(g, low(rowIndex), high(rowIndex), word);
  const [h, k] = mix(g, modulo(g, g.add(rowStart[0], low(step))), modulo(g, g.add(rowStart[1], high(step))), word);
  const [column] = mix(g, low(columnIndex), high(columnIndex), word);
  const odd = g.add(g.mul(g.floor(g.mul(h, 1 / 2)), 2), 1);
  const short = g.floor(g.mul(column, 1 / 2)); // 11 bits: the product and sum stay below 2²⁴
  const hashed = g.mul(g.add(g.mul(odd, short), k), 1 / WORD);
  const fraction = g.sub(hashed, g.floor(hashed));
  return g.reshape(g.greaterOrEqual(fraction, threshold / WORD), x.shape);
}

function modulo(g: GraphBuilder, value: GraphValue): GraphValue {
  return g.sub(value, g.mul(g.floor(g.mul(value, 1 / WORD)), WORD));
}

/** Feistel rounds on two 12-bit words: (u, v) → (v, u + middle bits of v·key). */
function mix(g: GraphBuilder, u: GraphValue, v: GraphValue, word: () => number): readonly [GraphValue, GraphValue] {
  let [left, right] = [modulo(g, g.add(u, word())), modulo(g, g.add(v, word()))];
  for (let round = 0; round < ROUNDS; round++) {
    // right · key < 2²⁴; bits 6 … 17 of it depend on all bits of right.
    const middle = g.floor(g.mul(right, (word() | 2049) / 64));
    [left, right] = [right, modulo(g, g.add(left, middle))];
  }
  return [left, right];
}
