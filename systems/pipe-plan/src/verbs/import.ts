/** import: a foreign schedule, checked and simulated. */
import { bubbleRatio, timelineFromTrace, traceFromSimulation } from '@tenfold/core/schedule';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { simulateSchedule } from '../torch/schedule-simulation.ts';
import { readTorchCsv, type CsvDialect } from '../torch/torch-csv.ts';
import { readTextFile } from './inputs.ts';

interface ImportParams {
  readonly file: string;
  readonly dialect: CsvDialect;
  readonly forwardMs: number;
  readonly backwardMs: number;
}

export async function run(
  { file, dialect, forwardMs, backwardMs }: ImportParams,
  context: VerbContext,
): Promise<VerbResult> {
  const schedule = readTorchCsv(await readTextFile(file, context, 'a schedule file'), dialect, file);
  const simulation = simulateSchedule(schedule, { forwardMs, backwardMs });
  const resources = simulation.program.resources.map(({ id }) => id);
  const ratio = bubbleRatio(simulation, { resources });
  return {
    ok: true,
    value: { numRanks: schedule.length, makespanMs: simulation.makespanMs, bubbleRatio: ratio },
    report: {
      title: `Schedule ${file}`,
      verdict: {
        tone: 'good',
        text: `${schedule.length} ranks finish after ${simulation.makespanMs.toFixed(1)} ms and idle ${(100 * ratio).toFixed(1)} % of it; no deadlock.`,
      },
      blocks: [timelineFromTrace(traceFromSimulation(simulation), { caption: 'Simulated schedule' })],
    },
  };
}
