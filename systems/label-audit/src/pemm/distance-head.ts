/** The head: one centre per class, the score is minus the squared distance.
 *  Math: z_k = −σ‖x − c_k‖² + log π_k; with σ = 1 the posterior of Gaussians with variance ½ and priors π.
 *  The same predictions as a linear layer with W = 2C, b = −‖c‖².  Source: arXiv 2405.01186. */
import type { GraphBuilder, GraphValue } from '@tenfold/core/graph';
import { constant, fanInUniform } from '@tenfold/core/nn';
import type { Net } from '@tenfold/core/nn';

export type HeadScale = 'one' | 'sqrtd' | 'learned';

export interface DistanceHeadOptions {
  readonly numClasses: number;
  /** `sqrtd` divides by √d, `learned` multiplies by a positive parameter. Default one. */
  readonly scale?: HeadScale;
  /** [K] class priors; default uniform (left out). */
  readonly prior?: readonly number[];
}

/** Parameter `<name>.centres` [K, d], uniform in ±1/√d at the start.
 *  @param x  [N, d] @returns logits [N, K] and the centres */
export function distanceHead(
  net: Net,
  name: string,
  x: GraphValue,
  { numClasses, scale = 'one', prior }: DistanceHeadOptions,
): { logits: GraphValue; centres: GraphValue } {
  return net.in(name, () => {
    const { g } = net;
    const width = x.shape[1];
    const centres = net.parameter('centres', [numClasses, width], fanInUniform);
    let logits = negativeSquaredDistances(g, x, centres);
    if (scale === 'sqrtd') logits = g.div(logits, Math.sqrt(width));
    if (scale === 'learned') logits = g.mul(logits, g.exp(net.parameter('log_scale', [1], constant(0))));
    if (prior !== undefined) {
      logits = g.add(logits, g.constant({ dtype: 'float32', shape: [numClasses], data: logPrior(prior) }));
    }
    return { logits, centres };
  });
}

/** log π, finite for classes without samples. */
export function logPrior(prior: readonly number[]): Float32Array {
  return Float32Array.from(prior, (p) => Math.log(Math.max(p, SMALLEST_PRIOR)));
}

const SMALLEST_PRIOR = 1e-12;

/** −(‖x‖² + ‖c_k‖² − 2 x·c_k). @param x [N, d] @param centres [K, d] @returns [N, K] */
export function negativeSquaredDistances(g: GraphBuilder, x: GraphValue, centres: GraphValue): GraphValue {
  const products = g.gemm(x, centres, undefined, { transB: 1 });
  const xSquares = g.reduceSum(g.square(x), { axes: [1], keepdims: true }); // [N, 1]
  const centreSquares = g.reduceSum(g.square(centres), { axes: [1] }); // [K]
  return g.sub(g.sub(g.mul(products, 2), xSquares), centreSquares);
}

/** Mean squared error between x and its soft mixture of centres Σ_k p_k c_k; gradients flow into all three.
 *  @param x [N, d] @param logits [N, K] @param centres [K, d] */
export function mixtureReconstruction(
  g: GraphBuilder,
  x: GraphValue,
  logits: GraphValue,
  centres: GraphValue,
): GraphValue {
  return g.reduceMean(g.square(g.sub(x, g.matMul(g.softmax(logits), centres))));
}
