/** The planner's speed, and what its plans promise beside the same graph as written and with experts only in parts. */
import { fileURLToPath } from 'node:url';
import { createRng, median } from '@tenfold/core/base';
import type { BenchRow } from '@tenfold/core/report';
import { openMipSolver } from '@tenfold/core/schedule';
import { partCostsOf, withTimes, type DeviceCosts } from '../src/device-costs.ts';
import { analyticDevice, loadDevice } from '../src/device-library.ts';
import { assignByBruteForce } from '../src/dw-assign.ts';
import { assignExactly } from '../src/dw-exact.ts';
import { labelDw } from '../src/dw-labels.ts';
import { dwProblem } from '../src/dw-order.ts';
import { groupForward } from '../src/forward-groups.ts';
import { gptMoe, GPT2_L_MOE, GPT2_S_MOE } from '../src/gpt-moe.ts';
import { chainOf, pipelineMs } from '../src/pipeline.ts';
import { optimise } from '../src/plan.ts';
import type { Slowdown } from '../src/plan-simulation.ts';
import { randomDwProblem } from '../src/random-problems.ts';
import { chooseRanges } from '../src/range-choice.ts';
import { priceRanges } from '../src/range-costs.ts';
import { createLaneProgram, simulateLanes } from '../src/two-lanes.ts';
import type { OverlapOp } from '../src/types.ts';

const NUM_DEVICES = 16;
/** Measured tables, if they are there. */
const DATA_FOLDER = process.env['TENFOLD_DATA'] ?? fileURLToPath(new URL('../../../../shared/data', import.meta.url));
/** Longest exchange over experts that the paper reports. */
const WORST_RATIO = 3.36;
/** Targets of the room: ms for a 24-layer model, µs for one range of 200 operations, million operations a second. */
const TARGETS = { optimiseMs: 5000, rangesMs: 2000, exactMs: 5000, priceUs: 50, simulatedMops: 1 };

export async function bench(): Promise<BenchRow[]> {
  return [
    ...lanes(),
    price(),
    ...(await planning()),
    await exactAgainstBruteForce(),
    ...(await plans()),
    await exposedAtWorstRatio(),
  ];
}

function row(name: string, unit: string, [ours, peer]: readonly [number, number], note: string): BenchRow {
  return { name, unit, ours, peer, ratio: peer / ours, note };
}

function lanes(): BenchRow[] {
  const rng = createRng(1, 'bench');
  const ops = Array.from({ length: 2000 }, (_, index) => ({
    timeMs: 1 + rng.integer(9),
    isComm: rng.uniform() < 0.3,
    producers: index === 0 ? [] : [rng.integer(index)],
  }));
  const program = createLaneProgram(ops);
  let sum = 0;
  const ms = medianMs(200, () => (sum += simulateLanes(program).makespanMs));
  if (!(sum > 0)) throw new Error('lanes: nothing was simulated');
  const mops = ops.length / ms / 1000;
  return [
    {
      name: 'inner simulator, 2 000 operations',
      unit: 'Mop/s',
      ours: mops,
      peer: TARGETS.simulatedMops,
      ratio: mops / TARGETS.simulatedMops,
      note: 'peer column is the target',
    },
  ];
}

function price(): BenchRow {
  const isComm = Array.from({ length: 50 }, (_, index) => index === 10 || index === 30);
  const range = chainOf(isComm);
  const us = 1000 * medianMs(300, () => pipelineMs(range, 4, (op, k) => (1 + (op % 5)) / k + 0.01));
  return row('P(i, n, 4) of 50 operations in 200 steps', 'µs', [us, TARGETS.priceUs], 'peer column is the target');
}

async function planning(): Promise<BenchRow[]> {
  const device = analyticDevice({ numDevices: NUM_DEVICES });
  const graph = withTimes(gptMoe({ ...GPT2_L_MOE, numDevices: NUM_DEVICES }), device);
  const costs = partCostsOf(device);
  const rangesMs = medianMs(3, () => {
    const groups = groupForward(graph);
    chooseRanges(priceRanges(graph, groups, { costs, maxParts: 8 }).problem);
  });
  const problem = dwProblem(graph, labelDw(graph));
  const startExact = performance.now();
  const { status } = await assignExactly(problem);
  const exactMs = performance.now() - startExact;
  const start = performance.now();
  await optimise(graph, { costs });
  const optimiseMs = performance.now() - start;
  const note = `24 layers, ${graph.ops.length} operations; peer column is the target`;
  return [
    row('ranges by dynamic program', 'ms', [rangesMs, TARGETS.rangesMs], note),
    row(`exact weight gradients (${status})`, 'ms', [exactMs, TARGETS.exactMs], note),
    row('whole optimiser, six plans', 'ms', [optimiseMs, TARGETS.optimiseMs], note),
  ];
}

