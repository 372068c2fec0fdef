/** run: the mini model on real workers, with and without frozen work in the bubbles. */
import type { Block, Report } from '@tenfold/core/report';
import { timelineFromTrace, traceFromSpans } from '@tenfold/core/schedule';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { measureMini, predictedSpans, type Measurement } from '../execute/measure.ts';
import { MINI } from '../execute/mini-model.ts';
import { evenEnds, median } from '../execute/run-mini.ts';

interface RunParams {
  readonly stages: number;
  readonly batch: number;
  readonly microBatches: number;
  readonly channels: number;
  readonly encoderChannels: number;
  readonly runs: number;
  readonly iterations: number;
  readonly selfConditioned: boolean;
  readonly latencyMs: number;
  readonly bandwidthMb: number;
}

/** Ends that balance two stages of the mini U-Net; other counts get equal layer counts. */
const TWO_STAGE_ENDS = [7, 11];

export async function run(params: RunParams, context: VerbContext): Promise<VerbResult> {
  const { stages, batch, microBatches, channels, encoderChannels, runs, iterations } = params;
  const measured = await measureMini({
    config: {
      ...MINI,
      channels: [channels, 2 * channels],
      encoderChannels,
      seed: context.seed + 1,
      isSelfConditioned: params.selfConditioned,
    },
    ends: stages === 2 ? TWO_STAGE_ENDS : evenEnds(stages),
    batch,
    numMicroBatches: microBatches,
    numRuns: runs,
    numIterations: iterations,
    links: { intra: { latencyMs: params.latencyMs, bytesPerSec: params.bandwidthMb * 1e6 } },
    onStep: (phase) => context.progress({ phase }),
  });
  return { ok: sameLosses(measured), value: measuredValue(measured), report: measuredReport(measured) };
}

/** Filling changes when frozen work runs, not what is computed. */
export function sameLosses({ losses: { plain, filled } }: Measurement): boolean {
  return Math.abs(plain - filled) <= 1e-6 * Math.abs(plain);
}

export function measuredValue(measured: Measurement) {
  const { plainMs, filledMs, predictedPlainMs, predictedFilledMs, plainError, filledError, busyMs, threadMs, losses } =
    measured;
  return {
    plainMs: median(plainMs),
    filledMs: median(filledMs),
    plainRunsMs: plainMs,
    filledRunsMs: filledMs,
    predictedPlainMs,
    predictedFilledMs,
    plainError,
    filledError,
    busyMs,
    threadMs,
    losses,
  };
}

export function measuredBlocks(measured: Measurement): Block[] {
  const value = measuredValue(measured);
  const row = (kind: string, runsMs: readonly number[], predicted: number, error: number) => ({
    kind,
    runs: runsMs.map((ms) => ms.toFixed(1)).join(', '),
    measured: median(runsMs),
    predicted,
    error,
  });
  return [
    {
      kind: 'table',
      caption: 'Measured on worker threads (medians of iterations, runs of both kinds in turn)',
      columns: [
        { key: 'kind', label: 'frozen work' },
        { key: 'runs', label: 'runs', unit: 'ms' },
        { key: 'measured', label: 'measured', unit: 'ms', digits: 1 },
        { key: 'predicted', label: 'predicted', unit: 'ms', digits: 1 },
        { key: 'error', label: 'prediction off by', format: 'percent' },
      ],
      rows: [
        row('before the pipeline', measured.plainMs, value.predictedPlainMs, value.plainError),
        row('in the bubbles', measured.filledMs, value.predictedFilledMs, value.filledError),
      ],
    },
    {
      kind: 'table',
      caption: 'Work per worker and iteration, filled',
      columns: [
        { key: 'worker', label: 'worker' },
        { key: 'busy', label: 'in the engine', unit: 'ms', digits: 1 },
        { key: 'thread', label: 'CPU of its own thread', unit: 'ms', digits: 1 },
      ],
      rows: value.busyMs.map((busy, worker) => ({ worker, busy, thread: value.threadMs[worker]! })),
    },
    timelineFromTrace(traceFromSpans(predictedSpans(measured.plan)), { caption: 'Predicted iteration' }),
    timelineFromTrace(traceFromSpans(measured.spans), { caption: 'Measured iteration (last of the last filled run)' }),
  ];
}

function measuredReport(measured: Measurement): Report {
  const { plainMs, filledMs, filledError } = measuredValue(measured);
  const gain = plainMs / filledMs;
  return {
    title: 'Mini diffusion model on worker threads',
    verdict: {
      tone: gain > 1 ? 'good' : 'warn',
      text: `An iteration took ${plainMs.toFixed(1)} ms with the frozen part first and ${filledMs.toFixed(1)} ms with it in the bubbles (${gain.toFixed(2)} times); the prediction was off by ${(100 * filledError).toFixed(1)} %.`,
    },
    blocks: measuredBlocks(measured),
  };
}
