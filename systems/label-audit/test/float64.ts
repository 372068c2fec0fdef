/** Graphs run in float64, and gradients against central differences. */
import assert from 'node:assert/strict';
import { backward } from '@tenfold/core/autodiff';
import { createGraphBuilder } from '@tenfold/core/graph';
import type { Graph, GraphBuilder, GraphValue } from '@tenfold/core/graph';
import { openBackend } from '@tenfold/core/runtime';
import type { Feeds } from '@tenfold/core/runtime';
import type { Tensor } from '@tenfold/core/tensor';

export type Values = Readonly<Record<string, GraphValue>>;

export const doubles = (shape: readonly number[], data: ArrayLike<number>): Tensor => ({
  dtype: 'float64',
  shape,
  data: Float64Array.from(data),
});

export async function runFloat64(graph: Graph, feeds: Feeds): Promise<Readonly<Record<string, Tensor>>> {
  const backend = await openBackend('reference');
  await using session = await backend.createSession(graph, {});
  return session.run(feeds);
}

/** Value of the expression that build makes. */
export async function evaluate(
  feeds: Feeds,
  build: (g: GraphBuilder, values: Values) => GraphValue,
): Promise<number[]> {
  const g = createGraphBuilder('test');
  g.output(build(g, inputsOf(g, feeds)), 'out');
  return Array.from((await runFloat64(g.finish(), feeds))['out']!.data as Float64Array, Number);
}

/** Asserts |gradient − difference| ≤ 1e-5 · max(1, |difference|) for every element of every float64 feed.
 *  @returns how many derivatives were compared */
export async function assertGradients(
  feeds: Feeds,
  build: (g: GraphBuilder, values: Values) => GraphValue,
): Promise<number> {
  const names = Object.keys(feeds).filter((name) => feeds[name]!.dtype === 'float64');
  const g = createGraphBuilder('gradients');
  const values = inputsOf(g, feeds);
  const loss = build(g, values);
  g.output(loss, 'loss');
  const gradients = backward(
    g,
    loss,
    names.map((name) => values[name]!),
  );
  gradients.forEach((gradient, i) => g.output(gradient!, `d${names[i]}`));
  const graph = g.finish();
  const backend = await openBackend('reference');
  await using session = await backend.createSession(graph, {});
  const lossAt = async (changed: Feeds) => Number((await session.run(changed, ['loss']))['loss']!.data[0]);
  const analytic = await session.run(feeds);
  const step = 1e-5;
  let numCompared = 0;
  for (const name of names) {
    const tensor = feeds[name]!;
    for (let i = 0; i < tensor.data.length; i++) {
      const moved = (by: number): Feeds => {
        const data = Float64Array.from(tensor.data as Float64Array);
        data[i]! += by;
        return { ...feeds, [name]: { ...tensor, dtype: 'float64', data } };
      };
      const difference = ((await lossAt(moved(step))) - (await lossAt(moved(-step)))) / (2 * step);
      const gradient = Number(analytic[`d${name}`]!.data[i]);
      assert.ok(
        Math.abs(gradient - difference) <= 1e-5 * Math.max(1, Math.abs(difference)),
        `${name}[${i}]: ${gradient} and ${difference}`,
      );
      numCompared++;
    }
  }
  return numCompared;
}

function inputsOf(g: GraphBuilder, feeds: Feeds): Values {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, shape }]) => [name, g.input(name, dtype, shape)]),
  );
}
