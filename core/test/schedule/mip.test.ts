import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { countOpen } from '../../src/base/index.ts';
import { createMipModel, openMipSolver, solveMip, type MipModel } from '../../src/schedule/index.ts';

const solver = openMipSolver();
after(() => solver.close());

/** Maximise Σ min(capacity, assigned): one of the paper vectors of dW scheduling has the value 19. */
function assignment(capacities: readonly number[], items: readonly number[]): MipModel {
  const builder = createMipModel('maximize');
  const filled = capacities.map((capacity, j) => builder.addVariable({ name: `o${j}`, cost: 1, upper: capacity }));
  const x = items.map((_, i) => capacities.map((__, j) => builder.addBinary(`x${i}.${j}`)));
  items.forEach((_, i) =>
    builder.addConstraint({ terms: capacities.map((__, j) => [x[i]![j]!, 1] as const), upper: 1 }),
  );
  capacities.forEach((_, j) =>
    builder.addConstraint({
      terms: [[filled[j]!, 1], ...items.map((time, i) => [x[i]![j]!, -time] as const)],
      upper: 0,
    }),
  );
  return builder.build();
}

test('two exchanges of 10 and gradients of 9, 6, 4 hide 19, proved optimal', async () => {
  const solution = await solveMip(assignment([10, 10], [9, 6, 4]));
  assert.equal(solution.status, 'optimal');
  assert.equal(solution.stoppedBy, 'done');
  assert.ok(Math.abs(solution.objective - 19) < 1e-9);
  assert.equal(solution.gap, 0);
});

test('small knapsacks equal brute force', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })), {
        minLength: 1,
        maxLength: 8,
      }),
      fc.integer({ min: 1, max: 25 }),
      async (items, capacity) => {
        const builder = createMipModel('maximize');
        const taken = items.map(([, value], i) => builder.addBinary(`take ${i}`, value));
        builder.addConstraint({ terms: items.map(([weight], i) => [taken[i]!, weight] as const), upper: capacity });
        const { status, objective, x, bound } = await solver.solve(builder.build());
        let best = 0;
        for (let mask = 0; mask < 1 << items.length; mask++) {
          const chosen = items.filter((_, i) => mask & (1 << i));
          if (chosen.reduce((sum, [weight]) => sum + weight, 0) > capacity) continue;
          best = Math.max(
            best,
            chosen.reduce((sum, [, value]) => sum + value, 0),
          );
        }
        assert.equal(status, 'optimal');
        assert.equal(objective, best);
        assert.ok(Math.abs(bound - best) < 1e-6);
        assert.ok(x.every((value) => value === 0 || value === 1));
      },
    ),
    { numRuns: 30 },
  );
});

/** Market split: equalities of random weights; hard for branch and bound at this size. */
function hardModel(): MipModel {
  const builder = createMipModel('minimize');
  const numRows = 4;
  const x = Array.from({ length: 30 }, (_, i) => builder.addBinary(`x${i}`));
  for (let row = 0; row < numRows; row++) {
    const weights = x.map((_, i) => (Math.imul(row * 31 + i + 7, 2654435761) >>> 8) % 100);
    const over = builder.addVariable({ name: `over ${row}`, cost: 1 });
    const under = builder.addVariable({ name: `under ${row}`, cost: 1 });
    const half = Math.floor(weights.reduce((sum, weight) => sum + weight, 0) / 2);
    builder.addConstraint({
      terms: [...x.map((id, i) => [id, weights[i]!] as const), [over, -1], [under, 1]],
      lower: half,
      upper: half,
    });
  }
  return builder.build();
}

test('an answer that a limit cut off is never called optimal and carries its gap', async () => {
  const solution = await solver.solve(hardModel(), { maxNodes: 1 });
  assert.ok(solution.status === 'feasible' || solution.status === 'unknown', solution.status);
  assert.notEqual(solution.stoppedBy, 'done');
  if (solution.status === 'feasible') assert.ok(solution.gap > 0 && solution.bound < solution.objective);
  const timed = await solver.solve(hardModel(), { timeLimitMs: 30 });
  assert.ok(timed.status === 'feasible' || timed.status === 'unknown', timed.status);
  assert.equal(timed.stoppedBy, 'time-limit');
});

test('a solve that stops at a permitted gap says within-gap', async () => {
  const solution = await solver.solve(hardModel(), { relativeGap: 1e6 });
  assert.equal(solution.status, 'within-gap');
  assert.ok(solution.gap > 0);
});

test('infeasible and unbounded models are statuses', async () => {
  const infeasible = createMipModel('minimize');
  const x = infeasible.addBinary('x', 1);
  infeasible.addConstraint({ terms: [[x, 1]], lower: 2 });
  assert.equal((await solver.solve(infeasible.build())).status, 'infeasible');
  const unbounded = createMipModel('maximize');
  const y = unbounded.addVariable({ name: 'y', cost: 1 });
  unbounded.addConstraint({ terms: [[y, 1]], lower: 0 });
  const { status, objective } = await solver.solve(unbounded.build());
  assert.ok(status === 'unbounded' || status === 'infeasible-or-unbounded', status);
  assert.equal(objective, NaN);
});

test('a linear program without integers is solved with a zero gap', async () => {
  const builder = createMipModel('minimize');
  const x = builder.addVariable({ name: 'x', cost: 2 });
  const y = builder.addVariable({ name: 'y', cost: 3 });
  builder.addConstraint({
    terms: [
      [x, 1],
      [y, 1],
    ],
    lower: 4,
  });
  builder.addConstraint({ terms: [[x, 1]], upper: 3 });
  const { status, objective, gap } = await solver.solve(builder.build());
  assert.deepEqual([status, objective, gap], ['optimal', 9, 0]);
});

test('a start is used: the answer is never worse than it', async () => {
  const model = hardModel();
  const good = await solver.solve(model, { maxNodes: 20 });
  assert.equal(good.status, 'feasible');
  const again = await solver.solve(model, { maxNodes: 0, start: good.x });
  assert.ok(again.objective <= good.objective + 1e-6, `${again.objective} after ${good.objective}`);
  assert.notEqual(again.status, 'optimal');
});

test('cancelling ends a solve at once, and the solver can be used again', async () => {
  const controller = new AbortController();
  const running = solver.solve(hardModel(), { signal: controller.signal, timeLimitMs: 60_000 });
  setTimeout(() => controller.abort(), 50);
  await assert.rejects(running, { code: 'TF-BASE-001' });
  assert.equal((await solver.solve(assignment([10, 10], [9, 6, 4]))).status, 'optimal');
});

test('malformed models are refused', () => {
  const builder = createMipModel('minimize');
  assert.throws(() => builder.addVariable({ name: 'x', lower: 2, upper: 1 }), {
    message: 'createMipModel: lower ≤ upper, got [2, 1] (variable "x"). TF-SCHEDULE-005',
  });
  assert.throws(() => builder.addConstraint({ terms: [[4, 1]] }), /a known variable, got id 4/);
});

test('one-shot solves leave no solver open', async () => {
  const before = countOpen('MipSolver');
  await solveMip(assignment([3], [2, 2]));
  assert.equal(countOpen('MipSolver'), before);
});
