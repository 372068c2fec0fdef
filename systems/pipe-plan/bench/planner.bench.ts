/** Planning times beside their targets (the peer column is the target), and the simulator's rate. */
import { createRng, median } from '@tenfold/core/base';
import type { BenchRow } from '@tenfold/core/report';
import { simulate } from '@tenfold/core/schedule';
import { presetCluster } from '../src/cluster.ts';
import { presetModel } from '../src/models/presets.ts';
import { partition } from '../src/partition/partition.ts';
import { buildPipelineProgram } from '../src/pipeline/one-f-one-b.ts';
import { randomProblem } from '../src/random-problem.ts';
import { searchPlans } from '../src/search/search-plans.ts';

const REPEATS = 5;

export function bench(): Promise<BenchRow[]> {
  const sd21 = presetModel('sd21');
  const rows: BenchRow[] = [];
  const against = (name: string, targetMs: number, work: () => string): void => {
    const { ms, note } = medianRun(work);
    rows.push({ name, ours: ms, peer: targetMs, unit: 'ms', ratio: targetMs / ms, note });
  };
  for (const [name, devices, batch] of [
    ['a100-efa', 64, 512],
    ['workstation', 64, 512],
    ['workstation', 8, 64],
  ] as const)
    against(`SD 2.1, full search, ${devices} devices (${name}), against 10 s`, 10_000, () => {
      const { best, numCandidates } = searchPlans(sd21, presetCluster(name, devices), { batch, fill: 'perDevice' });
      return `${numCandidates} candidates; ${best.iterationMs.toFixed(1)} ms`;
    });
  const problem = randomProblem(createRng(1, 'bench'), 50, 8, 16);
  for (const method of ['pareto', 'paper'] as const)
    against(`partition program ${method}, L=50 D=8 S=4, against 100 ms`, 100, () => {
      const found = partition(problem, 4, { method })!;
      return `bound ${found.boundMs.toFixed(1)}`;
    });
  rows.push(simulatorRate());
  return Promise.resolve(rows);
}

const TARGET_OPS_PER_SEC = 1e6;

function simulatorRate(): BenchRow {
  const numStages = 16;
  const times = {
    numMicroBatches: 1024,
    forwardMs: Array<number>(numStages).fill(10),
    backwardMs: Array<number>(numStages).fill(20),
    cutForwardMs: Array<number>(numStages - 1).fill(1),
    cutBackwardMs: Array<number>(numStages - 1).fill(1),
    syncMs: Array<number>(numStages).fill(0),
    replicas: Array<number>(numStages).fill(1),
  };
  const { program } = buildPipelineProgram(times, { schedule: 'commAware' });
  const { ms } = medianRun(() => String(simulate(program).makespanMs));
  const rate = program.numOps / (ms / 1000);
  return {
    name: 'simulator, operations a second, against 1 M',
    ours: rate,
    peer: TARGET_OPS_PER_SEC,
    unit: 'op/s',
    ratio: rate / TARGET_OPS_PER_SEC,
    note: `${program.numOps} operations`,
  };
}

function medianRun(work: () => string): { ms: number; note: string } {
  const times: number[] = [];
  let note = work(); // warm
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const start = performance.now();
    note = work();
    times.push(performance.now() - start);
  }
  return { ms: median(times), note };
}
