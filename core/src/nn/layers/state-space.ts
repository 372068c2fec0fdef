/** The recurrence of Mamba-2 in its chunked matrix form ("state space duality").
 *
 *  Per head h with state S [P, N]:  S_t = a_t S_{t−1} + (Δ_t x_t) B_tᵀ,  y_t = S_t C_t,  a_t = exp(Δ_t A).
 *  With cum_i = Σ_{k ≤ i} Δ_k A inside a chunk:
 *    within a chunk   y_i += Σ_{j ≤ i} (C_i·B_j) exp(cum_i − cum_j) Δ_j x_j
 *    from before it   y_i += exp(cum_i) S_in C_i
 *    handed on        S_out = exp(cum_last) S_in + Σ_j exp(cum_last − cum_j) (Δ_j x_j) B_jᵀ
 *  Source: Dao and Gu 2024 (arXiv 2405.21060), §6 and listing 1. B and C are shared by all heads (one group). */
import { tensorFromNumbers } from '../../graph/index.ts';
import type { GraphBuilder, GraphValue } from '../../graph/index.ts';

export interface StateSpaceInputs {
  /** [B, T, H, P] */
  readonly x: GraphValue;
  /** Δ, positive, [B, T, H] */
  readonly delta: GraphValue;
  /** A, negative, [H] */
  readonly a: GraphValue;
  /** [B, T, N] */
  readonly b: GraphValue;
  readonly c: GraphValue;
  /** State before the first position, [B, H, P, N]; default zero. */
  readonly initial?: GraphValue;
  /** Most positions per chunk, default 64; the largest divisor of T up to it is taken. */
  readonly chunk?: number;
}

/** Longest chunk by default: the [Q, Q] matrices then cost as much as the rest. */
const LONGEST_CHUNK = 64;
/** exp of it is zero, also in f16 sums. */
const ABOVE_DIAGONAL = -30_000;

/** @returns y [B, T, H, P] and the state after the last position [B, H, P, N]
 *  Cost: O(T·(Q + N)·H·P) multiplications. */
export function stateSpaceScan(g: GraphBuilder, inputs: StateSpaceInputs): { y: GraphValue; final: GraphValue } {
  const { x, delta, a, b, c, initial } = inputs;
  const [batch, length, heads, headWidth] = x.shape as [number, number, number, number];
  const stateWidth = b.shape[2];
  const chunk = largestDivisor(length, inputs.chunk ?? LONGEST_CHUNK);
  const count = length / chunk;

  const perChunk = (value: GraphValue): GraphValue => {
    const split = g.reshape(value, [batch, count, chunk, heads, headWidth]);
    return g.transpose(split, [0, 3, 1, 2, 4]); // [B, H, n, Q, P]
  };
  const decay = g.mul(delta, a); // [B, T, H]
  const steps = g.transpose(g.reshape(decay, [batch, count, chunk, heads]), [0, 3, 1, 2]); // [B, H, n, Q]
  const cum = g.cumSum(steps, 3);
  const column = g.unsqueeze(cum, [4]); // [B, H, n, Q, 1]
  const shared = (value: GraphValue): GraphValue => g.reshape(value, [batch, 1, count, chunk, stateWidth]);
  const weighted = perChunk(g.mul(x, g.unsqueeze(delta, [3]))); // Δ x
  const [bc, cc] = [shared(b), shared(c)];

  // Within each chunk.
  const between = g.add(g.sub(column, g.unsqueeze(cum, [3])), triangle(g, chunk, x)); // [B, H, n, Q, Q]
  const weights = g.mul(g.exp(between), g.fusedMatMul(cc, bc, { transB: 1 }));
  const inside = g.matMul(weights, weighted); // [B, H, n, Q, P]

  // What each chunk adds to the state, and how much of the state before it remains.
  const last = g.sliceAxis(cum, 3, chunk - 1, chunk); // [B, H, n, 1]
  const toEnd = g.unsqueeze(g.exp(g.sub(last, cum)), [4]);
  const added = g.fusedMatMul(g.mul(weighted, toEnd), bc, { transA: 1 }); // [B, H, n, P, N]
  const remaining = g.unsqueeze(g.exp(last), [4]); // [B, H, n, 1, 1]
  const entering: GraphValue[] = [];
  let state = initial === undefined ? undefined : g.unsqueeze(initial, [2]); // [B, H, 1, P, N]
  for (let index = 0; index < count; index++) {
    const gain = count === 1 ? added : g.sliceAxis(added, 2, index, index + 1);
    if (state === undefined) {
      entering.push(g.full([batch, heads, 1, headWidth, stateWidth], 0, x.dtype));
      state = gain;
      continue;
    }
    entering.push(state);
    state = g.add(g.mul(state, count === 1 ? remaining : g.sliceAxis(remaining, 2, index, index + 1)), gain);
  }
  const hasPast = initial !== undefined || count > 1;
  const before = hasPast
    ? g.mul(g.fusedMatMul(cc, g.concat(entering, 2), { transB: 1 }), g.exp(column)) // [B, H, n, Q, P]
    : undefined;
  const y = before === undefined ? inside : g.add(inside, before);
  return {
    y: g.reshape(g.transpose(y, [0, 2, 3, 1, 4]), [batch, length, heads, headWidth]),
    final: g.reshape(state!, [batch, heads, headWidth, stateWidth]),
  };
}

/** Zero on and below the diagonal, very low above. */
function triangle(g: GraphBuilder, size: number, like: GraphValue): GraphValue {
  const numbers = Array.from({ length: size * size }, (_, i) => (i % size > Math.floor(i / size) ? ABOVE_DIAGONAL : 0));
  return g.constant(tensorFromNumbers(like.dtype, numbers, [size, size]));
}

function largestDivisor(of: number, most: number): number {
  for (let candidate = Math.min(of, most); candidate > 1; candidate--) if (of % candidate === 0) return candidate;
  return 1;
}
