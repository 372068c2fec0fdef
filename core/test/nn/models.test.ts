import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  buildInference,
  buildTrainStep,
  createTrainer,
  gpt,
  hybrid,
  hybridStateInputs,
  initialStates,
  cacheMask,
  i64,
  llama,
  normal,
  sgd,
  crossEntropy,
  adamW,
} from '../../src/nn/index.ts';
import { streamFromId } from '../../src/base/index.ts';
import { openBackend } from '../../src/runtime/index.ts';
import type { StateValues } from '../../src/runtime/index.ts';
import { assertTensorsClose, createTensor, relativeFrobeniusError } from '../../src/tensor/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';
import { feedsFor, HYBRID_CONFIG, LLAMA_CONFIG, MODEL_CASES } from './model-cases.ts';

const RATE: Tensor = { dtype: 'float32', shape: [], data: Float32Array.of(0.1) };

for (const modelCase of MODEL_CASES) {
  test(`a training step of ${modelCase.name} updates every state on cpu as on the reference`, async () => {
    const step = buildTrainStep({ ...modelCase, optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }) });
    const states = withoutZeros(initialStates(step.states, { seed: 3 }));
    const after = async (backend: 'reference' | 'cpu') => {
      await using session = await (await openBackend(backend)).createSession(step.graph, states);
      const { loss } = await session.run({ ...feedsFor(modelCase), 'optimizer.rate': RATE });
      const values: Record<string, Tensor> = { loss };
      for (const name of step.states.keys()) values[name] = await session.readState(name);
      return values;
    };
    const [expected, actual] = [await after('reference'), await after('cpu')];
    for (const [name, tensor] of Object.entries(expected)) assertTensorsClose(actual[name], tensor);
    const changed = [...step.states.keys()].filter(
      (name) => !equalData(expected[name], states[name] ?? createTensor('float32', expected[name].shape)),
    );
    assert.ok(changed.length > step.states.size / 2, 'the step moves most states');
  });
}

test('recomputed segments give the update of the plain step bit for bit on the reference', async () => {
  const modelCase = MODEL_CASES.find(({ name }) => name === 'llama')!;
  const update = async (isCheckpointed: boolean) => {
    const step = buildTrainStep({ ...modelCase, optimizer: sgd({ learningRate: 0.1 }), isCheckpointed });
    await using session = await (await openBackend('reference')).createSession(step.graph, initialStates(step.states));
    await session.run({ ...feedsFor(modelCase), 'optimizer.rate': RATE });
    return { nodes: step.graph.nodes.length, weight: await session.readState('model.layers.0.mlp.up_proj.weight') };
  };
  const [plain, recomputed] = [await update(false), await update(true)];
  assert.ok(recomputed.nodes > plain.nodes, 'segments are computed again');
  assert.deepEqual(recomputed.weight.data, plain.weight.data);
});

test('recomputed segments of every model give the update of the plain step on cpu', async () => {
  for (const modelCase of MODEL_CASES) {
    const update = async (isCheckpointed: boolean) => {
      const step = buildTrainStep({ ...modelCase, optimizer: sgd({ learningRate: 0.1 }), isCheckpointed });
      await using session = await (await openBackend('cpu')).createSession(step.graph, initialStates(step.states));
      await session.run({ ...feedsFor(modelCase), 'optimizer.rate': RATE });
      const values: Record<string, Tensor> = {};
      for (const name of step.states.keys()) values[name] = await session.readState(name);
      return values;
    };
    const [plain, recomputed] = [await update(false), await update(true)];
    for (const [name, tensor] of Object.entries(plain)) assertTensorsClose(recomputed[name], tensor);
  }
});

test('the hybrid in chunks behind its state gives the logits of the whole sequence', async () => {
  const tokens = BigInt64Array.from({ length: 12 }, (_, i) => BigInt((7 * i + 3) % 23));
  const model = hybrid(HYBRID_CONFIG);
  const whole = buildInference({ model, inputs: { tokens: i64(1, 12) }, outputs: ['logits'] });
  const parameters = initialStates(whole.states, { seed: 5 });
  const backend = await openBackend('cpu');
  await using session = await backend.createSession(whole.graph, parameters);
  const { logits: expected } = await session.run({ tokens: { dtype: 'int64', shape: [1, 12], data: tokens } });

  const capacity = 16;
  let carried: Record<string, Tensor> = {};
  const rows: number[] = [];
  let past = 0;
  for (const length of [8, 1, 3]) {
    const inputs = hybridStateInputs(HYBRID_CONFIG, { length, capacity });
    const chunk = buildInference({ model, inputs });
    if (past === 0) {
      for (const [name, { shape }] of Object.entries(inputs)) {
        if (/^(past|conv|ssm)\./.test(name)) carried[name] = createTensor('float32', shape);
      }
    }
    await using step = await backend.createSession(chunk.graph, parameters);
    const positions = BigInt64Array.from({ length }, (_, i) => BigInt(past + i));
    const results = await step.run({
      ...carried,
      tokens: { dtype: 'int64', shape: [1, length], data: tokens.slice(past, past + length) },
      positions: { dtype: 'int64', shape: [length], data: positions },
      mask: {
        dtype: 'float32',
        shape: [length, capacity + length],
        data: cacheMask({ length, capacity, pastLength: past }),
      },
    });
    rows.push(...(results['logits'].data as Float32Array));
    carried = Object.fromEntries(
      Object.entries(carried).map(([name, tensor]) => [name, advance(name, tensor, results, past)]),
    );
    past += length;
  }
  assertTensorsClose({ dtype: 'float32', shape: [12, 23], data: Float32Array.from(rows) }, expected);
});

