import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng, type Rng } from '@tenfold/core/base';
import { idleSlotsPerStage, simulatePipeline, steadyPeriodMs } from '../src/pipeline/simulation.ts';
import type { PipelineTimes, Warmup } from '../src/types.ts';

const equalPipe = (numStages: number, numMicroBatches: number): PipelineTimes => ({
  numMicroBatches,
  forwardMs: Array<number>(numStages).fill(10),
  backwardMs: Array<number>(numStages).fill(20),
  cutForwardMs: Array<number>(numStages - 1).fill(0),
  cutBackwardMs: Array<number>(numStages - 1).fill(0),
  syncMs: Array<number>(numStages).fill(0),
  replicas: Array<number>(numStages).fill(1),
});

const gaps = (run: ReturnType<typeof simulatePipeline>, stage: number): number[][] =>
  idleSlotsPerStage(run)
    .filter((slot) => slot.stages[0] === stage)
    .map(({ startMs, endMs }) => [startMs, endMs]);

test('two equal stages and four micro-batches take 150 ms and idle exactly where a hand drawing says', () => {
  const run = simulatePipeline(equalPipe(2, 4), { schedule: 'classic' });
  assert.equal(run.iterationMs, 150);
  assert.deepEqual(gaps(run, 0), [
    [20, 40],
    [120, 130],
  ]);
  assert.deepEqual(gaps(run, 1), [
    [0, 10],
    [130, 150],
  ]);
  assert.ok(Math.abs(run.bubbleRatio - 0.2) < 1e-12);
  assert.equal(steadyPeriodMs(equalPipe(2, 4), { schedule: 'classic' }), 150);
});

test('four equal stages and eight micro-batches take (M + S − 1)(f + b) = 330 ms', () => {
  const run = simulatePipeline(equalPipe(4, 8), { schedule: 'classic' });
  assert.equal(run.iterationMs, 330);
  assert.deepEqual(gaps(run, 0), [
    [40, 100],
    [240, 250],
    [270, 280],
    [300, 310],
  ]);
  assert.deepEqual(gaps(run, 3), [
    [0, 30],
    [270, 330],
  ]);
});

function randomTimes(rng: Rng, hasCommunication: boolean): PipelineTimes {
  const numStages = 1 + rng.integer(8);
  const some = (count: number, scale: number): number[] => Array.from({ length: count }, () => scale * rng.uniform());
  const cutScale = hasCommunication ? 12 * rng.uniform() : 0;
  return {
    numMicroBatches: 1 + rng.integer(24),
    forwardMs: some(numStages, 10),
    backwardMs: some(numStages, 20),
    cutForwardMs: some(numStages - 1, cutScale),
    cutBackwardMs: some(numStages - 1, cutScale),
    syncMs: Array<number>(numStages).fill(0),
    replicas: Array<number>(numStages).fill(1),
  };
}

function slowest({ forwardMs, backwardMs, cutForwardMs, cutBackwardMs }: PipelineTimes): number {
  const stages = forwardMs.map((time, stage) => time + backwardMs[stage]!);
  const cuts = cutForwardMs.map((time, cut) => time + cutBackwardMs[cut]!);
  return Math.max(...stages, ...cuts);
}

const simulated = (times: PipelineTimes, schedule: Warmup, duplex: 'full' | 'half'): number =>
  simulatePipeline(times, { schedule, duplex }).iterationMs;

test('bound (1) holds in 12,000 random pipes with the communication-aware warm-up, on links of either kind', () => {
  for (let seed = 0; seed < 12_000; seed++) {
    const times = randomTimes(createRng(seed, 'bound'), true);
    const bound = (times.numMicroBatches + 2 * times.forwardMs.length - 2) * slowest(times);
    const taken = simulated(times, 'commAware', seed % 2 === 0 ? 'full' : 'half');
    assert.ok(taken <= bound * (1 + 1e-12), `seed ${seed}: ${taken} > ${bound}`);
    const busiest = Math.max(
      ...times.forwardMs.map((time, s) => times.numMicroBatches * (time + times.backwardMs[s]!)),
    );
    assert.ok(taken >= busiest * (1 - 1e-12));
  }
});

test('the classic warm-up keeps (M + S − 1)·T0 without communication and breaks bound (1) with it', () => {
  let numBroken = 0;
  for (let seed = 0; seed < 2000; seed++) {
    const rng = createRng(seed, 'classic');
    const silent = randomTimes(rng, false);
    const bound = (silent.numMicroBatches + silent.forwardMs.length - 1) * slowest(silent);
    assert.ok(simulated(silent, 'classic', 'full') <= bound * (1 + 1e-12));
    const loud = randomTimes(rng, true);
    const loudBound = (loud.numMicroBatches + 2 * loud.forwardMs.length - 2) * slowest(loud);
    if (simulated(loud, 'classic', 'half') > loudBound * (1 + 1e-9)) numBroken++;
  }
  assert.ok(numBroken > 0);
});
