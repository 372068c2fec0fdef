import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  buildTrainStep,
  createTrainer,
  crossEntropy,
  f32,
  fit,
  generalisedCrossEntropy,
  i64,
  linear,
  sgd,
  type Model,
  type TrainStepOptions,
} from '../../src/nn/index.ts';

const model: Model = {
  name: 'line',
  forward: (net, inputs) => ({ logits: linear(net, 'head', inputs['x'], 3) }),
};
const withLoss = (loss: TrainStepOptions['loss'], more: Partial<TrainStepOptions> = {}): TrainStepOptions => ({
  model,
  inputs: { x: f32(4, 2), y: i64(4) },
  loss,
  optimizer: sgd({ learningRate: 0.1 }),
  ...more,
});
const plain: TrainStepOptions['loss'] = ({ g, outputs, inputs }) => crossEntropy(g, outputs['logits'], inputs['y']);

test('numbers that would turn an update round or smooth a label away are refused with their range', () => {
  const smoothed: TrainStepOptions['loss'] = ({ g, outputs, inputs }) =>
    crossEntropy(g, outputs['logits'], inputs['y'], { labelSmoothing: 2 });
  const flat: TrainStepOptions['loss'] = ({ g, outputs, inputs }) =>
    generalisedCrossEntropy(g, outputs['logits'], inputs['y'], { q: 0 });
  const cases: readonly (readonly [TrainStepOptions, string])[] = [
    [withLoss(smoothed), 'crossEntropy: labelSmoothing from 0 to below 1, got 2.'],
    [withLoss(flat), 'generalisedCrossEntropy: q above 0, got 0.'],
    [withLoss(plain, { clipNorm: -1 }), 'buildTrainStep: clipNorm above 0, got -1.'],
    [withLoss(plain, { emaDecay: 1.5 }), 'buildTrainStep: emaDecay from 0 to below 1, got 1.5.'],
    [withLoss(plain, { lossScale: 0 }), 'buildTrainStep: lossScale above 0, got 0.'],
  ];
  for (const [options, message] of cases) {
    assert.throws(
      () => buildTrainStep(options),
      (error: Error) => error.message.startsWith(message),
      message,
    );
  }
  assert.ok(buildTrainStep(withLoss(plain, { clipNorm: 1, emaDecay: 0.9, lossScale: 8 })).graph.nodes.length > 0);
});

test('a loop over steps that are no number is refused, not skipped', async () => {
  await using trainer = await createTrainer(withLoss(plain));
  const batchAt = (): never => assert.fail('no batch is asked for');
  await assert.rejects(fit({ trainer, batchAt, totalSteps: NaN }), {
    message: 'fit: totalSteps of at least 0, got NaN. Give totalSteps of at least 0. TF-NN-001',
  });
});
