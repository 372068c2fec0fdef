import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  adamW,
  buildInference,
  createBatchOrder,
  createTrainer,
  crossEntropy,
  f32,
  fit,
  i64,
  initialStates,
  llama,
  llamaConfigFromJson,
  llamaParameters,
  loadCheckpoint,
  loadLlamaFolder,
  meanSquaredError,
  mlp,
  saveCheckpoint,
  saveLlamaFolder,
  sgd,
  stepDecay,
  warmupCosine,
  zeros,
} from '../../src/nn/index.ts';
import type { Model, Optimizer, TrainerOptions } from '../../src/nn/index.ts';
import { assertTensorsClose } from '../../src/tensor/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';
import { LLAMA_CONFIG } from './model-cases.ts';

/** One weight matrix w [1, 2] and the loss mean (w − x)²: the gradient is w − x, since there are two elements. */
const point: Model = {
  name: 'point',
  forward: (net) => ({ w: net.parameter('w', [1, 2], (data) => data.set([1, -2])) }),
};
const TARGET = [0.5, 1];

async function walk(optimizer: Optimizer, steps: number, extra: Partial<TrainerOptions> = {}) {
  await using trainer = await createTrainer({
    model: point,
    inputs: { x: f32(1, 2) },
    loss: ({ g, outputs, inputs }) => meanSquaredError(g, outputs['w'], inputs['x']),
    optimizer,
    ...extra,
  });
  const results = [];
  const x: Tensor = { dtype: 'float32', shape: [1, 2], data: Float32Array.from(TARGET) };
  for (let step = 0; step < steps; step++) results.push(await trainer.step({ x }));
  const states = await trainer.allStates();
  return { w: [...(states['w'].data as Float32Array)], states, results };
}

function assertNear(actual: readonly number[], expected: readonly number[]): void {
  actual.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-5, `${actual} for ${expected}`));
}

test('SGD with momentum, Nesterov and weight decay follows its formulas', async () => {
  for (const nesterov of [false, true]) {
    const { w } = await walk(sgd({ learningRate: 0.1, momentum: 0.9, nesterov, weightDecay: 0.05 }), 4);
    const expected = [1, -2];
    const velocity = [0, 0];
    for (let step = 0; step < 4; step++) {
      for (const i of [0, 1]) {
        const gradient = expected[i] - TARGET[i] + 0.05 * expected[i];
        velocity[i] = 0.9 * velocity[i] + gradient;
        expected[i] -= 0.1 * (nesterov ? gradient + 0.9 * velocity[i] : velocity[i]);
      }
    }
    assertNear(w, expected);
  }
});

test('AdamW follows its formulas, parameter by parameter and as one vector', async () => {
  const expected = [1, -2];
  const m = [0, 0];
  const v = [0, 0];
  for (let step = 1; step <= 5; step++) {
    for (const i of [0, 1]) {
      const gradient = expected[i] - TARGET[i];
      m[i] = 0.9 * m[i] + 0.1 * gradient;
      v[i] = 0.99 * v[i] + 0.01 * gradient ** 2;
      const change = m[i] / (1 - 0.9 ** step) / (Math.sqrt(v[i] / (1 - 0.99 ** step)) + 1e-8);
      expected[i] = expected[i] * (1 - 0.05 * 0.1) - 0.05 * change;
    }
  }
  for (const isUpdateFused of [false, true]) {
    const optimizer = adamW({ learningRate: 0.05, beta2: 0.99, weightDecay: 0.1 });
    const { w, states } = await walk(optimizer, 5, { isUpdateFused });
    assertNear(w, expected);
    assertNear([...(states[isUpdateFused ? 'optimizer/decayed/m' : 'w/m'].data as Float32Array)], m);
  }
});

test('clipping shortens the gradient to the given norm and reports the norm before', async () => {
  const { w, results } = await walk(sgd({ learningRate: 1 }), 1, { clipNorm: 0.5 });
  const norm = Math.hypot(0.5, -3);
  assertNear([results[0].gradNorm!], [norm]);
  assertNear(w, [1 - (0.5 * 0.5) / norm, -2 + (0.5 * 3) / norm]);
});

test('the moving average starts at the parameter and follows it', async () => {
  const { states } = await walk(sgd({ learningRate: 0.1 }), 2, { emaDecay: 0.9 });
  const w = [1, -2];
  const average = [1, -2];
  for (let step = 0; step < 2; step++) {
    for (const i of [0, 1]) {
      w[i] -= 0.1 * (w[i] - TARGET[i]);
      average[i] = 0.9 * average[i] + 0.1 * w[i];
    }
  }
  assertNear([...(states['ema/w'].data as Float32Array)], average);
});

