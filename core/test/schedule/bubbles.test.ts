import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  bubbleRatio,
  busyIntervals,
  complementIntervals,
  createProgramBuilder,
  findBubblesPerResource,
  findJointBubbles,
  intersectIntervals,
  intervalsFromSpans,
  lengthOfIntervals,
  overlapMetrics,
  overlapOfDevice,
  simulate,
  unionIntervals,
} from '../../src/schedule/index.ts';
import { oneForwardOneBackward, stageList } from './pipelines.ts';

test('S = 2, M = 4, f = 10, b = 20: T = 150, the idle times by hand, bubble ratio 20 %', () => {
  const simulation = simulate(oneForwardOneBackward(2, 4, 10, 20));
  assert.equal(simulation.makespanMs, 150);
  const gaps = findBubblesPerResource(simulation, { resources: [0, 1] });
  assert.deepEqual(
    gaps.map(({ startMs, endMs, resources }) => [resources[0], startMs, endMs]),
    [
      [0, 20, 40],
      [0, 120, 130],
      [1, 0, 10],
      [1, 130, 150],
    ],
  );
  assert.equal(bubbleRatio(simulation, { resources: [0, 1] }), 0.2);
  assert.deepEqual(
    findJointBubbles(simulation, { resources: [0, 1] }).map(({ startMs, endMs, resources }) => [
      startMs,
      endMs,
      resources.join(),
    ]),
    [
      [0, 10, '1'],
      [20, 40, '0'],
      [120, 130, '0'],
      [130, 150, '1'],
    ],
  );
});

test('S = 4, M = 8: T = 330, idle times of the first and the last device by hand', () => {
  const simulation = simulate(oneForwardOneBackward(4, 8, 10, 20));
  assert.equal(simulation.makespanMs, 330);
  const gapsOf = (device: number) =>
    findBubblesPerResource(simulation, { resources: [device] }).map(({ startMs, endMs }) => [startMs, endMs]);
  assert.deepEqual(gapsOf(0), [
    [40, 100],
    [240, 250],
    [270, 280],
    [300, 310],
  ]);
  assert.deepEqual(gapsOf(3), [
    [0, 30],
    [270, 330],
  ]);
});

test('joint bubbles share out the same idle time as the gaps of each device', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 8 }), (numStages, numMicroBatches) => {
      const simulation = simulate(oneForwardOneBackward(numStages, numMicroBatches, 3, 7));
      const resources = simulation.program.resources.map(({ id }) => id);
      const joint = findJointBubbles(simulation, { resources });
      const perResource = findBubblesPerResource(simulation, { resources });
      const jointMs = joint.reduce(
        (sum, { startMs, endMs, resources: idle }) => sum + (endMs - startMs) * idle.length,
        0,
      );
      const separateMs = perResource.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
      assert.equal(jointMs, separateMs);
      assert.equal(simulation.makespanMs, (numMicroBatches + numStages - 1) * 10);
    }),
  );
});

test('short bubbles are left out on request', () => {
  const simulation = simulate(oneForwardOneBackward(2, 4, 10, 20));
  const bubbles = findJointBubbles(simulation, { resources: [0, 1], minLengthMs: 15 });
  assert.deepEqual(
    bubbles.map(({ startMs }) => startMs),
    [20, 130],
  );
});

test('communication that nothing computes beside is exposed', () => {
  const simulation = simulate(stageList([6, 8, 4, 8, 6], 2));
  // C 0-6, 7-9, 11-13, 15-18, 19-22; A 3-11, 11-19.
  assert.deepEqual(overlapOfDevice(simulation, 'gpu'), {
    spanMs: 22,
    computeMs: 16,
    communicationMs: 16,
    overlapMs: 10,
    exposedMs: 6,
    idleMs: 0,
  });
  assert.deepEqual(overlapOfDevice(simulation, 'gpu', { startMs: 5, endMs: 8 }), {
    spanMs: 3,
    computeMs: 2,
    communicationMs: 3,
    overlapMs: 2,
    exposedMs: 1,
    idleMs: 0,
  });
});

const spans = fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 10 })), { maxLength: 12 });

test('interval algebra equals counting unit cells', () => {
  fc.assert(
    fc.property(spans, spans, (first, second) => {
      const set = (list: readonly (readonly [number, number])[]) =>
        intervalsFromSpans(
          list.map(([start]) => start),
          list.map(([start, length]) => start + length),
        );
      const [a, b] = [set(first), set(second)];
      const holds = (list: readonly (readonly [number, number])[], cell: number) =>
        list.some(([start, length]) => start <= cell && cell < start + length);
      const count = (rule: (cell: number) => boolean) => Array.from({ length: 60 }, (_, c) => c).filter(rule).length;
      const window = { startMs: 0, endMs: 60 };
      assert.equal(
        lengthOfIntervals(a),
        count((c) => holds(first, c)),
      );
      assert.equal(
        lengthOfIntervals(unionIntervals(a, b)),
        count((c) => holds(first, c) || holds(second, c)),
      );
      assert.equal(
        lengthOfIntervals(intersectIntervals(a, b)),
        count((c) => holds(first, c) && holds(second, c)),
      );
      assert.equal(
        lengthOfIntervals(complementIntervals(a, window)),
        count((c) => !holds(first, c)),
      );
      const metrics = overlapMetrics(a, b, window);
      assert.equal(metrics.computeMs + metrics.exposedMs + metrics.idleMs, metrics.spanMs);
      assert.equal(
        metrics.exposedMs,
        count((c) => holds(second, c) && !holds(first, c)),
      );
    }),
    { numRuns: 500 },
  );
});

test('back-to-back operations are one busy interval', () => {
  const builder = createProgramBuilder();
  const lane = builder.addResource({ name: 'lane' });
  builder.addOp({ name: 'a', on: lane, durationMs: 2 });
  builder.addOp({ name: 'b', on: lane, durationMs: 3 });
  assert.deepEqual([...busyIntervals(simulate(builder.build()), lane)], [0, 5]);
});
