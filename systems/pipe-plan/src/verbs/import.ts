/** import: a foreign schedule, checked and simulated. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { bubbleRatio, timelineFromTrace, traceFromSimulation } from '@tenfold/core/schedule';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { readTorchCsv, simulateSchedule, type CsvDialect } from '../torch-csv.ts';

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
  const schedule = readTorchCsv(await readFile(resolve(context.workingFolder, file), 'utf8'), dialect, file);
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
