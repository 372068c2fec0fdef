/** Schedules in the CSV of PyTorch's pipelining: one row a rank, one column a step, an empty cell idles.
 *  Action: `<stage><type><micro-batch>`, or `(0F7;7B3)OVERLAP_F_B`. Dialect `full`: B is the whole backward pass, I and W
 *  its parts; dialect `bw` (older files): BW is the whole one, B and W its parts. */
import { createProgramBuilder, simulate, type Simulation } from '@tenfold/core/schedule';
import { pipeError } from './pipe-errors.ts';

export type CsvDialect = 'full' | 'bw';
export type ActionKind =
  | 'forward'
  | 'backward'
  | 'input-gradient'
  | 'weight-gradient'
  | 'SEND_F'
  | 'RECV_F'
  | 'SEND_B'
  | 'RECV_B'
  | 'UNSHARD'
  | 'RESHARD'
  | 'REDUCE_GRAD';

export interface ScheduleAction {
  readonly stage: number;
  readonly kind: ActionKind;
  /** Absent for actions of a whole stage. */
  readonly micro?: number;
}

/** A cell: nothing, one action, or two that overlap. */
export type ScheduleCell = readonly ScheduleAction[];
export type Schedule = readonly (readonly ScheduleCell[])[];

const WORDS: Readonly<Record<CsvDialect, Readonly<Partial<Record<ActionKind, string>>>>> = {
  full: { forward: 'F', backward: 'B', 'input-gradient': 'I', 'weight-gradient': 'W' },
  bw: { forward: 'F', backward: 'BW', 'input-gradient': 'B', 'weight-gradient': 'W' },
};
const ACTION = /^(\d+)(F|BW|B|I|W|SEND_F|RECV_F|SEND_B|RECV_B|UNSHARD|RESHARD|REDUCE_GRAD)(\d*)$/;
const OVERLAP = /^\(([^;]+);([^)]+)\)OVERLAP_F_B$/;
const WHOLE_STAGE: ReadonlySet<string> = new Set(['UNSHARD', 'RESHARD', 'REDUCE_GRAD']);

/** @throws TF-PIPE-006 naming row and column */
export function readTorchCsv(text: string, dialect: CsvDialect, file = 'schedule.csv'): Schedule {
  const kindOf = new Map(Object.entries(WORDS[dialect]).map(([kind, word]) => [word, kind as ActionKind]));
  const rows = text.replace(/\r?\n$/, '').split(/\r?\n/);
  return rows.map((row, rank) =>
    row.split(',').map((cell, step) => {
      const fail = (): never => {
        throw pipeError('TF-PIPE-006', {
          subject: 'readTorchCsv',
          expected: `an action such as 0F1 in dialect "${dialect}"`,
          actual: `"${cell}"`,
          location: `${file}:${rank + 1}, column ${step + 1}`,
        });
      };
      const action = (word: string): ScheduleAction => {
        const match = ACTION.exec(word.trim()) ?? fail();
        const kind = kindOf.get(match[2]!) ?? (match[2]!.length > 2 ? (match[2] as ActionKind) : fail());
        if (WHOLE_STAGE.has(kind) !== (match[3] === '')) fail();
        return { stage: Number(match[1]), kind, ...(match[3] === '' ? {} : { micro: Number(match[3]) }) };
      };
      if (cell.trim() === '') return [];
      const overlap = OVERLAP.exec(cell.trim());
      return overlap ? [action(overlap[1]!), action(overlap[2]!)] : [action(cell)];
    }),
  );
}

export function writeTorchCsv(schedule: Schedule, dialect: CsvDialect): string {
  const word = ({ stage, kind, micro }: ScheduleAction): string =>
    `${stage}${WORDS[dialect][kind] ?? kind}${micro ?? ''}`;
  const cellText = (cell: ScheduleCell): string =>
    cell.length === 2 ? `(${word(cell[0]!)};${word(cell[1]!)})OVERLAP_F_B` : cell.map(word).join('');
  return schedule.map((row) => `${row.map(cellText).join(',')}\n`).join('');
}

