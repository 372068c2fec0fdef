/** Selective scan of Mamba-2 (state space duality) in its chunked matmul form, as plain ops, so that any engine runs it
 *  as matrix products and autodiff goes through it.
 *
 *  Per head: h_t = exp(Δ_t·A)·h_{t−1} + Δ_t·B_t ⊗ x_t,  y_t = C_tᵀ·h_t + D·x_t.
 *  With chunks of Q tokens and s_t the running sum of Δ·A inside a chunk:
 *    inside a chunk    Y = (C·Bᵀ ∘ L)·(Δx),        L_ij = exp(s_i − s_j) for i ≥ j, else 0
 *    what a chunk adds S = Bᵀ·(exp(s_Q − s_j)·Δx)
 *    carried in        h_c = Σ_{k<c} exp(total of chunks k+1 … c−1)·S_k, plus the decayed initial state
 *    from before       Y += exp(s_i)·C·h_c
 *  Source: Dao and Gu 2024, "Transformers are SSMs" (arXiv 2405.21060), section 6.
 *  Shapes: B batch, T tokens, H heads, P head width, G groups (H divisible by G), N state width. */
import { tensorFromNumbers } from '../build/scalar-tensor.ts';
import type { GraphBuilder } from '../build/graph-builder.ts';
import type { GraphValue } from '../types.ts';

/** exp of this is 0 in every float dtype, and it survives a difference. */
const MASKED_LOG = -1e4;

export interface SelectiveScanInputs {
  /** [B, T, H, P] */
  readonly x: GraphValue;
  /** [B, T, H], positive (after softplus). */
  readonly dt: GraphValue;
  /** [H], negative. */
  readonly a: GraphValue;
  /** [B, T, G, N] */
  readonly b: GraphValue;
  /** [B, T, G, N] */
  readonly c: GraphValue;
  /** [H]; skip connection. */
  readonly d?: GraphValue;
  /** [B, H, N, P]; default zero. */
  readonly initialState?: GraphValue;
  /** Tokens of a chunk, default 64; T need not be divisible by it. */
  readonly chunkSize?: number;
}

/** @returns y [B, T, H, P] and the state after the last token [B, H, N, P]
 *  Cost: O(T·Q·(N + P) + T·N·P) multiply-adds a head. */
