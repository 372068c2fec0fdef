/** Models small enough for finite differences, with random inputs and well-conditioned parameters. */
import { createRng } from '../../src/base/index.ts';
import { createGraphBuilder } from '../../src/graph/index.ts';
import type { GraphBuilder, GraphValue } from '../../src/graph/index.ts';
import { createNet, crossEntropy, gpt, hybrid, moeDecoder, unet } from '../../src/nn/index.ts';
import type { Model, Net } from '../../src/nn/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';
import { int64s, normals } from './test-runner.ts';

export interface Subject {
  readonly model: Model;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly loss: (b: GraphBuilder, outputs: Readonly<Record<string, GraphValue>>) => GraphValue;
}

const [B, T, V] = [2, 4, 7];
const randomTokens = (): Tensor => {
  const rng = createRng(FIXED_SEED, 'tokens');
  return int64s(
    [B, T],
    Array.from({ length: B * T }, () => rng.integer(V)),
  );
};
export const labels = int64s(
  [B * T],
  Array.from({ length: B * T }, (_, i) => (3 * i + 1) % V),
);
const languageLoss: Subject['loss'] = (b, { logits }) => crossEntropy(b, logits!, b.constant(labels));
const decoder = { vocabulary: V, width: 8, layers: 2, heads: 2, context: T };

export const SUBJECTS: Readonly<Record<string, () => Subject>> = {
  'a 2-layer GPT': () => ({ model: gpt(decoder), inputs: { tokens: randomTokens() }, loss: languageLoss }),
  'a hybrid of Mamba-2 and attention': () => ({
    model: hybrid({
      vocabulary: V,
      width: 8,
      layers: ['mamba', 'attention'],
      hidden: 12,
      heads: 2,
      kvHeads: 1,
      context: T,
      headWidth: 4,
      stateWidth: 4,
      convWidth: 3,
      expand: 2,
    }),
    inputs: { tokens: randomTokens() },
    loss: languageLoss,
  }),
  'a mixture of experts': () => ({
    model: moeDecoder({ ...decoder, experts: 3, topK: 2, capacityFactor: 2, balanceWeight: 0.01 }),
    inputs: { tokens: randomTokens() },
    loss: languageLoss,
  }),
  'a U-Net': () => ({
    model: unet({ channels: 1, stages: [4, 8], heads: 2 }),
    inputs: {
      x: normals('x', [1, 1, 4, 4]),
      t: { dtype: 'float64', shape: [1], data: Float64Array.of(0.3) },
    },
    loss: (b, { noise }) => b.reduceMean(b.mul(noise!, noise!)),
  }),
};

export function buildSubject(
  subject: Subject,
  isCheckpointed: boolean,
): { b: GraphBuilder; net: Net; loss: GraphValue } {
  const b = createGraphBuilder('model');
  const net = createNet(b, { isTraining: true, isCheckpointed });
  const inputs = Object.fromEntries(
    Object.entries(subject.inputs).map(([name, { dtype, shape }]) => [
      name,
      b.input(name, dtype === 'float64' ? 'float32' : dtype, shape),
    ]),
  );
  let loss = subject.loss(b, subject.model.forward(net, inputs));
  for (const term of net.extraLosses) loss = b.add(loss, term);
  return { b, net, loss };
}

/** Routing jumps where two experts tie; with a fixed seed no step of a difference can cross such a place by chance. */
const FIXED_SEED = 20260417;

/** Weights near their size in trained models, scales near one: random but well conditioned. */
export function statesOf(net: Net): Record<string, Tensor> {
  return Object.fromEntries(
    [...net.states.values()].map((spec) => {
      const initial = new Float32Array(spec.shape.reduce((count, size) => count * size, 1));
      spec.init(initial, spec.shape, 1);
      const noise = normals(spec.name, spec.shape, 0.3, FIXED_SEED);
      return [spec.name, { ...noise, data: noise.data.map((value, i) => value + initial[i]!) }];
    }),
  );
}
