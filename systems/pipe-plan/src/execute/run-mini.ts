/** Planning the mini model from measured times, and running it on workers with and without frozen work in the bubbles. */
import { createMesh, type Links, type RankPool, type RankSpan } from '@tenfold/core/ranks';
import { fillPerDevice } from '../fill/device-fill.ts';
import { createFrozenWork, type FrozenWork } from '../fill/frozen-work.ts';
import { simulateSelfConditioned } from '../pipeline/list-schedule.ts';
import { idleSlotsPerStage, simulatePipeline, type PipelineSimulation } from '../pipeline/simulation.ts';
import { devicePrograms } from '../profiles/device-program.ts';
import type { FillResult, FrozenComponent, PipelineTimes, Stage, Warmup } from '../types.ts';
import { MINI_FROZEN, MINI_LAYERS, type FrozenName, type MiniConfig } from './mini-model.ts';
import type { FrozenItem } from './rank-frozen.ts';
import type { RankMode, RankParams, RankResult } from './rank-program.ts';
import type { StageRange } from './stage-graphs.ts';

export interface MiniSetup {
  readonly config: MiniConfig;
  readonly batch: number;
  readonly numMicroBatches: number;
  readonly stages: readonly StageRange[];
  readonly warmup: Warmup;
  readonly links?: Links;
}

/** An iteration on all workers: from the first start to the last end, on the launch's clock. */
export interface MiniIteration {
  readonly startMs: number;
  readonly endMs: number;
  /** Per worker. */
  readonly busyMs: readonly number[];
  readonly threadMs: readonly number[];
  readonly loss: number;
}

export interface MiniRun {
  readonly results: readonly RankResult[];
  readonly spans: readonly RankSpan[];
  /** Per mode, in rounds. */
  readonly iterations: readonly (readonly MiniIteration[])[];
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

/** Runs the modes in turn, `numRounds` times each. */
export async function runMini(
  pool: RankPool,
  setup: MiniSetup,
  modes: readonly RankMode[],
  {
    numRounds,
    learningRate = 0,
    returnsGradients = false,
  }: Pick<RankParams, 'numRounds'> & Partial<Pick<RankParams, 'learningRate' | 'returnsGradients'>>,
): Promise<MiniRun> {
  const { config, stages, batch, numMicroBatches, links } = setup;
  const microBatch = batch / numMicroBatches;
  const params: RankParams = { config, microBatch, stages, modes, numRounds, learningRate, returnsGradients };
  const { results, spans } = await pool.launch<RankResult>({
    mesh: createMesh({ pp: stages.length }),
    module: new URL('./rank-program.ts', import.meta.url),
    params,
    ...(links ? { links } : {}),
  });
  const iterations = modes.map((_, mode) => {
    const ofRank = results.map((result) => result.iterations.filter((iteration) => iteration.mode === mode));
    return Array.from({ length: numRounds }, (__, round): MiniIteration => {
      const parts = ofRank.map((list) => list[round]!);
      return {
        startMs: Math.min(...parts.map(({ startMs }) => startMs)),
        endMs: Math.max(...parts.map(({ endMs }) => endMs)),
        busyMs: parts.map(({ busyMs }) => busyMs),
        threadMs: parts.map(({ threadMs }) => threadMs),
        loss: parts.at(-1)!.loss,
      };
    });
  });
  return { results, spans, iterations };
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

/** The unfilled way to run a setup, and the planned one. */
export function plainMode(setup: MiniSetup): RankMode {
  const { batch, numMicroBatches, stages } = setup;
  return {
    numMicroBatches,
    instructions: pipelineWords(setup),
    frozen: evenFrozen(batch, stages.length),
    isFilled: false,
  };
}

export function filledMode({ numMicroBatches }: MiniSetup, { instructions, frozen }: MiniPlan): RankMode {
  return { numMicroBatches, instructions, frozen, isFilled: true };
}

/** Ends of `numStages` stages with about equal numbers of layers. */
export function evenEnds(numStages: number): number[] {
  return Array.from({ length: numStages }, (_, stage) => Math.round(((stage + 1) * MINI_LAYERS.length) / numStages));
}
