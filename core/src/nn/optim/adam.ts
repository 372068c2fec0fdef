/** Adam and AdamW.
 *  m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²,  p ← p(1 − ηλ) − η m̂ / (√v̂ + ε).
 *  The bias corrections are folded into two scalars: η m̂/(√v̂ + ε) = α m / (√v + ε′) with
 *  α = η √(1−β₂ᵗ)/(1−β₁ᵗ) and ε′ = ε √(1−β₂ᵗ).
 *  Sources: Kingma and Ba 2015 (arXiv 1412.6980), §2; Loshchilov and Hutter 2019 (arXiv 1711.05101), algorithm 2. */
import type { GraphValue } from '../../graph/index.ts';
import { decaysByDefault, scheduleFrom } from './optimizer.ts';
import type { LearningRate, Optimizer } from './optimizer.ts';

export interface AdamOptions {
  readonly learningRate: LearningRate;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /** λ, decoupled; default 0.01. */
  readonly weightDecay?: number;
  /** Which parameters decay; default: those of rank 2 and more. */
  readonly decays?: (name: string, value: GraphValue) => boolean;
}

/** Adam with decoupled weight decay: the decay acts on the parameter and is no part of the gradient.
 *  Defaults: β₁ 0.9, β₂ 0.999, ε 1e-8, weight decay 0.01 on the values that `decays` names. */
export function adamW(options: AdamOptions): Optimizer {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.01, decays = decaysByDefault } = options;
  const rateAt = scheduleFrom(options.learningRate);
  return {
    name: 'adamW',
    scalars(step) {
      const rate = rateAt(step);
      const correction = Math.sqrt(1 - beta2 ** (step + 1));
      return {
        alpha: (rate * correction) / (1 - beta1 ** (step + 1)),
        epsilon: epsilon * correction,
        keep: 1 - rate * weightDecay,
      };
    },
    decays: (name, value) => weightDecay !== 0 && decays(name, value),
    update(g, { decays: isDecayed, value, gradient, scalars, moment }) {
      const m = moment('m', (present) => g.add(g.mul(present, beta1), g.mul(gradient, 1 - beta1)));
      const v = moment('v', (present) => g.add(g.mul(present, beta2), g.mul(g.square(gradient), 1 - beta2)));
      const change = g.mul(g.div(m, g.add(g.sqrt(v), scalars.epsilon)), scalars.alpha);
      const kept = isDecayed ? g.mul(value, scalars.keep) : value;
      return g.sub(kept, change);
    },
  };
}

/** Adam without weight decay. */
export function adam(options: Omit<AdamOptions, 'weightDecay' | 'decays'>): Optimizer {
  return { ...adamW({ ...options, weightDecay: 0 }), name: 'adam' };
}