test('llama behind a cache gives the logits of the whole sequence', async () => {
  const model = llama(LLAMA_CONFIG);
  const whole = buildInference({ model, inputs: { tokens: i64(1, 6) }, outputs: ['logits'] });
  const parameters = initialStates(whole.states, { seed: 5 });
  const backend = await openBackend('cpu');
  const tokens = BigInt64Array.of(3n, 9n, 1n, 22n, 0n, 7n);
  await using session = await backend.createSession(whole.graph, parameters);
  const { logits: expected } = await session.run({ tokens: { dtype: 'int64', shape: [1, 6], data: tokens } });
  const cache = Object.fromEntries(
    [0, 1].flatMap((layer) =>
      ['k', 'v'].map((part) => [`past.${layer}.${part}`, { dtype: 'float32' as const, shape: [1, 2, 8, 4] }]),
    ),
  );
  const one = buildInference({
    model,
    inputs: { tokens: i64(1, 1), positions: i64(1), mask: { dtype: 'float32', shape: [1, 9] }, ...cache },
  });
  await using step = await backend.createSession(one.graph, parameters);
  let carried: Record<string, Tensor> = Object.fromEntries(
    Object.entries(cache).map(([name, { shape }]) => [name, createTensor('float32', shape)]),
  );
  const rows: number[] = [];
  for (let past = 0; past < 6; past++) {
    const results = await step.run({
      ...carried,
      tokens: { dtype: 'int64', shape: [1, 1], data: tokens.slice(past, past + 1) },
      positions: { dtype: 'int64', shape: [1], data: BigInt64Array.of(BigInt(past)) },
      mask: { dtype: 'float32', shape: [1, 9], data: cacheMask({ length: 1, capacity: 8, pastLength: past }) },
    });
    rows.push(...(results['logits'].data as Float32Array));
    carried = Object.fromEntries(
      Object.entries(carried).map(([name, tensor]) => [name, advance(name, tensor, results, past)]),
    );
  }
  assertTensorsClose({ dtype: 'float32', shape: [6, 23], data: Float32Array.from(rows) }, expected);
});

test('a small GPT learns a periodic text', async () => {
  const text = Array.from({ length: 400 }, (_, i) => (i * i) % 11);
  await using trainer = await createTrainer({
    model: gpt({ vocabulary: 11, width: 32, layers: 2, heads: 2, context: 16 }),
    inputs: { tokens: i64(4, 16), targets: i64(4, 16) },
    loss: ({ g, outputs, inputs }) => crossEntropy(g, outputs['logits'], inputs['targets']),
    optimizer: adamW({ learningRate: 3e-3 }),
    clipNorm: 1,
  });
  const batch = (step: number): StateValues => {
    const tokens = new BigInt64Array(64);
    const targets = new BigInt64Array(64);
    for (let row = 0; row < 4; row++) {
      for (let i = 0; i < 16; i++) {
        const at = ((step * 37 + row * 91) % 380) + i;
        tokens[row * 16 + i] = BigInt(text[at]);
        targets[row * 16 + i] = BigInt(text[at + 1]);
      }
    }
    return {
      tokens: { dtype: 'int64', shape: [4, 16], data: tokens },
      targets: { dtype: 'int64', shape: [4, 16], data: targets },
    };
  };
  const losses: number[] = [];
  for (let step = 0; step < 150; step++) losses.push((await trainer.step(batch(step))).loss);
  assert.ok(losses[0] > 2, `starts near log 11, got ${losses[0]}`);
  assert.ok(losses.at(-1)! < 0.6, `ends low, got ${losses.at(-1)}`);
});

test('the model computes in float16 what it computes in float32, to half precision', async () => {
  const modelCase = MODEL_CASES.find(({ name }) => name === 'mlp')!;
  const logits = async (computeDtype: 'float32' | 'float16') => {
    const { graph, states } = buildInference({
      model: modelCase.model,
      inputs: { x: modelCase.inputs['x'] },
      outputs: ['logits'],
      computeDtype,
    });
    const { x } = feedsFor(modelCase);
    await using session = await (await openBackend('cpu')).createSession(graph, initialStates(states));
    return (await session.run({ x }))['logits'];
  };
  const [single, half] = [await logits('float32'), await logits('float16')];
  assert.equal(half.dtype, 'float16');
  const error = relativeFrobeniusError(half, single);
  assert.ok(error > 0 && error < 5e-3, `relative error ${error}`);
});

/** Models that start layers at zero pass no gradient through them at first: fill those with small numbers. */
function withoutZeros(states: StateValues): StateValues {
  return Object.fromEntries(
    Object.entries(states).map(([name, tensor]) => {
      const isZero = (tensor.data as Float32Array).every((value) => value === 0);
      if (!isZero || /running_|m$|v$/.test(name)) return [name, tensor];
      const data = new Float32Array(tensor.data.length);
      normal(0.1)(data, tensor.shape, streamFromId(name, 3));
      return [name, { ...tensor, data } as Tensor];
    }),
  );
}

function equalData(a: Tensor, b: Tensor): boolean {
  return (a.data as Float32Array).every((value, i) => value === b.data[i]);
}

/** What the caller of a serving step does with its results: append keys and values, replace recurrent states. */
function advance(name: string, tensor: Tensor, results: Readonly<Record<string, Tensor>>, past: number): Tensor {
  if (!name.startsWith('past.')) return results[`next.${name}`];
  const present = results[name.replace('past', 'present')];
  const [, heads, capacity, width] = tensor.shape;
  const length = present.shape[2];
  const data = (tensor.data as Float32Array).slice();
  for (let head = 0; head < heads; head++) {
    const rows = (present.data as Float32Array).subarray(head * length * width, (head + 1) * length * width);
    data.set(rows, (head * capacity + past) * width);
  }
  return { ...tensor, data } as Tensor;
}
