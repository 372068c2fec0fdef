/** The exact search beside a plain branch and bound (the verifier's replay), on the same random problems; and the batches
 *  of the room's specification beside their reference times. */
import { createRng } from '@tenfold/core/base';
import type { BenchRow } from '@tenfold/core/report';
import { searchExact } from '../src/exact/search.ts';
import { chooseLayers } from '../src/layer-choice.ts';
import { normaliseProblem, problemToJson } from '../src/problem.ts';
import { solve } from '../src/solve.ts';
import { sizeMultisets } from '../src/theorem-check.ts';
import type { Problem } from '../src/types.ts';
import { replayMaximum } from '../src/verify/replay.ts';

/** Reference batch times (C++ -O2, one core), from the specification; another machine, so a yardstick only. */
const REFERENCE_MS = { n5m3: 5100, n6m2: 5100 };

export async function bench(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  const small = [...sizeMultisets(4, 3)].map((sizes) => normaliseProblem({ n: 4, sizes }).problem);
  const ours = timeOf(() => total(small, (problem) => searchExact(problem, { counting: false }).value));
  const peer = timeOf(() => total(small, (problem) => replayMaximum(problemToJson(problem)) ?? 0n));
  if (ours.value !== peer.value) throw new Error(`search ${ours.value} and replay ${peer.value} differ`);
  rows.push({
    name: `n = 4, m = 3, all ${small.length}, values, against plain branch and bound`,
    ours: ours.ms,
    peer: peer.ms,
    unit: 'ms',
    ratio: peer.ms / ours.ms,
  });
  for (const [name, n, m, reference] of [
    ['n = 5, m = 3', 5, 3, REFERENCE_MS.n5m3],
    ['n = 6, m = 2', 6, 2, REFERENCE_MS.n6m2],
  ] as const) {
    const problems = [...sizeMultisets(n, m)].map((sizes) => normaliseProblem({ n, sizes }).problem);
    const { ms } = timeOf(() => total(problems, (problem) => searchExact(problem).value));
    rows.push({
      name: `${name}, all ${problems.length}, values and counts`,
      ours: ms,
      peer: reference,
      unit: 'ms',
      ratio: reference / ms,
      note: 'peer column: C++ reference on another machine',
    });
  }
  const rng = createRng(1, 'bench');
  const programs = Array.from({ length: 20 }, () => randomProblem(8, 4, rng));
  const start = performance.now();
  for (const problem of programs) await chooseLayers(problem);
  const perProgram = (performance.now() - start) / programs.length;
  rows.push({
    name: 'layer program, n = 8, m = 4 random, mean',
    ours: perProgram,
    peer: 150,
    unit: 'ms',
    ratio: 150 / perProgram,
    note: 'peer column is the target',
  });
  const large = normaliseProblem({
    n: 1000,
    sizes: [
      [102, 280, 300, 310],
      [72, 104, 151, 172],
      [89, 134, 140, 150],
      [49, 96, 97, 98],
      [114, 115, 116, 117],
    ],
  }).problem;
  const cold = performance.now();
  await solve(large);
  const coldMs = performance.now() - cold;
  rows.push({
    name: 'closed form, n = 1000, m = 5, four layers each, cold',
    ours: coldMs,
    peer: 20,
    unit: 'ms',
    ratio: 20 / coldMs,
    note: 'peer column is the target',
  });
  return rows;
}

function total(problems: readonly Problem[], value: (problem: Problem) => bigint): bigint {
  return problems.reduce((sum, problem) => sum + value(problem), 0n);
}

function timeOf(work: () => bigint): { ms: number; value: bigint } {
  const start = performance.now();
  const value = work();
  return { ms: performance.now() - start, value };
}

function randomProblem(n: number, m: number, rng: { uniform(): number; integer(n: number): number }): Problem {
  const sizes = Array.from({ length: m }, () => {
    const list = Array.from({ length: n }, (_, index) => index + 1).filter(() => rng.uniform() < 0.4);
    return list.length > 0 ? list : [1 + rng.integer(n)];
  });
  return normaliseProblem({ n, sizes }).problem;
}
