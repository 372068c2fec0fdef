/** Shared by the tests of autodiff: a float64 runner and feeds from a seed. */
import { createRng } from '../../src/base/index.ts';
import type { Float64Runner } from '../../src/autodiff/index.ts';
import { runReference } from '../../src/runtime/reference/index.ts';
import { numel } from '../../src/tensor/index.ts';
import type { Shape, Tensor } from '../../src/tensor/index.ts';

/** Fresh inputs at every run; the seed is printed so that a failure can be repeated. */
export const seed = Number(process.env['TENFOLD_TEST_SEED'] ?? process.hrtime()[1]);
console.log(`seed ${seed} (repeat with TENFOLD_TEST_SEED=${seed})`);

/** Feeds may name states too. */
export const run64: Float64Runner = (graph, feeds) => {
  const stateNames = new Set(graph.states.map((state) => state.name));
  const entries = Object.entries(feeds);
  return runReference(graph, Object.fromEntries(entries.filter(([name]) => !stateNames.has(name))), {
    states: Object.fromEntries(entries.filter(([name]) => stateNames.has(name))),
    precision: 'float64',
  }).outputs;
};

/** [shape] standard normals times sigma. */
export function normals(name: string, shape: Shape, sigma = 1, ownSeed = seed): Tensor<'float64'> {
  const rng = createRng(ownSeed, name);
  return { dtype: 'float64', shape, data: Float64Array.from({ length: numel(shape) }, () => rng.normal() * sigma) };
}

export const int64s = (shape: Shape, values: readonly number[]): Tensor<'int64'> => ({
  dtype: 'int64',
  shape,
  data: BigInt64Array.from(values, BigInt),
});

/** Largest |a − b| / max(1, |b|). */
export function worstError(a: Tensor, b: Tensor): number {
  let worst = 0;
  for (let i = 0; i < b.data.length; i++) {
    const expected = Number(b.data[i]);
    worst = Math.max(worst, Math.abs(Number(a.data[i]) - expected) / Math.max(1, Math.abs(expected)));
  }
  return a.data.length === b.data.length ? worst : Infinity;
}
