import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { createProgramBuilder, simulate } from '@tenfold/core/schedule';
import { chainOf, pipelineMs, pipelineSteps } from '../src/pipeline.ts';
import { chooseRanges, chooseRangesByBruteForce, type RangeProblem } from '../src/range-choice.ts';
import { createLaneProgram, simulateLanes } from '../src/two-lanes.ts';

const STAGES = [6, 8, 4, 8, 6];
const IS_COMM = [false, true, false, true, false];

test('stages C6 A8 C4 A8 C6 take 22, 20, 19, 18, 17.5 in 2, 3, 4, 6, 8 parts', () => {
  assert.deepEqual(times(STAGES, IS_COMM, 0), [22, 20, 19, 18, 17.5]);
});

test('with 0.5 overhead per part the best is 24, in 3 or 4 parts', () => {
  assert.deepEqual(times(STAGES, IS_COMM, 0.5), [25, 24, 24, 25, 28]);
});

test('cutting only the experts, or only what follows the gate, gives less', () => {
  const expertsOnly = times(STAGES.slice(1, 4), IS_COMM.slice(1, 4), 0.5).map((ms) => 12 + ms);
  assert.deepEqual(expertsOnly, [30, 31, 32, 34, 36]);
  assert.deepEqual(
    times(STAGES.slice(1), IS_COMM.slice(1), 0.5).map((ms) => 6 + ms),
    [27.5, 27.5, 28, 29.5, 31.25],
  );
});

test('two parts run in the stated places', () => {
  const steps = pipelineSteps(chainOf(IS_COMM), 2, (op, k) => STAGES[op]! / k);
  const { startMs, endMs } = simulateLanes(createLaneProgram(steps));
  assert.deepEqual(
    steps.map((_, step) => [startMs[step], endMs[step]]),
    [
      [0, 3],
      [3, 6],
      [3, 7],
      [7, 11],
      [7, 9],
      [11, 13],
      [11, 15],
      [15, 19],
      [15, 18],
      [19, 22],
    ],
  );
});

test('the list of 14 operations takes 33.25, 39.35, 47.5 and 57 for overheads 0, 0.2, 0.5 and 1', () => {
  const list = 'C2 C4 C1 A8 C4 A8 C1 C3 C4 C2 A8 C4 A8 C3'.split(' ');
  const ms = list.map((entry) => Number(entry.slice(1)));
  const isComm = list.map((entry) => entry.startsWith('A'));
  const choices = [0, 0.2, 0.5, 1].map((overheadMs) => chooseRanges(rangeProblem(ms, isComm, overheadMs, 8)));
  assert.deepEqual(
    choices.map(({ totalMs }) => Number(totalMs.toFixed(9))),
    [33.25, 39.35, 47.5, 57],
  );
  assert.deepEqual(
    choices.map(({ ranges }) => ranges.map(({ start, end, numParts }) => [start, end, numParts])),
    [
      [[0, 14, 8]],
      [[0, 14, 4]],
      [
        [0, 1, 1],
        [1, 14, 3],
      ],
      [
        [0, 1, 1],
        [1, 14, 2],
      ],
    ],
  );
});

test('on 220 random lists the dynamic program equals all segmentations', () => {
  const rng = createRng(11, 'ranges');
  for (let round = 0; round < 220; round++) {
    const n = 2 + rng.integer(round % 20 === 0 ? 11 : 8);
    const ms = Array.from({ length: n }, () => 1 + rng.integer(9));
    const isComm = Array.from({ length: n }, () => rng.uniform() < 0.35);
    const problem = {
      ...rangeProblem(ms, isComm, rng.uniform(), 1 + rng.integer(4)),
      ...(rng.uniform() < 0.3 ? { maxGroups: 1 + rng.integer(n) } : {}),
    };
    assert.ok(Math.abs(chooseRanges(problem).totalMs - chooseRangesByBruteForce(problem)) < 1e-9);
  }
});

test('cutting a list costs its sum for one part, and falls with the overhead', () => {
  const rng = createRng(12, 'overhead');
  for (let round = 0; round < 40; round++) {
    const ms = Array.from({ length: 9 }, () => 1 + rng.integer(9));
    const isComm = ms.map(() => rng.uniform() < 0.4);
    const at = (overheadMs: number, k: number) =>
      pipelineMs(chainOf(isComm), k, (op, parts) => ms[op]! / parts + (parts > 1 ? overheadMs : 0));
    assert.equal(
      at(1, 1),
      ms.reduce((sum, value) => sum + value, 0),
    );
    for (const k of [2, 3, 4]) assert.ok(at(0, k) <= at(0.3, k) && at(0.3, k) <= at(1, k));
  }
});

test('the price of a range equals the makespan of its steps, with whole operations inside and readers across', () => {
  const rng = createRng(14, 'prices');
  let numWholes = 0;
  for (let round = 0; round < 200; round++) {
    const ops = Array.from({ length: 2 + rng.integer(14) }, (_, index) => {
      const isCut = rng.uniform() < 0.8;
      if (!isCut) numWholes++;
      const producers = index === 0 ? [] : [...new Set([rng.integer(index), rng.integer(index)])];
      return { isComm: rng.uniform() < 0.3, isCut, producers };
    });
    const ms = ops.map(() => 1 + rng.integer(9));
    const partMs = (op: number, k: number): number => ms[op]! / k + (k > 1 ? 0.25 : 0);
    for (const k of [2, 3, 5]) {
      const steps = simulateLanes(createLaneProgram(pipelineSteps(ops, k, partMs)));
      assert.equal(pipelineMs(ops, k, partMs), steps.makespanMs);
    }
  }
  assert.ok(numWholes > 100);
});

test('the inner simulator equals core/schedule on random two-lane programs', () => {
  const rng = createRng(13, 'lanes');
  for (let round = 0; round < 60; round++) {
    const ops = Array.from({ length: 25 }, (_, index) => ({
      timeMs: rng.integer(10),
      isComm: rng.uniform() < 0.4,
      producers: index === 0 ? [] : [...new Set([rng.integer(index), rng.integer(index)])],
    }));
    const builder = createProgramBuilder();
    const lanes = [
      builder.addResource({ name: 'compute', device: 'gpu' }),
      builder.addResource({ name: 'comm', kind: 'communication', device: 'gpu' }),
    ];
    ops.forEach(({ timeMs, isComm, producers }, index) =>
      builder.addOp({ name: `${index}`, on: lanes[isComm ? 1 : 0]!, durationMs: timeMs, after: producers }),
    );
    const expected = simulate(builder.build());
    const ours = simulateLanes(createLaneProgram(ops));
    assert.deepEqual(ours.startMs, expected.startMs);
    assert.equal(ours.makespanMs, expected.makespanMs);
  }
});

function times(ms: readonly number[], isComm: readonly boolean[], overheadMs: number): number[] {
  return [2, 3, 4, 6, 8].map((k) =>
    Number(pipelineMs(chainOf(isComm), k, (op, parts) => ms[op]! / parts + overheadMs).toFixed(9)),
  );
}

function rangeProblem(
  ms: readonly number[],
  isComm: readonly boolean[],
  overheadMs: number,
  maxParts: number,
): RangeProblem {
  return {
    numGroups: ms.length,
    maxParts,
    rangeMs: (start, end, k) =>
      pipelineMs(
        chainOf(isComm.slice(start, end)),
        k,
        (op, parts) => ms[start + op]! / parts + (parts > 1 ? overheadMs : 0),
      ),
  };
}