export function selectiveScan(
  g: GraphBuilder,
  { x, dt, a, b, c, d, initialState, chunkSize = 64 }: SelectiveScanInputs,
): { readonly y: GraphValue; readonly finalState: GraphValue } {
  const [batch, tokens, heads, width] = x.shape as readonly [number, number, number, number];
  const [, , groups, stateWidth] = b.shape as readonly [number, number, number, number];
  const perGroup = heads / groups;
  const chunk = Math.min(chunkSize, tokens);
  const chunks = Math.ceil(tokens / chunk);
  const padding = chunks * chunk - tokens;
  // Δ = 0 on padded tokens: they neither decay nor add.
  const padTokens = (value: GraphValue) => {
    const rank = value.shape.length;
    const pads = new Array<number>(2 * rank).fill(0);
    pads[rank + 1] = padding;
    return padding === 0 ? value : g.pad(value, pads);
  };

  // Heads to the front, tokens into chunks: [B, G, Hg, C, Q, P]
  const deltaX = padTokens(g.mul(x, g.unsqueeze(dt, [-1])));
  const headsFirst = (value: GraphValue, last: number) =>
    g.transpose(g.reshape(value, [batch, chunks, chunk, groups, perGroup, last]), [0, 3, 4, 1, 2, 5]);
  const xs = headsFirst(deltaX, width);
  // [B, G, 1, C, Q, N]
  const groupsFirst = (value: GraphValue) =>
    g.unsqueeze(
      g.transpose(g.reshape(padTokens(value), [batch, chunks, chunk, groups, stateWidth]), [0, 3, 1, 2, 4]),
      [2],
    );
  const bs = groupsFirst(b);
  const cs = groupsFirst(c);
  // Running sums of Δ·A: [B, G, Hg, C, Q, 1]
  const sums = g.cumSum(headsFirst(padTokens(g.mul(dt, a)), 1), 4);
  const totals = g.sliceAxis(sums, 4, chunk - 1, chunk); // [B, G, Hg, C, 1, 1]

  const inside = decayMatrix(g, sums, 4); // [B, G, Hg, C, Q, Q]
  const scores = g.matMul(cs, g.transpose(bs, [0, 1, 2, 3, 5, 4])); // [B, G, 1, C, Q, Q]
  const fromInside = g.matMul(g.mul(scores, inside), xs); // [B, G, Hg, C, Q, P]

  const toEnd = g.exp(g.sub(totals, sums));
  const added = g.matMul(g.transpose(bs, [0, 1, 2, 3, 5, 4]), g.mul(xs, toEnd)); // [B, G, Hg, C, N, P]

  // States at chunk borders 0 … C: row c sums what chunks before it added. [B, G, Hg, C + 1, N·P]
  const first =
    initialState === undefined
      ? g.full([batch, groups, perGroup, 1, stateWidth * width], 0, x.dtype)
      : g.reshape(initialState, [batch, groups, perGroup, 1, stateWidth * width]);
  const parts = g.concat([first, g.reshape(added, [batch, groups, perGroup, chunks, stateWidth * width])], 3);
  const flatTotals = g.reshape(totals, [batch, groups, perGroup, chunks, 1]);
  const borderSums = g.pad(g.cumSum(flatTotals, 3), [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const borders = g.matMul(decayMatrix(g, borderSums, 3), parts);
  const carried = g.reshape(g.sliceAxis(borders, 3, 0, chunks), [batch, groups, perGroup, chunks, stateWidth, width]);
  const fromBefore = g.mul(g.matMul(cs, carried), g.exp(sums)); // [B, G, Hg, C, Q, P]

  const joined = g.transpose(g.add(fromInside, fromBefore), [0, 3, 4, 1, 2, 5]); // [B, C, Q, G, Hg, P]
  const padded = g.reshape(joined, [batch, chunks * chunk, heads, width]);
  const scanned = padding === 0 ? padded : g.sliceAxis(padded, 1, 0, tokens);
  const y = d === undefined ? scanned : g.add(scanned, g.mul(x, g.unsqueeze(d, [-1])));
  const finalState = g.reshape(g.sliceAxis(borders, 3, chunks, chunks + 1), [batch, heads, stateWidth, width]);
  return { y, finalState };
}

/** exp(s_i − s_j) for i ≥ j, else 0, over the given axis of sums [..., L, 1] → [..., L, L]. */
function decayMatrix(g: GraphBuilder, sums: GraphValue, axis: number): GraphValue {
  const length = sums.shape[axis]!;
  const rank = sums.shape.length;
  const perm = Array.from({ length: rank }, (_, i) => (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i));
  const difference = g.sub(sums, g.transpose(sums, perm));
  const lower = Array.from({ length: length * length }, (_, i) => Number(Math.floor(i / length) >= i % length));
  const mask = g.constant(tensorFromNumbers('bool', lower, [length, length]));
  return g.exp(g.where(mask, difference, MASKED_LOG));
}

/** One token of the recurrence, for decoding.
 *  @param state [B, H, N, P]  inputs as in selectiveScan with T = 1
 *  @returns y [B, 1, H, P] and the next state */
export function selectiveScanStep(
  g: GraphBuilder,
  { x, dt, a, b, c, d }: Omit<SelectiveScanInputs, 'initialState' | 'chunkSize'>,
  state: GraphValue,
): { readonly y: GraphValue; readonly state: GraphValue } {
  const [batch, , heads, width] = x.shape as readonly [number, number, number, number];
  const [, , groups, stateWidth] = b.shape as readonly [number, number, number, number];
  const perHead = (value: GraphValue) =>
    g.reshape(g.expand(g.reshape(value, [batch, groups, 1, stateWidth]), [batch, groups, heads / groups, stateWidth]), [
      batch,
      heads,
      stateWidth,
      1,
    ]);
  const decay = g.exp(g.reshape(g.mul(dt, a), [batch, heads, 1, 1]));
  const deltaX = g.reshape(g.mul(x, g.unsqueeze(dt, [-1])), [batch, heads, 1, width]);
  const next = g.add(g.mul(state, decay), g.mul(perHead(b), deltaX));
  const read = g.reshape(g.reduceSum(g.mul(next, perHead(c)), { axes: [2] }), [batch, 1, heads, width]);
  return { y: d === undefined ? read : g.add(read, g.mul(x, g.unsqueeze(d, [-1]))), state: next };
}
