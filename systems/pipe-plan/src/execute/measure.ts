/** The mini model on real workers: profiled, planned, run without and with frozen work in the bubbles, and compared. */
import { median } from '@tenfold/core/base';
import { openRankPool, type Links, type RankSpan } from '@tenfold/core/ranks';
import { compareTraces, traceFromSpans, type SpanSpec, type TraceComparison } from '@tenfold/core/schedule';
import { pipeError } from '../pipe-errors.ts';
import { computeSpans, frozenSpans } from '../plan-spans.ts';
import type { MiniConfig } from './mini-model.ts';
import { predictMini } from './mini-prediction.ts';
import { costsOfRounds, frozenSizes, profileModes, tablesOf, type MiniCosts } from './mini-profile.ts';
import { equalStages, filledMode, plainMode, planMini, runMini, type MiniPlan, type MiniSetup } from './run-mini.ts';

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

/** Rounds of the profile that the plan is made of, after the first. */
const PLANNING_ROUNDS = 4;
/** Rounds of a launch that do not count. */
const COLD_ROUNDS = 1;

/** One kind of iteration over all runs, ms. */
interface MeasuredKind {
  /** Median of every run. */
  readonly runsMs: readonly number[];
  readonly predictedRunsMs: readonly number[];
  /** First quartile, median, third quartile of all iterations. */
  readonly quartilesMs: Quartiles;
  readonly predictedMs: Quartiles;
  /** |predicted − measured| / measured, medians over all runs. */
  readonly error: number;
  /** Time inside the engine and of the worker's own thread, per iteration and worker: medians. */
  readonly busyMs: readonly number[];
  readonly threadMs: readonly number[];
  readonly loss: number;
}

type Quartiles = readonly [low: number, median: number, high: number];

export interface Measurement {
  readonly plan: MiniPlan;
  readonly plain: MeasuredKind;
  readonly filled: MeasuredKind;
  /** How much longer a worker takes while the others compute. */
  readonly sharing: number;
  /** Frozen work over trained work, and the share of the unfilled pipeline that is idle: as profiled for the plan. */
  readonly frozenRatio: number;
  readonly bubbleRatio: number;
  readonly spans: readonly RankSpan[];
  readonly comparison: TraceComparison;
}

/** Iterations of both kinds and of profiles take turns within one launch, in opposite orders from round to round. The plan
 *  is made from a profile before; predictions are simulations with the profiled times of each round, their median stands
 *  against the median of the measured iterations. */
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
  await using pool = openRankPool();
  onStep('profiling');
  const all = frozenSizes(setup);
  const first = await runMini(pool, setup, profileModes(setup, all), { numRounds: COLD_ROUNDS + PLANNING_ROUNDS });
  const { profile, cutMs } = tablesOf(setup, all, costsOfRounds(setup, all, first, COLD_ROUNDS));
  const plan = planMini(setup, profile, cutMs);
  const kinds = [plainMode(setup), filledMode(setup, plan)];
  const sizes = [...new Set(kinds.flatMap(({ frozen }) => frozen.flat().map(({ count }) => count)))];
  const profiling = profileModes(setup, sizes);
  const modes = [...profiling, ...kinds];
  const runs: { readonly run: Awaited<ReturnType<typeof runMini>>; readonly costs: readonly MiniCosts[] }[] = [];
  for (let index = 0; index < numRuns; index++) {
    onStep(`run ${index + 1} of ${numRuns}`);
    const run = await runMini(pool, setup, modes, { numRounds: COLD_ROUNDS + numIterations });
    runs.push({ run, costs: costsOfRounds(setup, sizes, run, COLD_ROUNDS) });
  }
  const kindOf = (index: number): MeasuredKind => {
    const iterations = runs.map(({ run }) => run.iterations[profiling.length + index]!.slice(COLD_ROUNDS));
    const measured = iterations.map((list) => list.map(({ startMs, endMs }) => endMs - startMs));
    const predicted = runs.map(({ costs }) => costs.map((each) => predictMini(kinds[index]!, each).iterationMs));
    const quartilesMs = quartiles(measured.flat());
    const predictedMs = quartiles(predicted.flat());
    const perWorker = (key: 'busyMs' | 'threadMs'): number[] =>
      ends.map((_, stage) => median(iterations.flat().map((iteration) => iteration[key][stage]!)));
    return {
      runsMs: measured.map(median),
      predictedRunsMs: predicted.map(median),
      quartilesMs,
      predictedMs,
      error: Math.abs(predictedMs[1] / quartilesMs[1] - 1),
      busyMs: perWorker('busyMs'),
      threadMs: perWorker('threadMs'),
      loss: iterations[0]![0]!.loss,
    };
  };
  const last = runs.at(-1)!.run;
  const { startMs, endMs } = last.iterations.at(-1)!.at(-1)!;
  const spans = last.spans
    .filter((span) => span.startMs >= startMs && span.endMs <= endMs && span.lane.startsWith('stage'))
    .map((span) => ({ ...span, startMs: span.startMs - startMs, endMs: span.endMs - startMs }));
  const sum = (times: readonly number[]): number => times.reduce((total, ms) => total + ms, 0);
  const trainedMs = numMicroBatches * (sum(profile.forwardMs) + sum(profile.backwardMs));
  const wholeMs = profile.frozen.flatMap(({ layers }) => layers.map(({ forward }) => forward.timesMs.at(-1)!));
  return {
    plan,
    plain: kindOf(0),
    filled: kindOf(1),
    sharing: median(runs.flatMap(({ costs }) => costs.map(({ sharing }) => sharing))),
    frozenRatio: sum(wholeMs) / trainedMs,
    bubbleRatio: 1 - trainedMs / (ends.length * plan.simulation.iterationMs),
    spans,
    comparison: compareTraces(traceFromSpans(predictedSpans(plan)), traceFromSpans(spans)),
  };
}

/** By nearest ranks; of one value all three are that value. */
function quartiles(values: readonly number[]): Quartiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))]!;
  return [at(0.25), median(values), at(0.75)];
}

/** The plan as spans named like the measured ones. */
export function predictedSpans({ simulation, fill }: MiniPlan): SpanSpec[] {
  return [...computeSpans(simulation), ...frozenSpans(fill.spans)];
}
