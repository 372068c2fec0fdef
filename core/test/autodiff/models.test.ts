/** Gradients of whole models against finite differences in float64, and with checkpointing against those without. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backward, compareWithDifferences } from '../../src/autodiff/index.ts';
import { createRng } from '../../src/base/index.ts';
import { createGraphBuilder } from '../../src/graph/index.ts';
import type { GraphBuilder, GraphValue } from '../../src/graph/index.ts';
import { crossEntropy, createNet, gpt, hybrid, moeDecoder, unet } from '../../src/nn/index.ts';
import type { Model, Net } from '../../src/nn/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';
import { int64s, normals, run64, seed, worstError } from './test-runner.ts';

interface Subject {
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
const labels = int64s(
  [B * T],
  Array.from({ length: B * T }, (_, i) => (3 * i + 1) % V),
);
const languageLoss: Subject['loss'] = (b, { logits }) => crossEntropy(b, logits!, b.constant(labels));
const decoder = { vocabulary: V, width: 8, layers: 2, heads: 2, context: T };

const SUBJECTS: Readonly<Record<string, () => Subject>> = {
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

function buildSubject(subject: Subject, isCheckpointed: boolean): { b: GraphBuilder; net: Net; loss: GraphValue } {
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
function statesOf(net: Net): Record<string, Tensor> {
  return Object.fromEntries(
    [...net.states.values()].map((spec) => {
      const initial = new Float32Array(spec.shape.reduce((count, size) => count * size, 1));
      spec.init(initial, spec.shape, 1);
      const noise = normals(spec.name, spec.shape, 0.3, FIXED_SEED);
      return [spec.name, { ...noise, data: noise.data.map((value, i) => value + initial[i]!) }];
    }),
  );
}

for (const [title, create] of Object.entries(SUBJECTS)) {
  test(`gradients of ${title} equal finite differences in every parameter`, () => {
    const subject = create();
    const { b, net, loss } = buildSubject(subject, false);
    const wrt = [...net.parameters.keys()];
    const result = compareWithDifferences(
      b,
      loss,
      { feeds: { ...subject.inputs, ...statesOf(net) }, wrt },
      { run: run64, rng: createRng(seed, title), maxElements: 4, numDirections: 2, tolerance: 1e-6, step: 3e-5 },
    );
    assert.equal(result.errors.size, wrt.length);
    assert.ok(wrt.length >= 10);
  });

  test(`checkpointing leaves the gradients of ${title} as they are`, () => {
    const subject = create();
    const outputs = [false, true].map((isCheckpointed) => {
      const { b, net, loss } = buildSubject(subject, isCheckpointed);
      const names = [...net.parameters.keys()];
      const gradients = backward(b, loss, [...net.parameters.values()]);
      gradients.forEach((gradient, i) => b.output(gradient, `grad/${names[i]!}`));
      const graph = b.finish();
      const read = new Set([...graph.outputs, ...graph.nodes.flatMap((node) => node.inputs)]);
      const dead = graph.nodes.filter(
        ({ notes, outputs }) => notes.phase === 'backward' && !outputs.some((id) => read.has(id)),
      );
      assert.deepEqual(
        dead.map((node) => node.name),
        [],
        'the backward pass holds no node that nobody reads',
      );
      return run64(graph, { ...subject.inputs, ...statesOf(net) });
    });
    const [plain, checkpointed] = outputs as [Record<string, Tensor>, Record<string, Tensor>];
    assert.ok(Object.keys(plain).length >= 10);
    for (const [name, expected] of Object.entries(plain)) {
      assert.ok(worstError(checkpointed[name]!, expected) < 1e-10, name);
    }
  });
}
