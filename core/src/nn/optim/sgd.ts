/** Stochastic gradient descent with momentum.
 *  g ← g + λp,  u ← μu + g,  p ← p − ηu;  Nesterov: p ← p − η(g + μu).
 *  Source: Sutskever et al. 2013, eq. 3-4, in PyTorch's form (velocity without the rate). */
import type { GraphValue } from '../../graph/index.ts';
import { decaysByDefault, scheduleFrom } from './optimizer.ts';
import type { LearningRate, Optimizer } from './optimizer.ts';

export interface SgdOptions {
  readonly learningRate: LearningRate;
  /** μ, default 0. */
  readonly momentum?: number;
  readonly nesterov?: boolean;
  /** λ, added to the gradient; default 0. */
  readonly weightDecay?: number;
  readonly decays?: (name: string, value: GraphValue) => boolean;
}

/** Stochastic gradient descent. Defaults: no momentum, no Nesterov, no weight decay; without momentum it keeps no state. */
export function sgd(options: SgdOptions): Optimizer {
  const { momentum = 0, nesterov = false, weightDecay = 0, decays = decaysByDefault } = options;
  const rateAt = scheduleFrom(options.learningRate);
  return {
    name: 'sgd',
    scalars: (step) => ({ rate: rateAt(step) }),
    decays: (name, value) => weightDecay !== 0 && decays(name, value),
    update(g, { decays: isDecayed, value, gradient, scalars, moment }) {
      const decayed = isDecayed ? g.add(gradient, g.mul(value, weightDecay)) : gradient;
      if (momentum === 0) return g.sub(value, g.mul(decayed, scalars.rate));
      const velocity = moment('velocity', (present) => g.add(g.mul(present, momentum), decayed));
      const direction = nesterov ? g.add(decayed, g.mul(velocity, momentum)) : velocity;
      return g.sub(value, g.mul(direction, scalars.rate));
    },
  };
}
