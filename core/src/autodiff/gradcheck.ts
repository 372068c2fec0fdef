/** Compares gradients with finite differences in float64.
 *  Four-point central differences: f'(x) ≈ (8[f(x+h) − f(x−h)] − [f(x+2h) − f(x−2h)]) / 12h, error O(h⁴).
 *  Small tensors are checked element by element, large ones along random directions. */
import type { Rng } from '../base/index.ts';
import { createGraphBuilder } from '../graph/index.ts';
import type { Graph, GraphBuilder, GraphValue } from '../graph/index.ts';
import { numel, type Dtype, type Shape, type Tensor } from '../tensor/index.ts';
import { backward } from './backward.ts';
import { gradError } from './grad-errors.ts';

/** Runs a graph in float64 and returns its outputs by name: the reference backend's runReference with precision float64. */
export type Float64Runner = (graph: Graph, feeds: Readonly<Record<string, Tensor>>) => Readonly<Record<string, Tensor>>;

export interface GradCheckOptions {
  readonly run: Float64Runner;
  readonly rng: Rng;
  /** Step; default 1e-4, where rounding (1e-16/h) and truncation (h⁴) are both near 1e-12. */
  readonly step?: number;
  /** Largest |gradient − difference| / max(0.01, |difference|); default 1e-7. */
  readonly tolerance?: number;
  /** Tensors with more elements are checked along this many random directions; default 64 elements, 3 directions. */
  readonly maxElements?: number;
  readonly numDirections?: number;
}

export interface GradCheckResult {
  /** Worst error per differentiated input. */
  readonly errors: ReadonlyMap<string, number>;
  /** How many derivatives were compared. */
  readonly numCompared: number;
}

export interface GradCheckInput {
  readonly shape: Shape;
  readonly dtype?: Dtype;
  /** Values; default standard normals. Integers are not differentiated by. */
  readonly values?: readonly number[];
}

/** Below this, errors are absolute: a difference of losses near one carries rounding of about 1e-12. */
const SMALLEST_SLOPE = 0.01;

/** Checks a function of float64 inputs: builds it, weighs all its float outputs with random numbers into a loss, and compares.
 *  @param build  returns the outputs
 *  @throws TF-GRAD-005 naming the input and element, if an error exceeds the tolerance */
export function checkGradients(
  inputs: Readonly<Record<string, GradCheckInput>>,
  build: (builder: GraphBuilder, values: Readonly<Record<string, GraphValue>>) => readonly GraphValue[],
  options: GradCheckOptions,
): GradCheckResult {
  const { rng } = options;
  const feeds = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, tensorOf(input, rng)]));
  const differentiated = Object.keys(inputs).filter((name) => feeds[name]!.dtype === 'float64');
  const builder = createGraphBuilder('gradcheck');
  const values = Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, shape }]) => [name, builder.input(name, dtype, shape)]),
  );
  let loss: GraphValue | undefined;
  for (const output of build(builder, values)) {
    if (output.dtype !== 'float64') continue;
    const weights = builder.constant(tensorOf({ shape: output.shape }, rng));
    const term = builder.reduceSum(builder.mul(output, weights));
    loss = loss === undefined ? term : builder.add(loss, term);
  }
  if (loss === undefined) {
    throw gradError('TF-GRAD-001', { subject: 'checkGradients', expected: 'at least one float64 output' });
  }
  return compareWithDifferences(builder, loss, { feeds, wrt: differentiated }, options);
}

/** Checks the gradients of a loss that is built already (a whole model).
 *  @param subject.feeds  float64 values of everything the graph reads by name; those in `wrt` are varied
 *  Mutates: builder (appends the backward pass and outputs).
 *  @throws TF-GRAD-005 */
export function compareWithDifferences(
  builder: GraphBuilder,
  loss: GraphValue,
  subject: { readonly feeds: Readonly<Record<string, Tensor>>; readonly wrt: readonly string[] },
  options: GradCheckOptions,
): GradCheckResult {
  const { run, rng, step = 1e-4, tolerance = 1e-7, maxElements = 64, numDirections = 3 } = options;
  const lossName = builder.output(loss).name;
  const forward = builder.finish();
  const wrt = subject.wrt.map((name) => builder.valueNamed(name));
  const gradients = backward(builder, builder.valueNamed(lossName), wrt);
  gradients.forEach((gradient, i) => builder.output(gradient, `grad/${subject.wrt[i]!}`));
  const analytic = run(builder.finish(), subject.feeds);

  const lossAt = (name: string, data: Float64Array): number => {
    const moved = { ...subject.feeds, [name]: { ...subject.feeds[name]!, dtype: 'float64', data } as Tensor };
    return run(forward, moved)[lossName]!.data[0] as number;
  };
  const errors = new Map<string, number>();
  let numCompared = 0;
  for (const name of subject.wrt) {
    const start = Float64Array.from(subject.feeds[name]!.data as Float64Array);
    const gradient = analytic[`grad/${name}`]!.data as Float64Array;
    let worst = 0;
    for (const direction of directionsFor(start.length, { maxElements, numDirections, rng })) {
      const difference = differenceAlong((data) => lossAt(name, data), start, direction, step);
      const slope = dot(gradient, direction);
      const error = Math.abs(slope - difference) / Math.max(SMALLEST_SLOPE, Math.abs(difference));
      numCompared++;
      worst = Math.max(worst, error);
      if (error <= tolerance) continue;
      throw gradError('TF-GRAD-005', {
        subject: 'checkGradients',
        expected: `the slope ${difference.toPrecision(9)} within ${tolerance}`,
        actual: slope.toPrecision(9),
        location: `input "${name}", ${describeDirection(direction)}`,
      });
    }
    errors.set(name, worst);
  }
  return { errors, numCompared };
}

function tensorOf({ shape, dtype = 'float64', values }: GradCheckInput, rng: Rng): Tensor {
  const count = numel(shape);
  if (dtype === 'int64') return { dtype, shape, data: BigInt64Array.from(values ?? [], BigInt) };
  if (dtype === 'bool') return { dtype, shape, data: Uint8Array.from(values ?? []) };
  return { dtype: 'float64', shape, data: Float64Array.from({ length: count }, (_, i) => values?.[i] ?? rng.normal()) };
}

/** Unit vectors of every element, or a few random directions of length about one. */
function* directionsFor(
  count: number,
  options: { readonly maxElements: number; readonly numDirections: number; readonly rng: Rng },
): Generator<Float64Array> {
  if (count <= options.maxElements) {
    for (let i = 0; i < count; i++) {
      const direction = new Float64Array(count);
      direction[i] = 1;
      yield direction;
    }
    return;
  }
  const scale = 1 / Math.sqrt(count);
  for (let i = 0; i < options.numDirections; i++) {
    yield Float64Array.from({ length: count }, () => options.rng.normal() * scale);
  }
}

function differenceAlong(
  f: (data: Float64Array) => number,
  start: Float64Array,
  direction: Float64Array,
  step: number,
): number {
  const at = (distance: number): number => f(start.map((value, i) => value + distance * direction[i]!));
  const near = at(step) - at(-step);
  const far = at(2 * step) - at(-2 * step);
  return (8 * near - far) / (12 * step);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function describeDirection(direction: Float64Array): string {
  const element = direction.indexOf(1);
  return element >= 0 ? `element ${element}` : 'a random direction';
}
