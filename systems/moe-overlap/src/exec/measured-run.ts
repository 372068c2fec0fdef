/** Plans a block with measured costs and runs every mode on real workers: step times and exposed communication against
 *  what was predicted. Plans come from a profile made before; predictions come from the rounds of the written order that
 *  run between those of the other modes, so that a machine that became slower slows both. */
import { median } from '@tenfold/core/base';
import {
  createMesh,
  openRankPool,
  type LaunchResult,
  type Links,
  type RankPool,
  type RankSpan,
} from '@tenfold/core/ranks';
import { isComm } from '../op-graph.ts';
import { stepOps, type StepOp } from '../step-ops.ts';
import { MODES, optimise, type Mode, type Optimised, type Plan } from '../plan.ts';
import type { OverlapGraph, PartCosts } from '../types.ts';
import { blockGraph, type BlockSizes } from './block-graph.ts';
import type { ModeRun, RankParams, RankResult } from './rank-program.ts';
import type { StepSpan } from './step.ts';
import { predictStep, type LinkModel, type ProfiledRound } from './step-prediction.ts';

export interface MeasureOptions {
  readonly sizes?: Partial<BlockSizes>;
  readonly seed: number;
  readonly skew?: number;
  /** Time of an all-to-all over the time of the experts. */
  readonly ratio: number;
  readonly rounds: number;
  readonly warmUps?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (phase: string) => void;
}

export interface MeasuredMode {
  readonly mode: Mode;
  readonly stepMs: number;
  readonly exposedMs: number;
  readonly predictedMs: number;
  readonly predictedExposedMs: number;
  /** Share of the prediction: measured / predicted − 1. */
  readonly error: number;
  readonly isBitEqual: boolean;
  /** Worker 0's last round. */
  readonly lastRun: ModeRun;
  /** When that worker's link was busy in that round. */
  readonly linkSpans: readonly StepSpan[];
}

export interface MeasuredBlock {
  readonly modes: readonly MeasuredMode[];
  readonly optimised: Optimised;
  readonly links: Links;
  readonly a2aMs: number;
  readonly expertMs: number;
  readonly numDropped: number;
  readonly numGradients: number;
  readonly numOutputs: number;
}

const DEFAULT_SIZES: BlockSizes = {
  batch: 8,
  seq: 32,
  hidden: 64,
  inner: 256,
  numRanks: 2,
  expertsPerRank: 2,
  capacity: 64,
  gate: 'switch',
};
const LATENCY_MS = 0.2;
/** Spare time that every extra part takes on a worker: slicing, merging, messages. */
const PART_OVERHEAD_MS = 0.1;

export async function measureBlock(options: MeasureOptions): Promise<MeasuredBlock> {
  const { ratio, seed, skew = 0.2, rounds, warmUps = 1, signal, onProgress } = options;
  const sizes = { ...DEFAULT_SIZES, ...options.sizes };
  const graph = blockGraph(sizes);
  await using pool = openRankPool();
  const base = { sizes, seed, skew };
  onProgress?.('profiling');
  const written = { name: 'none', ops: stepOps(graph.ops, new Map()) };
  const { results: profile } = await launch(
    pool,
    { ...base, modes: [written], warmUps: 2, rounds: 4 },
    undefined,
    signal,
  );
  const times = medianTimes(profile.flatMap(({ runs }) => runs));
  const expertMs = times.get('1.exp1')! + times.get('1.exp2')!;
  const a2aMs = ratio * expertMs;
  const crossing = graph.ops.find(isComm)!.bytes! * ((sizes.numRanks - 1) / sizes.numRanks);
  const links: Links = {
    intra: { latencyMs: LATENCY_MS, bytesPerSec: (1000 * crossing) / Math.max(a2aMs - LATENCY_MS, 0.01) },
  };
  const timed: OverlapGraph = {
    ...graph,
    ops: graph.ops.map((op) => ({ ...op, timeMs: isComm(op) ? a2aMs + COUNTS_MS : times.get(op.id)! })),
  };
  const optimised = await optimise(timed, { costs: blockCosts(), maxParts: 4, ...(signal ? { signal } : {}) });
  onProgress?.('measuring');
  const modes = MODES.map((mode) => ({ name: mode, ops: planOps(optimised.plans[mode]) }));
  const { results, spans } = await launch(pool, { ...base, modes, warmUps, rounds }, links, signal);
  const profiles = profiledRounds(results);
  const model: LinkModel = {
    fixedMs: LATENCY_MS + COUNTS_MS,
    bytesPerSec: links.intra.bytesPerSec,
    partOverheadMs: PART_OVERHEAD_MS,
  };
  const measured = MODES.map((mode): MeasuredMode => {
    const runs = results.flatMap((result) => result.runs.filter((run) => run.mode === mode));
    const lastRun = results[0]!.runs.findLast((run) => run.mode === mode)!;
    const stepMs = median(runs.map((run) => run.stepMs));
    const exposedMs = median(runs.map((run) => run.stepMs - run.computeMs));
    const predictions = profiles.map((round) => predictStep(optimised.plans[mode], round, model));
    const predictedMs = median(predictions.map((prediction) => prediction.stepMs));
    return {
      mode,
      stepMs,
      exposedMs,
      predictedMs,
      predictedExposedMs: median(predictions.map((prediction) => prediction.exposedMs)),
      error: stepMs / predictedMs - 1,
      isBitEqual: results.every(({ differing }) => !differing.includes(mode)),
      lastRun,
      linkSpans: linkSpansOf(lastRun, spans),
    };
  });
  const [first] = results as [RankResult];
  return {
    modes: measured,
    optimised,
    links,
    a2aMs,
    expertMs,
    numDropped: first.numDropped,
    numGradients: first.numGradients,
    numOutputs: first.numOutputs,
  };
}

