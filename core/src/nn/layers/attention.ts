/** Self-attention over rows [B·T, C]; grouped queries, rotary positions, a cache of past keys and values. */
import type { GraphValue } from '../../graph/index.ts';
import { tensorFromNumbers } from '../../graph/index.ts';
import type { Initialiser } from '../initialisers.ts';
import type { Net } from '../net.ts';
import { linear } from './linear.ts';
import type { RotaryTables } from './rotary.ts';

export interface AttentionOptions {
  readonly batch: number;
  readonly heads: number;
  /** Heads of keys and values; default `heads`. */
  readonly kvHeads?: number;
  /** Default C / heads. */
  readonly headWidth?: number;
  readonly rotary?: RotaryTables;
  /** Added to the scores: [Tq, Tk] (see causalMask). Undefined: every position sees every other. */
  readonly mask?: GraphValue;
  readonly bias?: boolean;
  readonly init?: Initialiser;
  readonly outInit?: Initialiser;
  /** Keys and values of earlier positions, [B, kvHeads, P, D]. The mask is then [T, P + T]. */
  readonly past?: KeyValues;
  /** Names of the four projections; default those of Hugging Face's Llama. */
  readonly names?: readonly [query: string, key: string, value: string, out: string];
}

export interface KeyValues {
  readonly k: GraphValue;
  readonly v: GraphValue;
}

export interface AttentionResult {
  /** [B·T, C] */
  readonly y: GraphValue;
  /** Keys (turned) and values of these positions, [B, kvHeads, T, D]. */
  readonly present: KeyValues;
}

const LLAMA_NAMES = ['q_proj', 'k_proj', 'v_proj', 'o_proj'] as const;
/** Low enough to vanish in softmax, high enough for f16. */
const MASKED_SCORE = -30_000;

/** softmax(q·kᵀ/√D + mask) · v per head.  Source: Vaswani et al. 2017 (arXiv 1706.03762), eq. 1. */
export function attention(net: Net, x: GraphValue, options: AttentionOptions): AttentionResult {
  const { g } = net;
  const { batch, heads, kvHeads = heads, rotary, bias = false, past, names = LLAMA_NAMES } = options;
  const [rows, width] = x.shape as [number, number];
  const headWidth = options.headWidth ?? width / heads;
  const length = rows / batch;
  const groups = heads / kvHeads;
  const project = (name: string, count: number): GraphValue => {
    const flat = linear(net, name, x, count * headWidth, { bias, ...withInit(options.init) });
    return g.transpose(g.reshape(flat, [batch, length, count, headWidth]), [0, 2, 1, 3]); // [B, H, T, D]
  };
  const turn = (value: GraphValue): GraphValue =>
    rotary === undefined ? value : g.rotaryEmbedding(value, rotary.cos, rotary.sin);
  const q = turn(project(names[0], heads));
  const present = { k: turn(project(names[1], kvHeads)), v: project(names[2], kvHeads) };
  const k = past === undefined ? present.k : g.concat([past.k, present.k], 2);
  const v = past === undefined ? present.v : g.concat([past.v, present.v], 2);

  // Queries that share keys are rows of one matrix: [B, kvHeads, G·T, D].
  const grouped = g.reshape(q, [batch, kvHeads, groups * length, headWidth]);
  let scores = g.fusedMatMul(grouped, k, { transB: 1, alpha: 1 / Math.sqrt(headWidth) });
  if (options.mask !== undefined) {
    const span = k.shape[2];
    const perHead = g.reshape(scores, [batch, heads, length, span]);
    scores = g.reshape(g.add(perHead, options.mask), scores.shape);
  }
  const mixed = g.matMul(g.softmax(scores), v); // [B, kvHeads, G·T, D]
  const byHead = g.reshape(mixed, [batch, heads, length, headWidth]);
  const joined = g.reshape(g.transpose(byHead, [0, 2, 1, 3]), [rows, heads * headWidth]);
  return { y: linear(net, names[3], joined, width, { bias, ...withInit(options.outInit ?? options.init) }), present };
}

/** [T, T] zero where a position may look (itself and before), very low elsewhere. */
export function causalMask(net: Net, length: number): GraphValue {
  const numbers = Array.from({ length: length * length }, (_, i) =>
    i % length > Math.floor(i / length) ? MASKED_SCORE : 0,
  );
  return net.g.constant(tensorFromNumbers(net.computeDtype, numbers, [length, length]));
}

/** Host-side mask of a chunk behind a cache: [T, P + T], for `pastLength` valid entries of P.
 *  @returns f32 to feed */
export function cacheMask(options: { length: number; capacity: number; pastLength: number }): Float32Array {
  const { length, capacity, pastLength } = options;
  const span = capacity + length;
  const mask = new Float32Array(length * span).fill(MASKED_SCORE);
  for (let row = 0; row < length; row++) {
    mask.fill(0, row * span, row * span + pastLength);
    mask.fill(0, row * span + capacity, row * span + capacity + row + 1);
  }
  return mask;
}

function withInit(init: Initialiser | undefined): { init?: Initialiser } {
  return init === undefined ? {} : { init };
}
