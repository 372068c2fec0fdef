import assert from 'node:assert/strict';
import { test } from 'node:test';
import { predictMini } from '../src/execute/mini-prediction.ts';
import { frozenSizes, tablesOf, type MiniCosts } from '../src/execute/mini-profile.ts';
import { equalStages, evenEnds, evenFrozen, pipelineWords, planMini, type MiniSetup } from '../src/execute/run-mini.ts';
import { MINI } from '../src/execute/mini-model.ts';

const BATCH = 8;
const close = (found: number, expected: number): void =>
  assert.ok(Math.abs(found - expected) < 1e-9, `${found} instead of ${expected}`);

/** Image layers take 1 ms a sample, text layers 0.5 ms; passes 10 and 20 ms. */
const costs = (numStages: number, more: Partial<MiniCosts> = {}): MiniCosts => ({
  passMs: (kind) => (kind === 'F' ? 10 : 20),
  itemMs: (_stage, { component, count }) => (component === 'image' ? 1 : 0.5) * count,
  sharing: 1,
  cutForwardMs: Array<number>(numStages - 1).fill(0),
  cutBackwardMs: Array<number>(numStages - 1).fill(0),
  beginMs: Array<number>(numStages).fill(0),
  exchangeMs: Array<number>(numStages).fill(0),
  endMs: Array<number>(numStages).fill(0),
  ...more,
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
      const around = costs(numStages, {
        beginMs: Array<number>(numStages).fill(1),
        exchangeMs: Array<number>(numStages).fill(2),
        endMs: Array<number>(numStages).fill(3),
      });
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
    const { profile, cutMs } = tablesOf(setup, frozenSizes(setup), [costs(2)]);
    const plan = planMini(setup, profile, cutMs);
    const run = { instructions: plan.instructions, frozen: plan.frozen, isFilled: true };
    close(predictMini(run, costs(2)).iterationMs, plan.fill.iterationMs);
  }
});

test('every pass takes the time drawn for it: two rounds of unequal passes are the simulated sum, not that of means', () => {
  const setup = setupOf(2, 2);
  // The second forward pass of the first stage is late: the second stage waits for it.
  const late = costs(2, { passMs: (kind, stage, nth) => (kind === 'F' ? (stage === 0 && nth === 1 ? 50 : 10) : 20) });
  close(predictMini(plain(setup), late).iterationMs, 10 + 50 + 10 + 20 + 20);
});

test('a worker that wakes up late after a meeting delays what waits for it, and no more than that', () => {
  const setup = setupOf(2, 2);
  const ms = predictMini(plain(setup), costs(2)).iterationMs;
  // The second stage has 10 ms until its first input is there.
  close(predictMini(plain(setup), costs(2, { exchangeMs: [0, 8] })).iterationMs, ms);
  close(predictMini(plain(setup), costs(2, { exchangeMs: [8, 0] })).iterationMs, ms + 8);
  close(predictMini(plain(setup), costs(2, { endMs: [8, 3] })).iterationMs, ms + 8);
});
