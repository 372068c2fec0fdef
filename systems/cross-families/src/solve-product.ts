/** Maximum product of family sizes: a theorem for two uniform families, else lexicographic layers (spec §2.9). */
import { binomial } from './binomial.ts';
import { certificate, mipBound } from './certificate.ts';
import { starRules } from './extremal.ts';
import { familiesError } from './families-errors.ts';
import { chooseLayers, countLayerColumns, MAX_LAYER_COLUMNS } from './layer-choice.ts';
import type { LayerChoiceOptions } from './layer-choice.ts';
import { maxima } from './problem.ts';
import type { FamilyRule, Problem, Regime, Solution } from './types.ts';

/** @throws TF-FAMILIES-003 if t > 1 or there are too many layer sizes */
export async function solveProduct(problem: Problem, regime: Regime, limits: LayerChoiceOptions): Promise<Solution> {
  const { n, sizes } = problem;
  const plain = problem.t === 1 && !problem.weights && !problem.conflicts && problem.selfIntersecting.length === 0;
  const k = maxima(problem);
  if (plain && sizes.length === 2 && sizes.every((list) => list.length === 1) && n >= 2 * Math.max(...k)) {
    const value = binomial(n - 1, k[0]! - 1) * binomial(n - 1, k[1]! - 1);
    return {
      problem,
      status: 'exact-closed',
      regime: 'theorem',
      value,
      upper: value,
      certificate: certificate(problem, value, value, starRules(problem, 1), { type: 'theorem', id: 'product' }),
      notes: ['Pyber; Matsumoto and Tokushige: the star wins for n ≥ 2·max(k, l).'],
    };
  }
  if (problem.weights?.some((list) => list.every((w) => w === 0n)) && problem.t === 1)
    return {
      problem,
      status: 'exact-trivial',
      regime: 'trivial',
      value: 0n,
      upper: 0n,
      certificate: certificate(problem, 0n, 0n, starRules(problem, 1), { type: 'theorem', id: 'weightless-family' }),
      notes: ['Every layer of some family has weight 0, so every product is 0.'],
    };
  if (problem.t > 1 || countLayerColumns(problem) > MAX_LAYER_COLUMNS)
    throw familiesError('TF-FAMILIES-003', {
      subject: 'solve',
      expected: 'a product with t = 1 and few layer sizes',
      actual: `t = ${problem.t}, n = ${n}`,
      hints: ['Products are exact by lexicographic layers for t = 1.'],
    });
  const choice = await chooseLayers(problem, limits);
  const rules = choice.prefix.map((layerSizes): FamilyRule => ({
    lexPrefix: Object.fromEntries([...layerSizes].map(([size, count]) => [size, String(count)])),
  }));
  return {
    problem,
    status: choice.complete ? 'exact-mip' : 'bounds',
    regime,
    value: choice.value,
    upper: choice.upper,
    certificate: certificate(problem, choice.value, choice.upper, rules, mipBound(choice)),
    notes: [],
  };
}
