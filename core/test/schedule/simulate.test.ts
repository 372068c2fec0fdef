import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  busyIntervals,
  criticalPath,
  createProgramBuilder,
  simulate,
  type Program,
  type QueuePolicy,
  type Simulation,
} from '../../src/schedule/index.ts';
import { stageList } from './pipelines.ts';

test('two-lane pipeline of C6-A8-C4-A8-C6 in k parts takes 22, 20, 19, 18, 17.5', () => {
  const stages = [6, 8, 4, 8, 6];
  const makespans = [2, 3, 4, 6, 8].map((k) => simulate(stageList(stages, k)).makespanMs);
  assert.deepEqual(makespans.map(rounded), [22, 20, 19, 18, 17.5]);
});

test('with 0.5 overhead per split operation the same range is best at k = 3', () => {
  const makespans = [2, 3, 4, 6, 8].map((k) => simulate(stageList([6, 8, 4, 8, 6], k, 0.5)).makespanMs);
  assert.deepEqual(makespans.map(rounded), [25, 24, 24, 25, 28]);
});

test('splitting only the experts and their all-to-all gives 30 at k = 2 and rises with overhead', () => {
  const makespans = [2, 3, 4, 6, 8].map((k) => 12 + simulate(stageList([8, 4, 8], k, 0.5, 1)).makespanMs);
  assert.deepEqual(makespans.map(rounded), [30, 31, 32, 34, 36]);
});

test('the k = 2 timeline has the hand-computed spans on both lanes', () => {
  const simulation = simulate(stageList([6, 8, 4, 8, 6], 2));
  const spans = Array.from({ length: 10 }, (_, op) => `${simulation.startMs[op]}-${simulation.endMs[op]}`);
  assert.deepEqual(spans, ['0-3', '3-6', '3-7', '7-11', '7-9', '11-13', '11-15', '15-19', '15-18', '19-22']);
});

test('operations that wait for each other across two resources are named', () => {
  const builder = createProgramBuilder();
  const left = builder.addResource({ name: 'left' });
  const right = builder.addResource({ name: 'right' });
  const a = builder.addOp({ name: 'a', on: left, durationMs: 1 });
  const b = builder.addOp({ name: 'b', on: left, durationMs: 1 });
  const c = builder.addOp({ name: 'c', on: right, durationMs: 1, after: [b] });
  builder.addDependency(a, c);
  assert.throws(() => simulate(builder.build()), {
    code: 'TF-SCHEDULE-002',
    message:
      'simulate: an order in which every operation can start, got a circle of 3: "a" needs → "c" needs → "b" comes on "left" after. Change a dependency or the order on one of these resources. TF-SCHEDULE-002',
  });
});

test('the event simulation finds the same circle', () => {
  const builder = createProgramBuilder();
  const left = builder.addResource({ name: 'left' });
  const free = builder.addResource({ name: 'free', policy: 'fifo' });
  const a = builder.addOp({ name: 'a', on: [left, free], durationMs: 1 });
  const b = builder.addOp({ name: 'b', on: left, durationMs: 1 });
  builder.addDependency(a, b);
  assert.throws(() => simulate(builder.build()), /circle of 2: "a" needs → "b" comes on "left" after/);
});

test('bad operations are refused with their name', () => {
  const builder = createProgramBuilder();
  const lane = builder.addResource({ name: 'lane' });
  assert.throws(() => builder.addOp({ name: 'x', on: lane, durationMs: NaN }), {
    message: 'addOp: a finite duration ≥ 0 ms, got NaN (operation "x"). TF-SCHEDULE-001',
  });
  assert.throws(() => builder.addOp({ name: 'x', on: 7, durationMs: 1 }), /a known resource, got id 7/);
});

