/** Parts of the ProxSparse objective: which matrices, their λ₁, and the frozen-weight term. */
import type { GraphValue } from '@tenfold/core/graph';
import type { LossContext } from '@tenfold/core/nn';
import { assertFinite, assertMaskable, isPrunable } from '../mask/mask24.ts';
import { sparseError } from '../sparse-errors.ts';
import type { LoadedModel } from '../types.ts';
import type { ProxSparseOptions } from './prox-run.ts';

/** Names of the matrices that a mask covers. @throws TF-SPARSE-001, 002 naming the first that cannot be masked */
export function prunableNames(model: LoadedModel): string[] {
  const names = Object.keys(model.parameters).filter((name) => isPrunable(name, model.parameters[name]!.shape));
  for (const name of names) {
    assertMaskable(name, model.parameters[name]!.shape);
    assertFinite(name, model.parameters[name]!.data);
  }
  return names;
}

/** λ₁ of every matrix. @throws TF-SPARSE-005 on λ, κ, steps or learning rate out of range */
export function lambdasOf(
  model: LoadedModel,
  names: readonly string[],
  { lambda1, kappa, steps, learningRate }: ProxSparseOptions,
): Map<string, number> {
  const refuse = (expected: string, actual: unknown) =>
    sparseError('TF-SPARSE-005', { subject: 'proxsparse', expected, actual: String(actual) });
  if (!(Number.isInteger(steps) && steps > 0)) throw refuse('steps to be a positive whole number', steps);
  if (!(learningRate > 0)) throw refuse('a learning rate above 0', learningRate);
  if ((lambda1 === undefined) === (kappa === undefined))
    throw refuse('either lambda1 or kappa', lambda1 === undefined ? 'neither' : 'both');
  const given = lambda1 ?? kappa!;
  if (!(given > 0 && Number.isFinite(given))) throw refuse('lambda1 or kappa to be above 0', given);
  return new Map(names.map((name) => [name, lambda1 ?? kappa! / rootMeanSquare(model.parameters[name]!.data)]));
}

export function rootMeanSquare(data: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i]! * data[i]!;
  return Math.sqrt(sum / data.length);
}

/** λ₂ Σ (w (w − w₀) / d)², d = w₀ + ε sgn(w₀), sgn(0) = +1: a well at zero and one at the original weight. */
export function frozenTerm(
  model: LoadedModel,
  names: readonly string[],
  lambda2: number,
  epsilon: number,
): (context: LossContext) => GraphValue {
  return ({ g, net }) => {
    let total: GraphValue = g.scalar(0);
    for (const name of names) {
      const w = net.parameters.get(name)!;
      const original = model.parameters[name]!;
      const reciprocal = original.data.map((value) => 1 / (value + (value < 0 ? -epsilon : epsilon)));
      const pull = g.mul(
        g.mul(w, g.sub(w, g.constant(original))),
        g.constant({ dtype: 'float32', shape: original.shape, data: reciprocal }),
      );
      total = g.add(total, g.reduceSumSquare(pull));
    }
    return g.mul(g.reshape(total, []), lambda2);
  };
}
