import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { openMipSolver } from '@tenfold/core/schedule';
import {
  assignByBruteForce,
  assignByPacking,
  assignOfficial,
  assignPaper,
  hiddenMs,
  type DwProblem,
} from '../src/dw-assign.ts';
import { assignExactly } from '../src/dw-exact.ts';
import { labelDw } from '../src/dw-labels.ts';
import { DW_RULES, reorderDw, scheduleDw, simulateGraph } from '../src/dw-order.ts';
import { dataflowOf } from '../src/op-graph.ts';
import { randomDwProblem } from '../src/random-problems.ts';
import type { OverlapGraph } from '../src/types.ts';
import { backwardExample, randomDag } from './examples.ts';

test('two all-to-alls of 10 and gradients of 9, 6, 4: the paper hides 16, the public code and the optimum 19', async () => {
  const problem: DwProblem = {
    a2aMs: [10, 10],
    dwMs: [9, 6, 4],
    allowed: [
      [0, 1],
      [0, 1],
      [0, 1],
    ],
    predecessors: [[], [], []],
  };
  const paper = assignPaper(problem);
  assert.equal(paper.hiddenMs, 16);
  assert.deepEqual([...paper.a2aOf], [0, 1, 0]);
  const official = assignOfficial(problem);
  assert.equal(official.hiddenMs, 19);
  assert.deepEqual([...official.a2aOf], [0, 1, 1]);
  const exact = await assignExactly(problem);
  assert.equal(exact.hiddenMs, 19);
  assert.equal(exact.status, 'optimal');
});

test('the worked backward pass: labels, and 57 becomes 47, 45 and 45', async () => {
  const graph = backwardExample();
  const labels = labelDw(graph);
  const names = (a2a: number) =>
    labels.candidates.filter((_, index) => labels.allowed[index]!.includes(a2a)).map((op) => graph.ops[op]!.id);
  assert.deepEqual(names(0), ['L2.ffn2.dW', 'L2.ffn1.dW', 'L2.attn.dW']);
  assert.deepEqual(names(1), ['L2.ffn2.dW', 'L2.ffn1.dW', 'L2.attn.dW', 'L1.exp2.dW', 'L1.exp1.dW']);
  assert.equal(
    graph.ops.reduce((sum, op) => sum + op.timeMs, 0),
    59,
  );
  assert.equal(simulateGraph(graph).makespanMs, 57);
  const spans: number[] = [];
  for (const rule of DW_RULES) spans.push(simulateGraph((await scheduleDw(graph, { rule })).graph).makespanMs);
  assert.deepEqual(spans, [47, 45, 45]);
});

test('no slot assignment of the worked backward pass takes less than 45', () => {
  const graph = backwardExample();
  const labels = labelDw(graph);
  let best = Infinity;
  const visit = (a2aOf: number[]): void => {
    const dw = a2aOf.length;
    if (dw === labels.candidates.length) {
      const chosen = [...a2aOf.keys()].filter((index) => a2aOf[index]! >= 0);
      const assignment = { a2aOf: Int32Array.from(a2aOf), chosen, hiddenMs: 0 };
      best = Math.min(best, simulateGraph(reorderDw(graph, labels, assignment)).makespanMs);
      return;
    }
    for (const a2a of [-1, ...labels.allowed[dw]!]) visit([...a2aOf, a2a]);
  };
  visit([]);
  assert.equal(best, 45);
});

test('labels equal the transitive closure by matrix squaring on random graphs', () => {
  const rng = createRng(7, 'labels');
  for (let round = 0; round < 60; round++) {
    const graph = randomDag(rng, 6 + rng.integer(18));
    const labels = labelDw(graph);
    const closure = closureBySquaring(graph);
    labels.candidates.forEach((op, candidate) => {
      const expected = labels.allToAlls.flatMap((a2a, index) =>
        closure[op]![a2a] || closure[a2a]![op] ? [] : [index],
      );
      assert.deepEqual(labels.allowed[candidate], expected);
    });
  }
});

