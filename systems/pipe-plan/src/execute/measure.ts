/** The mini model on real workers: profiled, planned, run without and with frozen work in the bubbles, and compared. */
import { openRankPool, type Links, type RankSpan } from '@tenfold/core/ranks';
import { compareTraces, traceFromSpans, type SpanSpec, type TraceComparison } from '@tenfold/core/schedule';
import { pipeError } from '../pipe-errors.ts';
import type { MiniConfig } from './mini-model.ts';
import { computeSpans, frozenSpans } from '../plan-spans.ts';
import {
  equalStages,
  evenFrozen,
  median,
  medianMs,
  pipelineWords,
  planMini,
  profileMini,
  runMini,
  type MiniPlan,
  type MiniSetup,
} from './run-mini.ts';

export interface MeasureOptions {
  readonly config: MiniConfig;
  readonly ends: readonly number[];
  readonly batch: number;
  readonly numMicroBatches: number;
  readonly links?: Links;
  /** Runs of each kind, in turn. */
  readonly numRuns: number;
  /** Iterations of a run that count; one more goes before. */
  readonly numIterations: number;
  readonly onStep?: (name: string) => void;
}

export interface Measurement {
  readonly plan: MiniPlan;
  /** Median iteration of every run, ms. */
  readonly plainMs: readonly number[];
  readonly filledMs: readonly number[];
  readonly predictedPlainMs: number;
  readonly predictedFilledMs: number;
  /** |predicted − measured| / measured. */
  readonly plainError: number;
  readonly filledError: number;
  /** Time inside the engine and of the rank's own thread, per iteration and worker, filled run. */
  readonly busyMs: readonly number[];
  readonly threadMs: readonly number[];
  readonly spans: readonly RankSpan[];
  readonly comparison: TraceComparison;
  readonly losses: { readonly plain: number; readonly filled: number };
}

/** Runs of both kinds alternate, so that what else the machine does hits both alike. The prediction uses stage times of
 *  the plain runs and frozen times profiled on all workers at once; nothing is fitted to the filled runs. */
export async function measureMini(options: MeasureOptions): Promise<Measurement> {
  const { config, ends, batch, numMicroBatches, links, numRuns, numIterations, onStep = () => {} } = options;
  if (batch % numMicroBatches !== 0)
    throw pipeError('TF-PIPE-002', {
      subject: 'measureMini',
      expected: `a batch that ${numMicroBatches} micro-batches divide`,
      actual: String(batch),
    });
  const setup: MiniSetup = {
    config,
    batch,
    numMicroBatches,
    stages: equalStages(ends),
    warmup: 'commAware',
    ...(links ? { links } : {}),
  };
  const numStages = ends.length;
  await using pool = openRankPool();
  onStep('profiling');
  await profileMini(pool, setup, 1);
  const profile = await profileMini(pool, setup, 3);
  const silent = Array<number>(numStages - 1).fill(0);
  const plan = planMini(setup, profile, { forward: silent, backward: silent });
  const plainMs: number[] = [];
  const filledMs: number[] = [];
  const stageForward: number[][] = [];
  const stageBackward: number[][] = [];
  let filled = await runMini(pool, setup, {
    instructions: plan.instructions,
    frozen: plan.frozen,
    isFilled: true,
    numIterations: 1,
  });
  let plainLoss = NaN;
  for (let round = 0; round < numRuns; round++) {
    onStep(`run ${round + 1} of ${numRuns}`);
    const plain = await runMini(pool, setup, {
      instructions: pipelineWords(setup),
      frozen: evenFrozen(batch, numStages),
      isFilled: false,
      numIterations: numIterations + 1,
    });
    plainLoss = plain.results.at(-1)!.losses[0]!;
    plainMs.push(median(plain.iterationMs.slice(1)));
    const times = (kind: string): number[] =>
      ends.map((_, stage) => medianMs(plain.spans, (span) => span.name.startsWith(`${kind}${stage}.`)));
    stageForward.push(times('F'));
    stageBackward.push(times('B'));
    filled = await runMini(pool, setup, {
      instructions: plan.instructions,
      frozen: plan.frozen,
      isFilled: true,
      numIterations: numIterations + 1,
    });
    filledMs.push(median(filled.iterationMs.slice(1)));
  }
  const middle = (rows: readonly (readonly number[])[]): number[] =>
    ends.map((_, stage) => median(rows.map((row) => row[stage]!)));
  const settled = planMini(
    setup,
    { ...profile, forwardMs: middle(stageForward), backwardMs: middle(stageBackward) },
    { forward: silent, backward: silent },
  );
  const last = filled.results[0]!.iterations.at(-1)!;
  const spans = filled.spans
    .filter((span) => span.startMs >= last[0] && span.lane.startsWith('stage'))
    .map((span) => ({ ...span, startMs: span.startMs - last[0], endMs: span.endMs - last[0] }));
  return {
    plan,
    plainMs,
    filledMs,
    predictedPlainMs: settled.predictedPlainMs,
    predictedFilledMs: settled.predictedFilledMs,
    plainError: Math.abs(settled.predictedPlainMs / median(plainMs) - 1),
    filledError: Math.abs(settled.predictedFilledMs / median(filledMs) - 1),
    busyMs: filled.results.map(({ busyMs }) => busyMs / (numIterations + 2)),
    threadMs: filled.cpuMs.map((ms) => ms / (numIterations + 2)),
    spans,
    comparison: compareTraces(traceFromSpans(predictedSpans(plan)), traceFromSpans(spans)),
    losses: { plain: plainLoss, filled: filled.results.at(-1)!.losses[0]! },
  };
}

/** The plan as spans named like the measured ones. */
export function predictedSpans({ simulation, fill }: MiniPlan): SpanSpec[] {
  return [...computeSpans(simulation), ...frozenSpans(fill.spans)];
}
