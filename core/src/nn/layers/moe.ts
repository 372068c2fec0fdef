/** A mixture of experts with top-k gates and a capacity per expert.
 *
 *  Tokens choose their k best experts; each expert takes its first `capacity` choices in token order (first choices of all
 *  tokens before second choices) and drops the rest, whose share of the output is then missing.
 *  Sources: Fedus et al. 2021 (arXiv 2101.03961), eq. 1-6, for k = 1; Lepikhin et al. 2020 (arXiv 2006.16668), algorithm 1,
 *  for k = 2 and the order of filling. */
import type { GraphValue } from '../../graph/index.ts';
import { normal } from '../initialisers.ts';
import type { Initialiser } from '../initialisers.ts';
import type { Net } from '../net.ts';
import { linear } from './linear.ts';

export interface MoeOptions {
  readonly experts: number;
  /** Hidden width of each expert. */
  readonly hidden: number;
  /** Experts per token; default 1. */
  readonly topK?: number;
  /** Places of an expert = ⌈factor · k · N / E⌉; default 1.25. */
  readonly capacityFactor?: number;
  /** Weight of the load-balancing loss, added to the training loss; default 0.01. */
  readonly balanceWeight?: number;
  /** Divide the k gate values by their sum; default true for k > 1. */
  readonly renormalise?: boolean;
  readonly init?: Initialiser;
}

export interface MoeResult {
  /** [N, C] */
  readonly y: GraphValue;
  /** Gate probabilities, [N, E] */
  readonly gates: GraphValue;
  /** Chosen experts, best first, [N, k] int64 */
  readonly chosen: GraphValue;
  /** Tokens per expert before dropping, [E] f32 */
  readonly load: GraphValue;
  readonly capacity: number;
}

/** Tokens that one expert takes: ⌈capacityFactor · topK · numTokens / experts⌉, at least 1. */
export function expertCapacity(
  numTokens: number,
  options: Pick<MoeOptions, 'experts' | 'topK' | 'capacityFactor'>,
): number {
  const { experts, topK = 1, capacityFactor = 1.25 } = options;
  return Math.max(1, Math.ceil((capacityFactor * topK * numTokens) / experts));
}

/** @param x  [N, C] */
export function moe(net: Net, x: GraphValue, options: MoeOptions): MoeResult {
  const { g } = net;
  const { experts, hidden, topK = 1, balanceWeight = 0.01, init = normal(0.02) } = options;
  const { renormalise = topK > 1 } = options;
  const [numTokens, width] = x.shape as [number, number];
  const capacity = expertCapacity(numTokens, options);

  const gates = g.softmax(linear(net, 'gate', x, experts, { bias: false, init }), 1); // [N, E]
  const { values, indices } = g.topK(gates, topK, { axis: 1 }); // [N, k]
  const shares = renormalise ? g.div(values, g.reduceSum(values, { axes: [1], keepdims: true })) : values;

  // Places, choice by choice: how many earlier choices went to the same expert.
  const choiceMajor = g.reshape(g.transpose(indices, [1, 0]), [topK * numTokens]); // [k·N]
  const oneHot = g.oneHot(choiceMajor, experts, { dtype: x.dtype }); // [k·N, E]
  const before = g.cumSum(oneHot, 0, { exclusive: true });
  const place = g.reduceSum(g.mul(before, oneHot), { axes: [1] }); // [k·N]
  const fits = g.cast(g.less(place, capacity), x.dtype);
  const slot = g.add(g.mul(g.cast(choiceMajor, 'float32'), capacity), g.cast(place, 'float32'));
  // Choices that do not fit go to one extra slot that nobody reads.
  const lastSlot = experts * capacity;
  const target = g.cast(g.where(g.less(place, capacity), slot, lastSlot), 'int64'); // [k·N]

  const repeated = topK === 1 ? x : g.concat(new Array<GraphValue>(topK).fill(x), 0); // [k·N, C]
  const column = g.reshape(target, [topK * numTokens, 1]);
  const empty = g.full([lastSlot + 1, width], 0, x.dtype);
  const dispatched = g.scatterND(empty, column, repeated, { reduction: 'add' }); // [E·cap + 1, C]
  const perExpert = g.reshape(g.sliceAxis(dispatched, 0, 0, lastSlot), [experts, capacity, width]);
  const out = net.in('experts', () => {
    const up = net.parameter('w1', [experts, width, hidden], init);
    const down = net.parameter('w2', [experts, hidden, width], init);
    return g.matMul(g.gelu(g.matMul(perExpert, up), 'tanh'), down); // [E, cap, C]
  });
  const padded = g.concat([g.reshape(out, [lastSlot, width]), g.full([1, width], 0, x.dtype)], 0);
  const gathered = g.gather(padded, target, 0); // [k·N, C]
  const share = g.mul(g.reshape(g.transpose(shares, [1, 0]), [topK * numTokens, 1]), g.reshape(fits, [-1, 1]));
  const parts = g.reshape(g.mul(gathered, share), [topK, numTokens, width]);
  const y = topK === 1 ? g.reshape(parts, [numTokens, width]) : g.reduceSum(parts, { axes: [0] });

  const load = g.reduceSum(oneHot, { axes: [0] }); // [E]
  if (net.isTraining && balanceWeight > 0) {
    // E · Σ_e fraction_e · meanGate_e, fraction over all choices; 1 when both are uniform.
    const fraction = g.div(g.stopGradient(load), topK * numTokens);
    const meanGate = g.reduceMean(gates, { axes: [0] });
    const balance = g.mul(g.reduceSum(g.mul(fraction, meanGate)), experts * balanceWeight);
    net.addLoss(g.cast(balance, 'float32'));
  }
  return { y, gates, chosen: indices, load, capacity };
}
