/** Graphs of float64 inputs on the reference backend: values, and gradients against central differences. */
import assert from 'node:assert/strict';
import { backward } from '@tenfold/core/autodiff';
import { createRng } from '@tenfold/core/base';
import { createGraphBuilder } from '@tenfold/core/graph';
import type { GraphBuilder, GraphValue } from '@tenfold/core/graph';
import { openBackend } from '@tenfold/core/runtime';
import type { Tensor } from '@tenfold/core/tensor';

type Build = (g: GraphBuilder, values: Readonly<Record<string, GraphValue>>) => GraphValue;

export function normals(seed: number, ...shape: number[]): Tensor<'float64'> {
  const rng = createRng(seed, 'normals');
  const length = shape.reduce((product, size) => product * size, 1);
  return { dtype: 'float64', shape, data: Float64Array.from({ length }, () => rng.normal()) };
}

export async function evaluate(feeds: Readonly<Record<string, Tensor<'float64'>>>, build: Build): Promise<number[]> {
  const g = createGraphBuilder('values');
  g.output(build(g, inputsOf(g, feeds)), 'out');
  await using session = await (await openBackend('reference')).createSession(g.finish(), {});
  return Array.from((await session.run(feeds))['out'].data as Float64Array);
}

/** @returns how many derivatives were compared */
export async function assertGradients(
  feeds: Readonly<Record<string, Tensor<'float64'>>>,
  build: Build,
  tolerance: number,
): Promise<number> {
  const g = createGraphBuilder('gradients');
  const values = inputsOf(g, feeds);
  const names = Object.keys(feeds);
  const loss = g.output(build(g, values), 'loss');
  const gradients = backward(
    g,
    loss,
    names.map((name) => values[name]),
  );
  gradients.forEach((gradient, i) => g.output(gradient, `gradient of ${names[i]}`));
  await using session = await (await openBackend('reference')).createSession(g.finish(), {});
  const analytic = await session.run(feeds);
  const step = 1e-5;
  let numCompared = 0;
  for (const name of names) {
    for (let i = 0; i < feeds[name].data.length; i++) {
      const lossAt = async (by: number) => {
        const data = feeds[name].data.slice();
        data[i] += by;
        return Number((await session.run({ ...feeds, [name]: { ...feeds[name], data } }, ['loss']))['loss'].data[0]);
      };
      const difference = ((await lossAt(step)) - (await lossAt(-step))) / (2 * step);
      const gradient = Number(analytic[`gradient of ${name}`].data[i]);
      const error = Math.abs(gradient - difference) / Math.max(0.01, Math.abs(difference));
      assert.ok(error <= tolerance, `${name}[${i}]: ${gradient} and ${difference}`);
      numCompared++;
    }
  }
  return numCompared;
}

function inputsOf(g: GraphBuilder, feeds: Readonly<Record<string, Tensor<'float64'>>>) {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, shape }]) => [name, g.input(name, dtype, shape)]),
  );
}
