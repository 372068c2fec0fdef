/** Planning the mini model from measured times, and running it on workers with and without frozen work in the bubbles. */
import { createMesh, type Links, type RankPool, type RankSpan } from '@tenfold/core/ranks';
import { fillPerDevice } from '../fill/device-fill.ts';
import { createFrozenWork, type FrozenWork } from '../fill/frozen-work.ts';
import { simulateSelfConditioned } from '../pipeline/list-schedule.ts';
import { idleSlotsPerStage, simulatePipeline, type PipelineSimulation } from '../pipeline/simulation.ts';
import { devicePrograms } from '../profiles/device-program.ts';
import type { FillResult, FrozenComponent, PipelineTimes, Stage, Warmup } from '../types.ts';
import { MINI_FROZEN, MINI_LAYERS, type FrozenName, type MiniConfig } from './mini-model.ts';
import type { FrozenItem, RankParams, RankResult } from './rank-program.ts';
import type { StageRange } from './stage-graphs.ts';

export interface MiniSetup {
  readonly config: MiniConfig;
  readonly batch: number;
  readonly numMicroBatches: number;
  readonly stages: readonly StageRange[];
  readonly warmup: Warmup;
  readonly links?: Links;
}

export interface MiniRun {
  readonly results: readonly RankResult[];
  readonly spans: readonly RankSpan[];
  readonly cpuMs: readonly number[];
  /** Per iteration, the slowest rank. */
  readonly iterationMs: readonly number[];
}

/** Chunks in which frozen layers run in bubbles: few sizes, since each needs a graph of its own. */
export const MINI_CHUNKS = [1, 2, 4, 8];

export function equalStages(ends: readonly number[]): StageRange[] {
  return ends.map((end, index) => ({ start: ends[index - 1] ?? 0, end }));
}

/** Frozen first, samples dealt evenly to the ranks, each component as a whole. */
export function evenFrozen(batch: number, numStages: number): FrozenItem[][] {
  const share = Math.ceil(batch / numStages);
  return Array.from({ length: numStages }, (_, stage) => {
    const start = Math.min(batch, stage * share);
    const count = Math.min(share, batch - start);
    if (count === 0) return [];
    return (Object.keys(MINI_FROZEN) as FrozenName[]).flatMap((component) =>
      MINI_FROZEN[component].map((_layer, layer) => ({ component, layer, start, count })),
    );
  });
}

/** The pipeline's words alone, in the order of the schedule. */
export function pipelineWords(setup: MiniSetup): string[][] {
  const { stages, numMicroBatches } = setup;
  const ones = stages.map(() => 1);
  const run = simulateMini(setup, {
    numMicroBatches,
    forwardMs: ones,
    backwardMs: stages.map(() => 2),
    cutForwardMs: stages.slice(1).map(() => 0),
    cutBackwardMs: stages.slice(1).map(() => 0),
    syncMs: stages.map(() => 0),
    replicas: ones,
  });
  return devicePrograms(withReplicas(stages), run, []).map(({ words }) => [...words]);
}

function simulateMini({ config, warmup }: MiniSetup, times: PipelineTimes): PipelineSimulation {
  return config.isSelfConditioned
    ? simulateSelfConditioned(times, { warmup })
    : simulatePipeline(times, { schedule: warmup });
}

function withReplicas(stages: readonly StageRange[]): Stage[] {
  return stages.map((stage) => ({ ...stage, replicas: 1 }));
}

export async function runMini(
  pool: RankPool,
  setup: MiniSetup,
  options: Pick<RankParams, 'instructions' | 'frozen' | 'isFilled' | 'numIterations'> &
    Partial<Pick<RankParams, 'learningRate' | 'returnsGradients'>>,
): Promise<MiniRun> {
  const params: RankParams = { learningRate: 0, returnsGradients: false, ...setup, ...options };
  const { results, spans, cpuMs } = await pool.launch<RankResult>({
    mesh: createMesh({ pp: setup.stages.length }),
    module: new URL('./rank-program.ts', import.meta.url),
    params: { ...params, links: undefined },
    ...(setup.links ? { links: setup.links } : {}),
  });
  const iterationMs = results[0]!.iterations.map(
    (_, index) =>
      Math.max(...results.map(({ iterations }) => iterations[index]![1])) -
      Math.min(...results.map(({ iterations }) => iterations[index]![0])),
  );
  return { results, spans, cpuMs, iterationMs };
}

/** Times that a plan is made of. */
export interface MiniProfile {
  readonly forwardMs: readonly number[];
  readonly backwardMs: readonly number[];
  readonly frozen: readonly FrozenComponent[];
}

export interface MiniPlan {
  readonly times: PipelineTimes;
  readonly simulation: PipelineSimulation;
  readonly work: FrozenWork;
  readonly fill: FillResult;
  readonly instructions: readonly (readonly string[])[];
  readonly frozen: readonly (readonly FrozenItem[])[];
}

export function planMini(
  setup: MiniSetup,
  profile: MiniProfile,
  cutMs: { readonly forward: readonly number[]; readonly backward: readonly number[] },
): MiniPlan {
  const { stages, numMicroBatches, batch } = setup;
  const replicas = stages.map(() => 1);
  const times: PipelineTimes = {
    numMicroBatches,
    forwardMs: profile.forwardMs,
    backwardMs: profile.backwardMs,
    cutForwardMs: cutMs.forward,
    cutBackwardMs: cutMs.backward,
    syncMs: stages.map(() => 0),
    replicas,
  };
  const simulation = simulateMini(setup, times);
  const work = createFrozenWork(profile.frozen);
  const target = { slots: idleSlotsPerStage(simulation), pipelineMs: simulation.iterationMs, replicas };
  const fill = fillPerDevice(work, target, { batch, partialBatches: MINI_CHUNKS });
  const programs = devicePrograms(withReplicas(stages), simulation, fill.spans);
  return {
    times,
    simulation,
    work,
    fill,
    frozen: programs.map((program) =>
      program.frozen.map((job): FrozenItem => ({ ...job, component: job.component as FrozenName })),
    ),
    instructions: programs.map(({ words }) => words),
  };
}

export function medianMs(spans: readonly RankSpan[], isWanted: (span: RankSpan) => boolean): number {
  return median(spans.filter(isWanted).map(({ startMs, endMs }) => endMs - startMs));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Ends of `numStages` stages with about equal numbers of layers. */
export function evenEnds(numStages: number): number[] {
  return Array.from({ length: numStages }, (_, stage) => Math.round(((stage + 1) * MINI_LAYERS.length) / numStages));
}
