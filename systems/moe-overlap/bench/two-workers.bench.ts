/** The block on two workers with emulated links: step and exposed communication of the planned order beside the written
 *  one and beside experts only in parts; medians over rounds and workers, three runs; and how far predictions are off. */
import { median } from '@tenfold/core/base';
import type { BenchRow } from '@tenfold/core/report';
import { measureBlock, type MeasuredBlock } from '../src/exec/measured-run.ts';
import { measuredMode } from '../src/measured-report.ts';
import { MODES, type Mode } from '../src/plan.ts';

const NUM_RUNS = 3;
const ROUNDS = 5;
/** t_a2a / t_expert. */
const RATIOS = [1, 2, 3.36] as const;
const PEERS: readonly Mode[] = ['none', 'tutel', 'dw', 'partition'];
/** Predictions may be off by this much. */
const ERROR_TARGET = 0.1;

export async function bench(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const ratio of RATIOS) {
    const runs: MeasuredBlock[] = [];
    for (let seed = 0; seed < NUM_RUNS; seed++) runs.push(await measureBlock({ seed, ratio, rounds: ROUNDS }));
    if (runs.some(({ modes }) => modes.some(({ isBitEqual }) => !isBitEqual))) throw new Error('a mode changed a bit');
    const of = (mode: Mode, pick: 'stepMs' | 'predictedMs' | 'exposedMs'): number =>
      median(runs.map((run) => measuredMode(run, mode)[pick]));
    const note = `t_a2a/t_expert = ${ratio}, emulated link; median of ${NUM_RUNS} runs of ${ROUNDS} rounds`;
    for (const peer of PEERS) {
      const [ours, theirs] = [of('both', 'exposedMs'), of(peer, 'exposedMs')];
      rows.push({
        name: `exposed, "both" against "${peer}"`,
        ours,
        peer: theirs,
        unit: 'ms',
        ratio: theirs / ours,
        note,
      });
    }
    for (const peer of PEERS) {
      const [ours, theirs] = [of('both', 'stepMs'), of(peer, 'stepMs')];
      rows.push({ name: `step, "both" against "${peer}"`, ours, peer: theirs, unit: 'ms', ratio: theirs / ours, note });
    }
    const errors = MODES.map((mode) => {
      const [measured, predicted] = [of(mode, 'stepMs'), of(mode, 'predictedMs')];
      return Math.abs(measured / predicted - 1);
    });
    const single = runs.flatMap(({ modes }) => modes.map(({ error }) => Math.abs(error)));
    rows.push({
      name: 'prediction error of the step, worst of six modes (medians of runs)',
      ours: Math.max(...errors),
      peer: ERROR_TARGET,
      unit: 'share',
      ratio: ERROR_TARGET / Math.max(...errors),
      note: `${note}; median mode ${percent(median(errors))}, worst single run ${percent(Math.max(...single))}; peer column is the target`,
    });
    const gains = runs.map((run) => {
      const [none, both] = [measuredMode(run, 'none'), measuredMode(run, 'both')];
      return (none.stepMs - both.stepMs) / (none.predictedMs - both.predictedMs);
    });
    rows.push({
      name: 'measured gain over predicted gain',
      ours: median(gains),
      peer: 0.7,
      unit: 'share',
      ratio: median(gains) / 0.7,
      note: `${note}; peer column is the target`,
    });
  }
  return rows;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
