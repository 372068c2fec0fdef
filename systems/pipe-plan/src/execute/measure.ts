/** The mini model on real workers: profiled, planned, run without and with frozen work in the bubbles, and compared. */
import { openRankPool, type Links, type RankSpan } from '@tenfold/core/ranks';
import { compareTraces, traceFromSpans, type SpanSpec, type TraceComparison } from '@tenfold/core/schedule';
import { pipeError } from '../pipe-errors.ts';
import type { MiniConfig } from './mini-model.ts';
import { predictMini, type MiniRunPlan } from './mini-prediction.ts';
import { profileMini, type MiniCosts } from './mini-profile.ts';
import { computeSpans, frozenSpans } from '../plan-spans.ts';
import {
  equalStages,
  evenFrozen,
  median,
  pipelineWords,
  planMini,
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

const PROFILED_ITERATIONS = 3;

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
  /** How much longer a worker takes while the others compute. */
  readonly sharing: number;
  /** Time inside the engine and of the rank's own thread, per iteration and worker, filled run. */
  readonly busyMs: readonly number[];
  readonly threadMs: readonly number[];
  readonly spans: readonly RankSpan[];
  readonly comparison: TraceComparison;
  readonly losses: { readonly plain: number; readonly filled: number };
}

/** Profiles and runs of both kinds take turns, so that what else the machine does hits all alike. Predictions use the
 *  profiles alone; the plan is made from the first of them. */
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
  const profiles = [await profileMini(pool, setup, PROFILED_ITERATIONS)];
  const [first] = profiles as [MiniCosts];
  const plan = planMini(setup, first, { forward: first.cutForwardMs, backward: first.cutBackwardMs });
  const plainPlan = { instructions: pipelineWords(setup), frozen: evenFrozen(batch, numStages), isFilled: false };
  const filledPlan = { instructions: plan.instructions, frozen: plan.frozen, isFilled: true };
  const plainMs: number[] = [];
  const filledMs: number[] = [];
  let plain = await runMini(pool, setup, { ...plainPlan, numIterations: 1 });
  let filled = await runMini(pool, setup, { ...filledPlan, numIterations: 1 });
  for (let round = 0; round < numRuns; round++) {
    onStep(`run ${round + 1} of ${numRuns}`);
    plain = await runMini(pool, setup, { ...plainPlan, numIterations: numIterations + 1 });
    plainMs.push(median(plain.iterationMs.slice(1)));
    filled = await runMini(pool, setup, { ...filledPlan, numIterations: numIterations + 1 });
    filledMs.push(median(filled.iterationMs.slice(1)));
    profiles.push(await profileMini(pool, setup, PROFILED_ITERATIONS));
  }
  const predicted = (runPlan: MiniRunPlan): number =>
    median(profiles.map((costs) => predictMini(runPlan, costs).iterationMs));
  const predictedPlainMs = predicted(plainPlan);
  const predictedFilledMs = predicted(filledPlan);
  const last = filled.results[0]!.iterations.at(-1)!;
  const spans = filled.spans
    .filter((span) => span.startMs >= last[0] && span.lane.startsWith('stage'))
    .map((span) => ({ ...span, startMs: span.startMs - last[0], endMs: span.endMs - last[0] }));
  return {
    plan,
    plainMs,
    filledMs,
    predictedPlainMs,
    predictedFilledMs,
    plainError: Math.abs(predictedPlainMs / median(plainMs) - 1),
    filledError: Math.abs(predictedFilledMs / median(filledMs) - 1),
    sharing: median(profiles.map(({ sharing }) => sharing)),
    busyMs: filled.results.map(({ busyMs }) => busyMs / (numIterations + 2)),
    threadMs: filled.cpuMs.map((ms) => ms / (numIterations + 2)),
    spans,
    comparison: compareTraces(traceFromSpans(predictedSpans(plan)), traceFromSpans(spans)),
    losses: { plain: plain.results.at(-1)!.losses[0]!, filled: filled.results.at(-1)!.losses[0]! },
  };
}

/** The plan as spans named like the measured ones. */
export function predictedSpans({ simulation, fill }: MiniPlan): SpanSpec[] {
  return [...computeSpans(simulation), ...frozenSpans(fill.spans)];
}