test('an unknown dependency and an incomplete order are refused', () => {
  const builder = createProgramBuilder();
  const lane = builder.addResource({ name: 'lane' });
  builder.addOp({ name: 'x', on: lane, durationMs: 1, after: [9] });
  assert.throws(() => builder.build(), /a dependency that exists, got id 9 \(operation "x"\)/);
  const second = createProgramBuilder();
  const only = second.addResource({ name: 'only' });
  second.addOp({ name: 'p', on: only, durationMs: 1 });
  second.addOp({ name: 'q', on: only, durationMs: 1 });
  second.setOrder(only, [1, 1]);
  assert.throws(() => second.build(), /each of the 2 operations of resource "only" once, got q, q/);
});

test('computation under communication runs slower only while both run', () => {
  const builder = createProgramBuilder();
  const compute = builder.addResource({ name: 'compute', device: 'gpu' });
  const link = builder.addResource({ name: 'link', device: 'gpu', kind: 'communication' });
  const gemm = builder.addOp({ name: 'gemm', on: compute, durationMs: 10 });
  const exchange = builder.addOp({ name: 'exchange', on: link, durationMs: 4, earliestMs: 2 });
  const { startMs, endMs } = simulate(builder.build(), {
    interference: [{ victim: 'compute', aggressor: 'communication', factor: 2 }],
  });
  // 2 ms alone, then 4 ms at half speed (2 ms of work), then the remaining 6 ms.
  assert.deepEqual([startMs[exchange], endMs[exchange], endMs[gemm]], [2, 6, 12]);
});

test('mutual interference slows both: 2 against 1.5 from the same start', () => {
  const builder = createProgramBuilder();
  const compute = builder.addResource({ name: 'compute', device: 'gpu' });
  const link = builder.addResource({ name: 'link', device: 'gpu', kind: 'communication' });
  const elsewhere = builder.addResource({ name: 'other', device: 'gpu 1' });
  const gemm = builder.addOp({ name: 'gemm', on: compute, durationMs: 10 });
  const exchange = builder.addOp({ name: 'exchange', on: link, durationMs: 4 });
  const apart = builder.addOp({ name: 'apart', on: elsewhere, durationMs: 10 });
  const { endMs } = simulate(builder.build(), {
    interference: [
      { victim: 'compute', aggressor: 'communication', factor: 2 },
      { victim: 'communication', aggressor: 'compute', factor: 1.5 },
    ],
  });
  // exchange: 4·1.5 = 6; gemm has done 3 of 10 by then, 7 remain.
  assert.deepEqual([endMs[exchange], endMs[gemm], endMs[apart]], [6, 13, 10]);
});

test('a priority queue takes the urgent operation first and ties by id', () => {
  const builder = createProgramBuilder();
  const lane = builder.addResource({ name: 'lane', policy: 'priority' });
  const first = builder.addOp({ name: 'low', on: lane, durationMs: 1 });
  const second = builder.addOp({ name: 'high', on: lane, durationMs: 1, priority: 5 });
  const third = builder.addOp({ name: 'low too', on: lane, durationMs: 1 });
  const { startMs } = simulate(builder.build());
  assert.deepEqual([startMs[second], startMs[first], startMs[third]], [0, 1, 2]);
});

test('a first-in-first-out queue runs operations in the order in which they became ready', () => {
  const builder = createProgramBuilder();
  const source = builder.addResource({ name: 'source' });
  const lane = builder.addResource({ name: 'lane', policy: 'fifo' });
  const slow = builder.addOp({ name: 'slow', on: source, durationMs: 1 });
  const after = builder.addOp({ name: 'after', on: lane, durationMs: 2, after: [slow] });
  const now = builder.addOp({ name: 'now', on: lane, durationMs: 2 });
  const late = builder.addOp({ name: 'late', on: lane, durationMs: 2, earliestMs: 1.5 });
  const { startMs } = simulate(builder.build());
  assert.deepEqual([startMs[now], startMs[after], startMs[late]], [0, 2, 4]);
});

