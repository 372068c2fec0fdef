/** One loss for all methods, so that they differ in their rows alone.
 *
 *  L = Σ_n w_n·CE(y_n, p_n)/B + Σ_n a_n·(−1/C)Σ_c log p_nc/B + Σ_n b_n·H(p_n)/B, and with bases
 *  + λ_b·CE(y, softmax(W f̂ + b)) + λ_r‖f − f̂‖²/d + λ_o‖M̂M̂ᵀ − I‖²/K². B counts tokens. */
import type { LossFunction } from '@tenfold/core/nn';
import { f32 } from '@tenfold/core/nn';
import type { InputSpec } from '@tenfold/core/nn';
import type { GraphBuilder, GraphValue } from '@tenfold/core/graph';
import type { Backbone } from './backbone.ts';
import { orthogonalityLoss } from './basis-block.ts';

export interface BasisWeights {
  /** λ_b, default 0.5. */
  readonly label?: number;
  /** λ_r, default 0.1. */
  readonly reconstruction?: number;
  /** λ_o, default 0.1. */
  readonly orthogonality?: number;
}

/** Inputs of a training step with `batch` samples. */
export function stepInputs(batch: number, backbone: Backbone, numClasses: number): Record<string, InputSpec> {
  const tokens = batch * backbone.numTokens;
  return {
    x: f32(batch, ...backbone.inputShape),
    /** Target distributions. */
    y: f32(tokens, numClasses),
    /** w, a, b of the formula. */
    weight: f32(tokens),
    uniform: f32(tokens),
    entropy: f32(tokens),
  };
}

export function rowLoss(hasBases: boolean, weights: BasisWeights = {}): LossFunction {
  const { label = 0.5, reconstruction = 0.1, orthogonality = 0.1 } = weights;
  return ({ g, outputs, inputs }) => {
    const { y, weight, uniform, entropy } = inputs;
    const numTokens = y.shape[0];
    const logs = g.logSoftmax(outputs['logits'], 1);
    const mean = (rows: GraphValue, by: GraphValue): GraphValue => g.mul(g.reduceSum(g.mul(rows, by)), 1 / numTokens);
    const spread = g.neg(g.reduceMean(logs, { axes: [1] }));
    const disorder = g.neg(g.reduceSum(g.mul(g.exp(logs), logs), { axes: [1] }));
    let total = g.add(
      mean(crossEntropyRows(g, logs, y), weight),
      g.add(mean(spread, uniform), mean(disorder, entropy)),
    );
    if (!hasBases) return total;
    const byBases = crossEntropyRows(g, g.logSoftmax(outputs['basisLogits'], 1), y);
    total = g.add(total, g.mul(mean(byBases, weight), label));
    const gap = g.reduceMean(g.square(g.sub(outputs['features'], outputs['reconstruction'])));
    total = g.add(total, g.mul(gap, reconstruction));
    return g.add(total, g.mul(orthogonalityLoss(g, outputs['bases']), orthogonality));
  };
}

function crossEntropyRows(g: GraphBuilder, logs: GraphValue, y: GraphValue): GraphValue {
  return g.neg(g.reduceSum(g.mul(logs, y), { axes: [1] }));
}
