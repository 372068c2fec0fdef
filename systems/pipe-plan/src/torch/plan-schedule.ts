/** A plan as a schedule for PyTorch's pipelining: stages are ranks.
 *
 *  Compute only, or with transfers and frozen work. Frozen work stands in UNSHARD cells, which are idle for stages that are
 *  not sharded: a function registered for UNSHARD runs the next frozen job there. */
import type { PlanFile } from '../profiles/plan-json.ts';
import type { Schedule, ScheduleAction, ScheduleCell } from './torch-csv.ts';

/** @param words  per stage `F0`, `B0`, … in order; `Z` words are frozen jobs */
export function scheduleFromWords(words: readonly (readonly string[])[], hasTransfers = false): Schedule {
  const lastStage = words.length - 1;
  const rows = words.map((list, stage) =>
    list.flatMap((word): ScheduleCell[] => {
      const micro = Number(word.slice(1));
      const cell = (kind: ScheduleAction['kind']): ScheduleCell => [{ stage, kind, micro }];
      if (word[0] === 'Z') return hasTransfers ? [[{ stage, kind: 'UNSHARD' }]] : [];
      if (word[0] === 'F')
        return hasTransfers
          ? [...(stage > 0 ? [cell('RECV_F')] : []), cell('forward'), ...(stage < lastStage ? [cell('SEND_F')] : [])]
          : [cell('forward')];
      return hasTransfers
        ? [...(stage < lastStage ? [cell('RECV_B')] : []), cell('backward'), ...(stage > 0 ? [cell('SEND_B')] : [])]
        : [cell('backward')];
    }),
  );
  const width = Math.max(...rows.map(({ length }) => length));
  return rows.map((row) => [...row, ...Array.from({ length: width - row.length }, (): ScheduleCell => [])]);
}

/** Frozen jobs in bubbles of replica 0 of every stage; the others of a stage have as many or fewer. */
export function scheduleOfPlan({ devices }: PlanFile, hasTransfers: boolean): Schedule {
  const words = devices.filter(({ replica }) => replica === 0).map((device) => device.words);
  return scheduleFromWords(words, hasTransfers);
}
