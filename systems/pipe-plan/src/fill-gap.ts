/** How far fillings are from the best: joint greedy against exact search, per-device against an integer program. */
import { createRng } from '@tenfold/core/base';
import { leastPerDeviceMs } from './fill/device-fill-bound.ts';
import { fillPerDevice } from './fill/device-fill.ts';
import { fillExactly } from './fill/exact-fill.ts';
import { createFrozenWork } from './fill/frozen-work.ts';
import { fillGreedily } from './fill/greedy-fill.ts';
import type { GapRow } from './gap.ts';
import { idleSlotsPerStage, jointIdleSlots, simulatePipeline } from './pipeline/simulation.ts';
import { randomFillProblem } from './random-fill.ts';

const MOST_JOINT_SLOTS = 6;
const JOINT_PARTIALS = [1, 4, 8];
const SOLVER_LIMIT_MS = 20_000;
const ROUNDING = 1e-9;

export function jointFillGap(numInstances: number, seed: number): GapRow {
  const row = startRow('joint filling, greedy');
  for (let index = 0; index < numInstances; index++) {
    const size = { maxLayers: 3, maxComponents: 3, maxReplicas: 2, maxBatch: 24 };
    const { times, components, batch } = randomFillProblem(createRng(seed + index, 'exact'), size);
    const run = simulatePipeline(times, { schedule: 'classic' });
    const work = createFrozenWork(components);
    const slots = jointIdleSlots(run).slice(0, MOST_JOINT_SLOTS);
    const target = { slots, pipelineMs: run.iterationMs, replicas: times.replicas };
    const options = { batch, partialBatches: JOINT_PARTIALS };
    addCase(row, fillGreedily(work, target, options).iterationMs, fillExactly(work, target, options).iterationMs);
  }
  return finishRow(row);
}

export async function deviceFillGap(numInstances: number, seed: number): Promise<GapRow> {
  const row = startRow('per-device filling');
  for (let index = 0; index < numInstances; index++) {
    const size = { maxLayers: 2, maxComponents: 2, maxReplicas: 1, maxBatch: 9 };
    const { times, components, batch } = randomFillProblem(createRng(seed + index, 'program'), size);
    const run = simulatePipeline(times, { schedule: 'classic' });
    const work = createFrozenWork(components);
    const target = { slots: idleSlotsPerStage(run), pipelineMs: run.iterationMs, replicas: times.replicas };
    const best = await leastPerDeviceMs(work, target, batch, SOLVER_LIMIT_MS);
    if (best !== undefined) addCase(row, fillPerDevice(work, target, { batch }).iterationMs, best);
  }
  return finishRow(row);
}

interface OpenRow {
  readonly name: string;
  readonly gaps: number[];
}

const startRow = (name: string): OpenRow => ({ name, gaps: [] });

function addCase({ gaps }: OpenRow, found: number, best: number): void {
  gaps.push(found / best - 1);
}

function finishRow({ name, gaps }: OpenRow): GapRow {
  return {
    name,
    numCases: gaps.length,
    numOptimal: gaps.filter((gap) => gap <= ROUNDING).length,
    meanGap: gaps.reduce((sum, gap) => sum + gap, 0) / Math.max(1, gaps.length),
    worstGap: Math.max(0, ...gaps),
  };
}