/** Problems of 5 gradients and 6 all-to-alls or less. */
async function exactAgainstBruteForce(): Promise<BenchRow> {
  const rng = createRng(2, 'bench');
  const problems = Array.from({ length: 400 }, () => randomDwProblem(rng)).filter(
    ({ dwMs, a2aMs }) => (a2aMs.length + 1) ** dwMs.length < 2e5,
  );
  const bruteStart = performance.now();
  const brute = problems.map((problem) => assignByBruteForce(problem).hiddenMs);
  const bruteMs = (performance.now() - bruteStart) / problems.length;
  await using solver = openMipSolver();
  const start = performance.now();
  for (const [index, problem] of problems.entries()) {
    const { hiddenMs } = await assignExactly(problem, { solver });
    if (Math.abs(hiddenMs - brute[index]!) > 1e-9) throw new Error(`exact ${hiddenMs}, brute force ${brute[index]}`);
  }
  const ms = (performance.now() - start) / problems.length;
  return row(`exact against brute force, ${problems.length} small problems, each`, 'ms', [ms, bruteMs], 'same optimum');
}

async function plans(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const [name, size] of [
    ['GPT2-S-MoE', GPT2_S_MOE],
    ['GPT2-L-MoE', GPT2_L_MOE],
  ] as const) {
    const device = await loadDevice({ dataFolder: DATA_FOLDER, numDevices: NUM_DEVICES });
    const graph = withTimes(gptMoe({ ...size, numDevices: NUM_DEVICES }), device);
    const { plans: found } = await optimise(graph, { costs: partCostsOf(device), slowdown: slowdownOf(device) });
    const stepMs = (mode: keyof typeof found): number => found[mode].simulation.makespanMs;
    for (const peer of ['none', 'tutel', 'dw', 'partition'] as const) {
      const note = `${device.name}; simulated, not run`;
      rows.push(row(`${name}, step of "both" against "${peer}"`, 'ms', [stepMs('both'), stepMs(peer)], note));
    }
  }
  return rows;
}

/** Exchanges as long as the paper's worst case: how much of the communication stays exposed. */
async function exposedAtWorstRatio(): Promise<BenchRow> {
  const device = await loadDevice({ dataFolder: DATA_FOLDER, numDevices: NUM_DEVICES });
  const written = withTimes(gptMoe({ ...GPT2_S_MOE, numDevices: NUM_DEVICES }), device);
  const isExpert = ({ moe, role }: OverlapOp): boolean => moe?.part === 'expert' && role === 'fwd';
  const expertMs = written.ops.filter(isExpert).reduce((sum, { timeMs }) => sum + timeMs, 0);
  const a2aMs = (WORST_RATIO * expertMs) / (GPT2_S_MOE.layers / 2);
  const graph = { ...written, ops: written.ops.map((op) => (op.kind === 'a2a' ? { ...op, timeMs: a2aMs } : op)) };
  const { plans: found } = await optimise(graph, { costs: partCostsOf(device), slowdown: slowdownOf(device) });
  const exposedMs = (mode: keyof typeof found): number => found[mode].simulation.metrics.exposedMs;
  return row(
    `GPT2-S-MoE, exposed communication at t_a2a/t_expert = ${WORST_RATIO}, "both" against "none"`,
    'ms',
    [exposedMs('both'), exposedMs('none')],
    `${device.name}; simulated, not run`,
  );
}

function slowdownOf({ computeSlowdown, commSlowdown }: DeviceCosts): Slowdown {
  return { compute: computeSlowdown, comm: commSlowdown };
}

function medianMs(rounds: number, work: () => unknown): number {
  const times = Array.from({ length: rounds }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  });
  return median(times);
}