/** Latency of the small exchange of counts before the rows. */
const COUNTS_MS = LATENCY_MS;

function blockCosts(): PartCosts {
  return {
    partMs(op, numParts) {
      if (numParts === 1) return op.timeMs;
      if (!isComm(op)) return op.timeMs / numParts + PART_OVERHEAD_MS;
      const fixedMs = LATENCY_MS + COUNTS_MS;
      return fixedMs + (op.timeMs - fixedMs) / numParts;
    },
    mergeMs: () => PART_OVERHEAD_MS,
  };
}

async function launch(
  pool: RankPool,
  params: RankParams,
  links: Links | undefined,
  signal: AbortSignal | undefined,
): Promise<LaunchResult<RankResult>> {
  return await pool.launch<RankResult>({
    mesh: createMesh({ ep: params.sizes.numRanks }),
    module: new URL('./rank-program.ts', import.meta.url),
    params,
    ...(links ? { links } : {}),
    ...(signal ? { signal } : {}),
  });
}

function planOps({ graph, notes }: Plan): StepOp[] {
  return stepOps(graph.ops, notes);
}

/** Rank 0's transfers during a run, without those of sizes. */
function linkSpansOf({ startMs, stepMs }: ModeRun, spans: readonly RankSpan[]): StepSpan[] {
  return spans
    .filter(({ lane, category }) => lane === 'rank 0 link' && category === 'communication')
    .filter((span) => span.startMs >= startMs && span.endMs <= startMs + stepMs && !span.name.includes('.counts'))
    .map((span) => ({ op: span.name, startMs: span.startMs - startMs, endMs: span.endMs - startMs }));
}

/** Rounds of the written order, all ranks together. */
function profiledRounds(results: readonly RankResult[]): ProfiledRound[] {
  const ofRank = results.map(({ runs }) => runs.filter(({ mode }) => mode === 'none'));
  return ofRank[0]!.map((_, round) => {
    const exchangedBytes = new Map<string, number>();
    for (const runs of ofRank) {
      for (const [op, bytes] of Object.entries(runs[round]!.exchangedBytes)) {
        exchangedBytes.set(op, Math.max(bytes, exchangedBytes.get(op) ?? 0));
      }
    }
    const computeMs = ofRank.map(
      (runs) => new Map(runs[round]!.spans.map(({ op, startMs, endMs }) => [op, endMs - startMs] as const)),
    );
    return { computeMs, exchangedBytes };
  });
}

function medianTimes(runs: readonly ModeRun[]): Map<string, number> {
  const times = new Map<string, number[]>();
  for (const { spans } of runs) {
    for (const { op, startMs, endMs } of spans) times.set(op, [...(times.get(op) ?? []), endMs - startMs]);
  }
  return new Map([...times].map(([op, list]) => [op, median(list)]));
}
