import assert from 'node:assert/strict';
import { test } from 'node:test';
import { predictMini } from '../src/execute/mini-prediction.ts';
import type { MiniCosts } from '../src/execute/mini-profile.ts';
import { equalStages, evenEnds, evenFrozen, pipelineWords, planMini, type MiniSetup } from '../src/execute/run-mini.ts';
import { MINI } from '../src/execute/mini-model.ts';

const BATCH = 8;
const close = (found: number, expected: number): void =>
  assert.ok(Math.abs(found - expected) < 1e-9, `${found} instead of ${expected}`);

const costs = (numStages: number, more: Partial<MiniCosts> = {}): MiniCosts => ({
  forwardMs: Array<number>(numStages).fill(10),
  backwardMs: Array<number>(numStages).fill(20),
  frozen: [
    { id: 'image', preds: [], layers: [0, 1, 2, 3].map((layer) => frozenLayer(`image.${layer}`, 1)) },
    { id: 'text', preds: [], layers: [0, 1].map((layer) => frozenLayer(`text.${layer}`, 0.5)) },
  ],
  sharing: 1,
  cutForwardMs: Array<number>(numStages - 1).fill(0),
  cutBackwardMs: Array<number>(numStages - 1).fill(0),
  beginMs: 0,
  exchangeMs: 0,
  endMs: 0,
  ...more,
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

const setupOf = (numStages: number, numMicroBatches: number): MiniSetup => ({
  config: MINI,
  batch: BATCH,
  numMicroBatches,
  stages: equalStages(evenEnds(numStages)),
  warmup: 'commAware',
});

const plain = (setup: MiniSetup) => ({
  instructions: pipelineWords(setup),
  frozen: setup.stages.map(() => []),
  isFilled: false,
});

test('equal stages without transfers take (M + S − 1) rounds, and what surrounds an iteration is added', () => {
  for (const numStages of [1, 2, 4])
    for (const numMicroBatches of [1, 2, 8]) {
      const setup = setupOf(numStages, numMicroBatches);
      close(predictMini(plain(setup), costs(numStages)).iterationMs, (numMicroBatches + numStages - 1) * 30);
      const around = costs(numStages, { beginMs: 1, exchangeMs: 2, endMs: 3 });
      close(predictMini(plain(setup), around).iterationMs, (numMicroBatches + numStages - 1) * 30 + 6);
    }
});

test('one micro-batch runs alone: each pass is as much faster as sharing costs, and every transfer counts', () => {
  const setup = setupOf(2, 1);
  const shared = costs(2, { sharing: 1.5, cutForwardMs: [2], cutBackwardMs: [3] });
  close(predictMini(plain(setup), shared).iterationMs, 60 / 1.5 + 5);
});

test('frozen work first is added as the slower worker takes it, while all workers compute', () => {
  const setup = setupOf(2, 2);
  const run = { ...plain(setup), frozen: evenFrozen(BATCH, 2) };
  // Four samples each: 4 layers of 1 ms and 2 of 0.5 ms a sample.
  close(
    predictMini(run, costs(2, { sharing: 1.25 })).iterationMs -
      predictMini(plain(setup), costs(2, { sharing: 1.25 })).iterationMs,
    20,
  );
});

test('the instructions of a filled plan take what the filling says', () => {
  for (const numMicroBatches of [2, 4]) {
    const setup = setupOf(2, numMicroBatches);
    const plan = planMini(setup, costs(2), { forward: [0], backward: [0] });
    const run = { instructions: plan.instructions, frozen: plan.frozen, isFilled: true };
    close(predictMini(run, costs(2)).iterationMs, plan.fill.iterationMs);
  }
});