test('a loss scale changes neither loss nor update', async () => {
  const [plain, scaled] = [
    await walk(sgd({ learningRate: 0.1 }), 2),
    await walk(sgd({ learningRate: 0.1 }), 2, { lossScale: 64 }),
  ];
  assertNear(scaled.w, plain.w);
  assertNear([scaled.results[1].loss], [plain.results[1].loss]);
});

test('a loss that is no number stops training and names the step', async () => {
  await assert.rejects(
    walk(sgd({ learningRate: 1e30 }), 8),
    /step: a finite loss, got .* \(step \d+\)\. Lower the learning rate.* TF-NN-004/,
  );
});

test('parameters left out of training stay as they are', async () => {
  const { w } = await walk(sgd({ learningRate: 0.1 }), 2, { isTrained: (name) => name !== 'w', model: twoPoints });
  assert.deepEqual(w, [1, -2]);
});

const twoPoints: Model = {
  name: 'twoPoints',
  forward(net) {
    const w = net.parameter('w', [1, 2], (data) => data.set([1, -2]));
    return {
      w: net.g.add(
        w,
        net.parameter('b', [1, 2], (data) => data.fill(0)),
      ),
    };
  },
};

test('dropout leaves about the right share, changes its mask at every step, and is absent from predictions', async () => {
  await using trainer = await createTrainer({
    model: {
      name: 'drop',
      forward: (net, inputs) => ({ y: net.dropout(net.g.add(inputs['x'], net.parameter('b', [1], zeros)), 0.25) }),
    },
    inputs: { x: f32(64, 64) },
    loss: ({ g, outputs }) => g.reduceMean(outputs['y']),
    optimizer: sgd({ learningRate: 0 }),
    outputs: ['y'],
    seed: 3,
  });
  const x: Tensor = { dtype: 'float32', shape: [64, 64], data: new Float32Array(4096).fill(3) };
  const masks: number[][] = [];
  for (let step = 0; step < 2; step++) masks.push([...((await trainer.step({ x })).outputs['y'].data as Float32Array)]);
  for (const mask of masks) {
    assert.deepEqual(
      [...new Set(mask)].toSorted((a, b) => a - b),
      [0, 4],
    );
    const dropped = mask.filter((value) => value === 0).length / mask.length;
    assert.ok(Math.abs(dropped - 0.25) < 0.03, `${dropped} dropped`);
  }
  const numEqual = masks[0].filter((value, i) => value === masks[1][i]).length;
  assert.ok(numEqual / 4096 < 0.7, 'independent masks agree in 62.5 %');
  assert.deepEqual((await trainer.predict({ x }))['y'].data, x.data);
});

test('schedules rise over the warm-up, reach their end, and drop at milestones', () => {
  const cosine = warmupCosine({ peak: 1, totalSteps: 110, warmupSteps: 10, end: 0.1 });
  assert.deepEqual([cosine(0), cosine(9), cosine(10)], [0.1, 1, 1]);
  assert.ok(Math.abs(cosine(60) - 0.55) < 1e-12);
  assert.ok(Math.abs(cosine(110) - 0.1) < 1e-12);
  const decay = stepDecay({ start: 1, milestones: [2, 4], factor: 0.5 });
  assert.deepEqual([1, 2, 4].map(decay), [1, 0.5, 0.25]);
});

