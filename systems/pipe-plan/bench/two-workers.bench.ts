/** The mini model on two workers: an iteration with frozen work in the bubbles beside one with it first, and how far the
 *  predictions from profiles are off. Frozen parts are about as large as the bubbles, as planners would have them: with two
 *  micro-batches the share of SD 2.1 on two H100 (0.57 of the trained part there), with four half of it. */
import type { BenchRow } from '@tenfold/core/report';
import { measureMini } from '../src/execute/measure.ts';
import { MINI } from '../src/execute/mini-model.ts';

const NUM_RUNS = 3;
const ITERATIONS = 6;
const BATCH = 16;
/** Predictions may be off by this much. */
const ERROR_TARGET = 0.1;

const SETTINGS = [
  { name: 'frozen share of SD 2.1', encoderChannels: 72, numMicroBatches: 2 },
  { name: 'half of that share', encoderChannels: 36, numMicroBatches: 4 },
] as const;

export async function bench(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const { name, encoderChannels, numMicroBatches } of SETTINGS) {
    const { plain, filled, sharing, frozenRatio, bubbleRatio } = await measureMini({
      config: { ...MINI, encoderChannels },
      ends: [7, 11],
      batch: BATCH,
      numMicroBatches,
      links: { intra: { latencyMs: 0.05, bytesPerSec: 2e9 } },
      numRuns: NUM_RUNS,
      numIterations: ITERATIONS,
    });
    if (Math.abs(plain.loss - filled.loss) > 1e-6 * Math.abs(plain.loss)) throw new Error('filling changed a loss');
    const list = (times: readonly number[]): string => times.map((ms) => ms.toFixed(1)).join(', ');
    const setting = `${name} (frozen over trained ${frozenRatio.toFixed(2)}, idle before filling ${bubbleRatio.toFixed(2)}), batch ${BATCH}, ${numMicroBatches} micro-batches; ${NUM_RUNS} runs of ${ITERATIONS} iterations`;
    const [, plainMs] = plain.quartilesMs;
    const [, filledMs] = filled.quartilesMs;
    rows.push({
      name: 'iteration, frozen work in the bubbles against first',
      ours: filledMs,
      peer: plainMs,
      unit: 'ms',
      ratio: plainMs / filledMs,
      note: `${setting}; predicted ratio ${(plain.predictedMs[1] / filled.predictedMs[1]).toFixed(2)}; medians of runs ${list(filled.runsMs)} against ${list(plain.runsMs)}; workers in the engine ${list(filled.busyMs)} ms, on their own threads ${list(filled.threadMs)} ms; both computing ${sharing.toFixed(2)} times as long`,
    });
    for (const [kind, { error, quartilesMs, predictedMs }] of [
      ['first', plain],
      ['in the bubbles', filled],
    ] as const)
      rows.push({
        name: `prediction error, frozen work ${kind}`,
        ours: error,
        peer: ERROR_TARGET,
        unit: 'share',
        ratio: ERROR_TARGET / error,
        note: `${name}; quartiles and median: predicted ${list(predictedMs)} ms, measured ${list(quartilesMs)} ms; peer column is the target`,
      });
  }
  return rows;
}