const programs = fc
  .record({
    policies: fc.array(fc.constantFrom<QueuePolicy>('in-order', 'fifo', 'priority'), { minLength: 1, maxLength: 4 }),
    ops: fc.array(
      fc.record({
        on: fc.array(fc.nat(3), { minLength: 1, maxLength: 2 }),
        duration: fc.nat(8),
        after: fc.array(fc.nat(1000), { maxLength: 3 }),
        earliest: fc.constantFrom(0, 0, 0, 5),
        priority: fc.nat(2),
      }),
      { maxLength: 25 },
    ),
  })
  .map(({ policies, ops }) => programOf(policies, ops));

test('no two operations overlap on a resource and every dependency is kept, whatever the queues', () => {
  fc.assert(
    fc.property(programs, (program) => {
      const simulation = simulate(program);
      assertLegal(simulation);
      const again = simulate(program);
      assert.deepEqual(again.startMs, simulation.startMs);
    }),
    { numRuns: 500 },
  );
});

test('longest path and event simulation agree on in-order programs', () => {
  fc.assert(
    fc.property(programs, (program) => {
      const resources = program.resources.map((resource) => ({ ...resource, policy: 'in-order' as const }));
      const inOrder = { ...program, resources };
      const plain = simulate(inOrder);
      // A factor on a kind that never runs forces the event simulation without changing any time.
      const byEvents = simulate(inOrder, {
        interference: [{ victim: 'compute', aggressor: 'host', factor: 3 }],
      });
      assert.deepEqual(byEvents.startMs, plain.startMs);
      assert.deepEqual(byEvents.endMs, plain.endMs);
    }),
    { numRuns: 500 },
  );
});

test('the critical path has no gap and ends at the makespan', () => {
  fc.assert(
    fc.property(programs, (program) => {
      const simulation = simulate(program);
      const path = criticalPath(simulation);
      for (let k = 1; k < path.length; k++) assert.equal(simulation.startMs[path[k]!], simulation.endMs[path[k - 1]!]);
      if (path.length > 0) assert.equal(simulation.endMs[path.at(-1)!], simulation.makespanMs);
      if (path.length > 0) assert.equal(simulation.startMs[path[0]!], program.earliestMs[path[0]!]);
    }),
    { numRuns: 300 },
  );
});

function programOf(
  policies: readonly QueuePolicy[],
  ops: readonly { on: number[]; duration: number; after: number[]; earliest: number; priority: number }[],
): Program {
  const builder = createProgramBuilder();
  policies.forEach((policy, index) => builder.addResource({ name: `r${index}`, policy, device: `d${index % 2}` }));
  ops.forEach(({ on, duration, after, earliest, priority }, index) =>
    builder.addOp({
      name: `op${index}`,
      on: on.map((resource) => resource % policies.length),
      durationMs: duration,
      after: index === 0 ? [] : after.map((dependency) => dependency % index),
      earliestMs: earliest,
      priority,
    }),
  );
  return builder.build();
}

function assertLegal({ program, startMs, endMs, makespanMs }: Simulation): void {
  for (let op = 0; op < program.numOps; op++) {
    assert.equal(endMs[op], startMs[op]! + program.durationMs[op]!);
    assert.ok(startMs[op]! >= program.earliestMs[op]!);
    assert.ok(endMs[op]! <= makespanMs);
    for (let k = program.dependencyStarts[op]!; k < program.dependencyStarts[op + 1]!; k++)
      assert.ok(startMs[op]! >= endMs[program.dependencyIds[k]!]!);
  }
  for (const { id } of program.resources) {
    const ops = [...program.orderIds.subarray(program.orderStarts[id]!, program.orderStarts[id + 1]!)];
    const total = ops.reduce((sum, op) => sum + program.durationMs[op]!, 0);
    const busy = busyIntervals({ program, startMs, endMs, makespanMs, blockedBy: new Int32Array(0) }, id);
    let covered = 0;
    for (let k = 0; k < busy.length; k += 2) covered += busy[k + 1]! - busy[k]!;
    assert.equal(covered, total);
  }
}

function rounded(value: number): number {
  return Number(value.toFixed(9));
}
