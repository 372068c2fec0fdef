/** The mini model on two workers: an iteration with frozen work in the bubbles beside one with it first, and how far the
 *  predictions from profiles are off. The frozen share is that of SD 2.1 on two H100 (0.57 of the trained part), stages
 *  and micro-batches are those of its plan there (2 and 2). */
import { median } from '@tenfold/core/base';
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
  { name: 'small frozen share', encoderChannels: 24, numMicroBatches: 4 },
] as const;

export async function bench(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const { name, encoderChannels, numMicroBatches } of SETTINGS) {
    const { plainMs, filledMs, plainError, filledError, losses, sharing, threadMs, busyMs } = await measureMini({
      config: { ...MINI, encoderChannels },
      ends: [7, 11],
      batch: BATCH,
      numMicroBatches,
      links: { intra: { latencyMs: 0.05, bytesPerSec: 2e9 } },
      numRuns: NUM_RUNS,
      numIterations: ITERATIONS,
    });
    if (Math.abs(losses.plain - losses.filled) > 1e-6 * Math.abs(losses.plain))
      throw new Error('filling changed a loss');
    const note = `${name}, batch ${BATCH}, ${numMicroBatches} micro-batches; median of ${NUM_RUNS} runs of ${ITERATIONS} iterations`;
    const [plain, filled] = [median(plainMs), median(filledMs)];
    const list = (times: readonly number[]): string => times.map((ms) => ms.toFixed(1)).join(', ');
    rows.push({
      name: 'iteration, frozen work in the bubbles against first',
      ours: filled,
      peer: plain,
      unit: 'ms',
      ratio: plain / filled,
      note: `${note}: ${list(filledMs)} against ${list(plainMs)}; workers in the engine ${list(busyMs)} ms, on their own threads ${list(threadMs)} ms, together ${sharing.toFixed(2)} times as long as alone`,
    });
    for (const [kind, error] of [
      ['first', plainError],
      ['in the bubbles', filledError],
    ] as const)
      rows.push({
        name: `prediction error, frozen work ${kind}`,
        ours: error,
        peer: ERROR_TARGET,
        unit: 'share',
        ratio: ERROR_TARGET / error,
        note: `${note}; peer column is the target`,
      });
  }
  return rows;
}