/** Compute actions of a plan: ranks are stages. @param words  per stage `F0`, `B0`, … (others are left out) */
export function scheduleFromWords(words: readonly (readonly string[])[]): Schedule {
  const rows = words.map((list, stage) =>
    list
      .filter((word) => word[0] === 'F' || word[0] === 'B')
      .map((word): ScheduleCell => [
        { stage, kind: word[0] === 'F' ? 'forward' : 'backward', micro: Number(word.slice(1)) },
      ]),
  );
  const width = Math.max(...rows.map(({ length }) => length));
  return rows.map((row) => [...row, ...Array.from({ length: width - row.length }, (): ScheduleCell => [])]);
}

export interface ScheduleTimes {
  readonly forwardMs: number;
  readonly backwardMs: number;
  /** Default 0. */
  readonly sendMs?: number;
}

/** Runs a schedule. Every rank does its cells in order; a forward pass needs that of the stage before, a backward pass
 *  or input gradient that of the stage behind, a weight gradient its input gradient; receives wait for their sends.
 *  @throws TF-PIPE-006 on an action whose producer is missing; TF-SCHEDULE-002 on a deadlock, naming the circle */
export function simulateSchedule(schedule: Schedule, times: ScheduleTimes): Simulation {
  const { forwardMs, backwardMs, sendMs = 0 } = times;
  const durationOf: Readonly<Record<ActionKind, number>> = {
    forward: forwardMs,
    backward: backwardMs,
    'input-gradient': backwardMs / 2,
    'weight-gradient': backwardMs / 2,
    SEND_F: sendMs,
    SEND_B: sendMs,
    RECV_F: 0,
    RECV_B: 0,
    UNSHARD: 0,
    RESHARD: 0,
    REDUCE_GRAD: 0,
  };
  const builder = createProgramBuilder();
  const ops = new Map<string, number>();
  const placed: { readonly action: ScheduleAction; readonly op: number; readonly rank: number }[] = [];
  const key = (kind: ActionKind, stage: number, micro: number | undefined): string => `${kind} ${stage} ${micro ?? ''}`;
  let numStages = 0;
  schedule.forEach((row, rank) => {
    const resource = builder.addResource({ name: `rank ${rank}` });
    for (const cell of row) {
      for (const action of cell) {
        const op = builder.addOp({
          name: `${action.stage} ${action.kind} ${action.micro ?? ''}`.trim(),
          on: resource,
          durationMs: durationOf[action.kind],
        });
        ops.set(key(action.kind, action.stage, action.micro), op);
        placed.push({ action, op, rank });
        numStages = Math.max(numStages, action.stage + 1);
      }
    }
  });
  for (const { action, op, rank } of placed) {
    const { stage, kind, micro } = action;
    const need = (...alternatives: readonly string[]): void => {
      const found = alternatives.map((name) => ops.get(name)).find((id) => id !== undefined);
      if (found === undefined)
        throw pipeError('TF-PIPE-006', {
          subject: 'simulateSchedule',
          expected: `"${alternatives[0]}" before "${kind} ${stage} ${micro ?? ''}"`,
          actual: 'no such action',
          location: `rank ${rank}`,
        });
      builder.addDependency(op, found);
    };
    const backwardOf = (of: number): string[] => [key('backward', of, micro), key('input-gradient', of, micro)];
    if (kind === 'forward' && stage > 0) need(key('RECV_F', stage, micro), key('forward', stage - 1, micro));
    if (kind === 'backward' || kind === 'input-gradient') {
      need(key('forward', stage, micro));
      if (stage < numStages - 1) need(key('RECV_B', stage, micro), ...backwardOf(stage + 1));
    }
    if (kind === 'weight-gradient') need(key('input-gradient', stage, micro));
    if (kind === 'SEND_F') need(key('forward', stage, micro));
    if (kind === 'SEND_B') need(...backwardOf(stage));
    if (kind === 'RECV_F') need(key('SEND_F', stage - 1, micro));
    if (kind === 'RECV_B') need(key('SEND_B', stage + 1, micro));
  }
  return simulate(builder.build());
}
