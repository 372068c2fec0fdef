/** Planning and running the mini model: profile it on the workers, plan from the measured times, run with and without
 *  frozen work in the bubbles, compare with the prediction. */
import { createMesh, type Links, type RankPool, type RankSpan } from '@tenfold/core/ranks';
import { fillPerDevice } from '../fill/device-fill.ts';
import { createFrozenWork, frozenMs, type FrozenWork } from '../fill/frozen-work.ts';
import { orderOfStage, warmupOf } from '../pipeline/one-f-one-b.ts';
import { idleSlotsPerStage, simulatePipeline, type PipelineSimulation } from '../pipeline/simulation.ts';
import type { FillResult, FrozenComponent, LayerProfile, PipelineTimes, Warmup } from '../types.ts';
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
    const start = stage * share;
    const count = Math.min(share, batch - start);
    return (Object.keys(MINI_FROZEN) as FrozenName[]).flatMap((component) =>
      MINI_FROZEN[component].map((_layer, layer) => ({ component, layer, start, count })),
    );
  });
}

export function pipelineWords({ stages, numMicroBatches, warmup }: MiniSetup): string[][] {
  return stages.map((_, stage) =>
    Array.from(orderOfStage(numMicroBatches, warmupOf(warmup, stages.length, stage, numMicroBatches)), (entry) =>
      entry >= 0 ? `F${entry}` : `B${-1 - entry}`,
    ),
  );
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

/** Median times of stages and frozen layers from the spans of a plain run. */
export interface MiniProfile {
  readonly forwardMs: readonly number[];
  readonly backwardMs: readonly number[];
  readonly frozen: readonly FrozenComponent[];
}

export async function profileMini(pool: RankPool, setup: MiniSetup, numIterations: number): Promise<MiniProfile> {
  const plain = await runMini(pool, setup, {
    instructions: pipelineWords(setup),
    frozen: evenFrozen(setup.batch, setup.stages.length),
    isFilled: false,
    numIterations,
  });
  const stageMs = (kind: string): number[] =>
    setup.stages.map((_, stage) => medianMs(plain.spans, (span) => span.name.startsWith(`${kind}${stage}.`)));
  const sizes = [...new Set([...MINI_CHUNKS, setup.batch])].filter((size) => size <= setup.batch).sort((a, b) => a - b);
  const bySize = new Map<number, readonly RankSpan[]>();
  for (const size of sizes) {
    const items = (Object.keys(MINI_FROZEN) as FrozenName[]).flatMap((component) =>
      MINI_FROZEN[component].map((_, layer): FrozenItem => ({ component, layer, start: 0, count: size })),
    );
    const run = await runMini(pool, setup, {
      instructions: setup.stages.map(() => []),
      frozen: setup.stages.map(() => items),
      isFilled: false,
      numIterations,
    });
    bySize.set(size, run.spans);
  }
  const frozen = (Object.keys(MINI_FROZEN) as FrozenName[]).map((component): FrozenComponent => ({
    id: component,
    preds: [],
    layers: MINI_FROZEN[component].map((_, layer): LayerProfile => ({
      name: `${component}.${layer}`,
      kind: 'frozen',
      forward: {
        sizes,
        timesMs: sizes.map((size) =>
          medianMs(bySize.get(size)!, (span) => span.name === `${component}.${layer} × ${size}`),
        ),
      },
      paramBytes: 0,
      gradBytes: 0,
      activationBytesPerSample: 0,
      outputBytesPerSample: 0,
    })),
  }));
  return { forwardMs: stageMs('F'), backwardMs: stageMs('B'), frozen };
}

export interface MiniPlan {
  readonly times: PipelineTimes;
  readonly simulation: PipelineSimulation;
  readonly work: FrozenWork;
  readonly fill: FillResult;
  readonly instructions: readonly (readonly string[])[];
  readonly frozen: readonly (readonly FrozenItem[])[];
  readonly predictedPlainMs: number;
  readonly predictedFilledMs: number;
}

export function planMini(
  setup: MiniSetup,
  profile: MiniProfile,
  cutMs: { readonly forward: readonly number[]; readonly backward: readonly number[] },
): MiniPlan {
  const { stages, numMicroBatches, batch, warmup } = setup;
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
  const simulation = simulatePipeline(times, { schedule: warmup });
  const work = createFrozenWork(profile.frozen);
  const target = { slots: idleSlotsPerStage(simulation), pipelineMs: simulation.iterationMs, replicas };
  const fill = fillPerDevice(work, target, { batch, partialBatches: MINI_CHUNKS });
  const frozen = stages.map((_, stage) =>
    fill.spans
      .filter((span) => span.stages[0] === stage)
      .map((span): FrozenItem => ({
        component: span.component as FrozenName,
        layer: span.layer,
        start: span.sampleStart,
        count: span.samples,
      })),
  );
  return {
    times,
    simulation,
    work,
    fill,
    frozen,
    instructions: mergeWords(pipelineWords(setup), simulation, fill),
    predictedPlainMs: simulation.iterationMs + frozenMs(work, batch, stages.length),
    predictedFilledMs: fill.iterationMs,
  };
}

/** Frozen items stand before the first pipeline word that starts at or after them. */
export function mergeWords(
  words: readonly (readonly string[])[],
  { simulation, pipeline }: PipelineSimulation,
  fill: FillResult,
): string[][] {
  return words.map((list, stage) => {
    const startOf = (word: string): number => {
      const micro = Number(word.slice(1));
      return simulation.startMs[
        word[0] === 'F' ? pipeline.forwardOp(0, stage, micro) : pipeline.backwardOp(0, stage, micro)
      ]!;
    };
    const own = fill.spans.filter((span) => span.stages[0] === stage);
    const merged: string[] = [];
    let next = 0;
    for (const word of list) {
      while (next < own.length && own[next]!.startMs < startOf(word)) merged.push(`Z${next++}`);
      merged.push(word);
    }
    while (next < own.length) merged.push(`Z${next++}`);
    return merged;
  });
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
