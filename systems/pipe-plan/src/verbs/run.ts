/** run: the mini model on real workers, with and without frozen work in the bubbles. */
import type { Block, Report } from '@tenfold/core/report';
import { timelineFromTrace, traceFromSpans } from '@tenfold/core/schedule';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { measureMini, predictedSpans, type Measurement } from '../execute/measure.ts';
import { MINI } from '../execute/mini-model.ts';
import { evenEnds } from '../execute/run-mini.ts';

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
export function sameLosses({ plain, filled }: Measurement): boolean {
  return Math.abs(plain.loss - filled.loss) <= 1e-6 * Math.abs(plain.loss);
}

export interface MeasuredValue extends Pick<
  Measurement,
  'plain' | 'filled' | 'sharing' | 'frozenRatio' | 'bubbleRatio'
> {
  /** Times as fast with frozen work in the bubbles as with it first. */
  readonly gain: number;
  readonly predictedGain: number;
  /** Of the workers' time in the engine. */
  readonly lostShare: number;
}

export function measuredValue({ plain, filled, sharing, frozenRatio, bubbleRatio }: Measurement): MeasuredValue {
  const gain = plain.quartilesMs[1] / filled.quartilesMs[1];
  const predictedGain = plain.predictedMs[1] / filled.predictedMs[1];
  return { plain, filled, gain, predictedGain, lostShare: lostShare(plain, filled), sharing, frozenRatio, bubbleRatio };
}

/** Share of the workers' time in the engine in which their threads did not run: other work had the cores. */
function lostShare(...kinds: readonly Measurement['plain'][]): number {
  const sum = (times: readonly number[]): number => times.reduce((total, ms) => total + ms, 0);
  return Math.max(0, 1 - sum(kinds.flatMap(({ threadMs }) => threadMs)) / sum(kinds.flatMap(({ busyMs }) => busyMs)));
}

/** From this share on bubbles are no free time: other work ran in them too. */
const NOISY_SHARE = 0.3;

/** What to say about a gain measured while other work had the cores; empty on a quiet machine. */
export function noiseNote({ lostShare }: { readonly lostShare: number }): string {
  return lostShare < NOISY_SHARE
    ? ''
    : ` Other work had the cores for ${(100 * lostShare).toFixed(0)} % of the workers’ time, so this gain says little: measure again on a quiet machine.`;
}

export function measuredBlocks({ plain, filled, plan, spans, sharing }: Measurement): Block[] {
  const list = (times: readonly number[]): string => times.map((ms) => ms.toFixed(1)).join(', ');
  const range = ([low, , high]: readonly number[]): string => `${low!.toFixed(1)} to ${high!.toFixed(1)}`;
  const kinds = [
    { kind: 'before the pipeline', each: plain },
    { kind: 'in the bubbles', each: filled },
  ];
  return [
    {
      kind: 'table',
      caption: `Measured on worker threads; profiles and iterations of both kinds take turns (both computing: ${sharing.toFixed(2)} times as long)`,
      columns: [
        { key: 'kind', label: 'frozen work' },
        { key: 'measured', label: 'measured', unit: 'ms', digits: 1 },
        { key: 'quartiles', label: 'quartiles', unit: 'ms' },
        { key: 'runs', label: 'medians of runs', unit: 'ms' },
        { key: 'predicted', label: 'predicted', unit: 'ms', digits: 1 },
        { key: 'predictedQuartiles', label: 'quartiles', unit: 'ms' },
        { key: 'error', label: 'prediction off by', format: 'percent' },
      ],
      rows: kinds.map(({ kind, each }) => ({
        kind,
        measured: each.quartilesMs[1],
        quartiles: range(each.quartilesMs),
        runs: list(each.runsMs),
        predicted: each.predictedMs[1],
        predictedQuartiles: range(each.predictedMs),
        error: each.error,
      })),
    },
    {
      kind: 'table',
      caption: 'Work per worker and iteration (medians)',
      columns: [
        { key: 'kind', label: 'frozen work' },
        { key: 'worker', label: 'worker' },
        { key: 'busy', label: 'in the engine', unit: 'ms', digits: 1 },
        { key: 'thread', label: 'CPU of its own thread', unit: 'ms', digits: 1 },
      ],
      rows: kinds.flatMap(({ kind, each }) =>
        each.busyMs.map((busy, worker) => ({ kind, worker, busy, thread: each.threadMs[worker]! })),
      ),
    },
    timelineFromTrace(traceFromSpans(predictedSpans(plan)), { caption: 'Predicted iteration' }),
    timelineFromTrace(traceFromSpans(spans), { caption: 'Measured iteration (last of the last filled run)' }),
  ];
}

function measuredReport(measured: Measurement): Report {
  const value = measuredValue(measured);
  const { plain, filled, gain, predictedGain } = value;
  return {
    title: 'Mini diffusion model on worker threads',
    verdict: {
      tone: gain > 1 && noiseNote(value) === '' ? 'good' : 'warn',
      text: `An iteration took ${plain.quartilesMs[1].toFixed(1)} ms with the frozen part first and ${filled.quartilesMs[1].toFixed(1)} ms with it in the bubbles (${gain.toFixed(2)} times, predicted ${predictedGain.toFixed(2)}); the prediction was off by ${(100 * filled.error).toFixed(1)} %.${noiseNote(value)}`,
    },
    blocks: measuredBlocks(measured),
  };
}