test('on 300 random problems the exact assignment is never below paper and official, and equals brute force where that is feasible', async (context) => {
  const rng = createRng(3, 'assignment');
  const ratios = { paper: [] as number[], official: [] as number[] };
  let numChecked = 0;
  await using solver = openMipSolver();
  for (let round = 0; round < 300; round++) {
    const problem = randomDwProblem(rng);
    const exact = await assignExactly(problem, { solver });
    assert.equal(exact.status, 'optimal');
    const [paper, official] = [assignPaper(problem), assignOfficial(problem)];
    assert.ok(exact.hiddenMs >= paper.hiddenMs - 1e-9 && exact.hiddenMs >= official.hiddenMs - 1e-9);
    assert.equal(hiddenMs(problem, exact.a2aOf), exact.hiddenMs);
    ratios.paper.push(paper.hiddenMs / exact.hiddenMs);
    ratios.official.push(official.hiddenMs / exact.hiddenMs);
    if (!isSmall(problem)) continue;
    numChecked++;
    assert.ok(Math.abs(assignByBruteForce(problem).hiddenMs - exact.hiddenMs) < 1e-9);
  }
  assert.ok(numChecked > 60);
  for (const [rule, list] of Object.entries(ratios)) {
    const mean = list.reduce((sum, value) => sum + value, 0) / list.length;
    const numOptimal = list.filter((value) => value > 1 - 1e-9).length;
    context.diagnostic(
      `${rule}: mean ${mean.toFixed(3)} of the optimum, worst ${Math.min(...list).toFixed(3)}, optimal ${numOptimal} of ${list.length}`,
    );
  }
});

test('where the solver has no time, the assignment is the best quick one and the bound still holds', async () => {
  const rng = createRng(6, 'no time');
  for (let round = 0; round < 60; round++) {
    const problem = randomDwProblem(rng);
    if (!isSmall(problem)) continue;
    const { status, hiddenMs: found, boundMs } = await assignExactly(problem, { timeLimitMs: 1 });
    const best = assignByBruteForce(problem).hiddenMs;
    assert.ok(found <= best + 1e-9 && boundMs >= best - 1e-9 && Number.isFinite(boundMs));
    if (status === 'optimal') assert.ok(Math.abs(found - best) < 1e-9);
  }
});

test('a gradient that needs another is placed no earlier, by every rule', async () => {
  const rng = createRng(5, 'precedence');
  await using solver = openMipSolver();
  for (let round = 0; round < 40; round++) {
    const base = randomDwProblem(rng);
    const predecessors = base.dwMs.map((_, dw) => (dw > 0 && rng.uniform() < 0.4 ? [dw - 1] : []));
    const problem = { ...base, predecessors };
    const exact = await assignExactly(problem, { solver });
    for (const { a2aOf } of [assignPaper(problem), assignOfficial(problem), assignByPacking(problem), exact]) {
      predecessors.forEach((list, dw) => {
        if (a2aOf[dw]! < 0) return;
        for (const other of list) assert.ok(a2aOf[other]! >= 0 && a2aOf[other]! <= a2aOf[dw]!);
      });
    }
    if (isSmall(problem)) {
      assert.ok(Math.abs(assignByBruteForce(problem).hiddenMs - exact.hiddenMs) < 1e-9);
    }
  }
});

test('new orders keep every dependency and every operation', async () => {
  const rng = createRng(9, 'orders');
  await using solver = openMipSolver();
  for (let round = 0; round < 40; round++) {
    const graph = randomDag(rng, 20);
    for (const rule of DW_RULES) {
      const { graph: ordered } = await scheduleDw(graph, { rule, solver });
      dataflowOf(ordered); // throws if a tensor is used before it is made
      assert.deepEqual(new Set(ordered.ops), new Set(graph.ops));
    }
  }
});

/** Brute force tries fewer than 300,000 assignments. */
function isSmall({ a2aMs, dwMs }: DwProblem): boolean {
  return (a2aMs.length + 1) ** dwMs.length < 3e5;
}

function closureBySquaring({ ops }: OverlapGraph): boolean[][] {
  const { producers } = dataflowOf({ ops });
  let matrix = ops.map((_, op) => ops.map((_, other) => other === op || producers[other]!.includes(op)));
  for (let length = 1; length < ops.length; length *= 2) {
    const previous = matrix;
    matrix = previous.map((row) => ops.map((_, to) => row.some((isOn, via) => isOn && previous[via]![to]!)));
  }
  return matrix.map((row, op) => row.map((isOn, to) => isOn && op !== to));
}
