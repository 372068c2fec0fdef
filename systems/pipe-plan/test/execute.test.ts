import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openRankPool } from '@tenfold/core/ranks';
import { MINI, MINI_LAYERS } from '../src/execute/mini-model.ts';
import {
  equalStages,
  evenEnds,
  evenFrozen,
  pipelineWords,
  planMini,
  runMini,
  type MiniProfile,
  type MiniSetup,
} from '../src/execute/run-mini.ts';

const CONFIG = { ...MINI, channels: [16, 32], width: 8, encoderChannels: 4 } as const;
const BATCH = 8;

const setupOf = (numStages: number, numMicroBatches: number): MiniSetup => ({
  config: CONFIG,
  batch: BATCH,
  numMicroBatches,
  stages: equalStages(evenEnds(numStages)),
  warmup: 'commAware',
});

/** Times that leave bubbles in every stage; their size does not matter for results. */
const profile = (numStages: number): MiniProfile => ({
  forwardMs: Array<number>(numStages).fill(10),
  backwardMs: Array<number>(numStages).fill(20),
  frozen: [
    { id: 'image', preds: [], layers: [0, 1, 2, 3].map((layer) => frozenLayer(`image.${layer}`, 1)) },
    { id: 'text', preds: [], layers: [0, 1].map((layer) => frozenLayer(`text.${layer}`, 0.5)) },
  ],
});

const frozenLayer = (name: string, ms: number) => ({
  name,
  kind: 'frozen' as const,
  forward: { sizes: [1, 8], timesMs: [ms, 8 * ms] },
  paramBytes: 0,
  gradBytes: 0,
  activationBytesPerSample: 0,
  outputBytesPerSample: 0,
});

test('pipelined gradients equal those of the step without a pipeline to 1e-6, with skips, filled or not', async () => {
  await using pool = openRankPool();
  for (const numMicroBatches of [1, 2, 4]) {
    const whole = setupOf(1, numMicroBatches);
    const options = { numIterations: 2, learningRate: 0.05, returnsGradients: true };
    const reference = await runMini(pool, whole, {
      ...options,
      instructions: pipelineWords(whole),
      frozen: evenFrozen(BATCH, 1),
      isFilled: false,
    });
    const expected = reference.results[0]!.gradients;
    assert.ok(Object.keys(expected).length > MINI_LAYERS.length);
    const norm = (values: Float32Array): number => Math.hypot(...values);
    // Biases in front of a norm have gradients near 0: they are measured against a hundredth of the largest gradient.
    const floor = 0.01 * Math.max(...Object.values(expected).map(norm));
    for (const numStages of [2, 4]) {
      const setup = setupOf(numStages, numMicroBatches);
      const silent = Array<number>(numStages - 1).fill(0);
      const plan = planMini(setup, profile(numStages), { forward: silent, backward: silent });
      if (numMicroBatches > 1)
        assert.ok(plan.instructions.some((words) => words.slice(0, -2).some((word) => word.startsWith('Z'))));
      for (const isFilled of [false, true]) {
        const run = await runMini(pool, setup, {
          ...options,
          instructions: isFilled ? plan.instructions : pipelineWords(setup),
          frozen: isFilled ? plan.frozen : evenFrozen(BATCH, numStages),
          isFilled,
        });
        const found = Object.assign({}, ...run.results.map(({ gradients }) => gradients)) as Record<
          string,
          Float32Array
        >;
        assert.deepEqual(Object.keys(found).sort(), Object.keys(expected).sort());
        for (const [name, gradient] of Object.entries(expected)) {
          const error = norm(gradient.map((value, i) => value - found[name]![i]!)) / Math.max(norm(gradient), floor);
          assert.ok(error <= 1e-6, `S=${numStages} M=${numMicroBatches} ${name}: ${error}`);
        }
        const losses = run.results.at(-1)!.losses;
        losses.forEach((loss, k) =>
          assert.ok(Math.abs(loss - reference.results[0]!.losses[k]!) <= 1e-6 * Math.abs(loss)),
        );
      }
    }
  }
});