test('every epoch is a permutation of the rows, the same for the same seed', () => {
  const order = createBatchOrder({ count: 10, batchSize: 5, seed: 1 });
  const epoch = (e: number): number[] => [...order.rowsAt(2 * e), ...order.rowsAt(2 * e + 1)];
  const [first, second] = [epoch(0), epoch(1)];
  assert.deepEqual(
    first.toSorted((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  assert.notDeepEqual(first, second);
  assert.deepEqual(epoch(0), first);
});

const classifier = (states?: TrainerOptions['states'], step = 0): TrainerOptions => ({
  model: mlp({ hidden: [8], classes: 3 }),
  inputs: { x: f32(4, 5), y: i64(4) },
  loss: ({ g, outputs, inputs }) => crossEntropy(g, outputs['logits'], inputs['y']),
  optimizer: adamW({ learningRate: 0.01 }),
  step,
  ...(states === undefined ? {} : { states }),
});
const batchAt = (step: number): Record<string, Tensor> => ({
  x: { dtype: 'float32', shape: [4, 5], data: Float32Array.from({ length: 20 }, (_, i) => Math.sin(i * 1.7 + step)) },
  y: { dtype: 'int64', shape: [4], data: BigInt64Array.from({ length: 4 }, (_, i) => BigInt((i + step) % 3)) },
});

test('a run resumed from a checkpoint ends with the bits of the run that went through', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-nn-'));
  try {
    const path = join(folder, 'half.safetensors');
    await using whole = await createTrainer(classifier());
    await fit({ trainer: whole, batchAt, totalSteps: 4 });
    await saveCheckpoint(path, whole);
    await fit({ trainer: whole, batchAt, totalSteps: 8 });

    const { states, step } = await loadCheckpoint(path, { fits: whole.trainStep.states });
    assert.equal(step, 4);
    await using resumed = await createTrainer(classifier(states, step));
    await fit({ trainer: resumed, batchAt, totalSteps: 8 });
    assert.deepEqual(await resumed.allStates(), await whole.allStates());
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a checkpoint of another model is refused by the first tensor that differs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-nn-'));
  try {
    const path = join(folder, 'other.safetensors');
    await using trainer = await createTrainer(classifier());
    await saveCheckpoint(path, trainer);
    await using wider = await createTrainer({ ...classifier(), model: mlp({ hidden: [9], classes: 3 }) });
    await assert.rejects(loadCheckpoint(path, { fits: wider.trainStep.states }), (error: Error) =>
      /^loadCheckpoint: "fc1\.weight" \[9, 5\], got \[8, 5\] \(.*other\.safetensors\)\. TF-NN-003$/.test(error.message),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('early stop goes back to the parameters with the best score', async () => {
  await using trainer = await createTrainer(classifier());
  const scores = [0.5, 0.9, 0.4, 0.3];
  let best: unknown;
  const result = await fit({
    trainer,
    batchAt,
    totalSteps: 100,
    evaluateEvery: 1,
    patience: 2,
    evaluate: async (current) => {
      const score = scores[current.stepCount - 1];
      if (score === 0.9) best = await current.parameters();
      return score;
    },
  });
  assert.equal(result.stoppedEarly, true);
  assert.equal(trainer.stepCount, 4);
  assert.deepEqual(await trainer.parameters(), best);
});

test('a cancel request stops training between two updates and keeps the trainer', async () => {
  await using trainer = await createTrainer(classifier());
  const controller = new AbortController();
  await assert.rejects(
    fit({
      trainer,
      batchAt,
      totalSteps: 100,
      signal: controller.signal,
      onStep: ({ step }) => step === 3 && controller.abort(),
    }),
    /TF-BASE-001/,
  );
  assert.equal(trainer.stepCount, 3);
  assert.equal((await trainer.step(batchAt(3))).loss > 0, true);
});

test('a Llama folder comes back as it was written, and as bfloat16 to three digits', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-nn-'));
  try {
    const parameters = initialStates(llamaParameters(LLAMA_CONFIG), { seed: 2 });
    await saveLlamaFolder(folder, { config: LLAMA_CONFIG, parameters });
    const loaded = await loadLlamaFolder(folder);
    assert.deepEqual(loaded.parameters, parameters);
    const { graph } = buildInference({ model: llama(loaded.config), inputs: { tokens: i64(1, 4) } });
    assert.deepEqual(graph.states.map(({ name }) => name).toSorted(), Object.keys(parameters).toSorted());
    await saveLlamaFolder(folder, { config: LLAMA_CONFIG, parameters }, { dtype: 'bfloat16', force: true });
    const rounded = await loadLlamaFolder(folder);
    for (const [name, tensor] of Object.entries(parameters)) {
      assertTensorsClose(rounded.parameters[name], tensor, { tolerance: { absolute: 0, relative: 2 ** -8 } });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a configuration that computes otherwise is refused by its field', () => {
  assert.throws(
    () => llamaConfigFromJson({ ...LLAMA_CONFIG, rope_scaling: { factor: 8 } }),
    /llamaConfigFromJson: no rope_scaling, got \{"factor":8\} \(config\.json\)\. TF-NN-006/,
  );
  assert.throws(
    () => llamaConfigFromJson({ ...LLAMA_CONFIG, vocab_size: -1 }),
    /vocab_size to be a positive number, got -1/,
  );
});
