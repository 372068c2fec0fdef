/** Schedules in the CSV of PyTorch's pipelining: one row a rank, one column a step, an empty cell idles.
 *  Action: `<stage><type><micro-batch>`, or `(0F7;7B3)OVERLAP_F_B`. Dialect `full`: B is the whole backward pass, I and W
 *  its parts; dialect `bw` (older files): BW is the whole one, B and W its parts. */
import { pipeError } from '../pipe-errors.ts';

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
const OTHER_DIALECT = /\dBW\d/;
const WHOLE_STAGE: ReadonlySet<string> = new Set(['UNSHARD', 'RESHARD', 'REDUCE_GRAD']);

/** @throws TF-PIPE-006 naming row and column */
export function readTorchCsv(text: string, dialect: CsvDialect, file = 'schedule.csv'): Schedule {
  const kindOf = new Map(Object.entries(WORDS[dialect]).map(([kind, word]) => [word, kind as ActionKind]));
  const rows = text.replace(/\r?\n$/, '').split(/\r?\n/);
  if (text.trim() === '')
    throw pipeError('TF-PIPE-006', {
      subject: 'readTorchCsv',
      expected: 'one row a rank, one column a step',
      actual: 'an empty file',
      location: file,
    });
  return rows.map((row, rank) =>
    row.split(',').map((cell, step) => {
      const fail = (): never => {
        throw pipeError('TF-PIPE-006', {
          subject: 'readTorchCsv',
          expected: `an action such as 0F1 in dialect "${dialect}"`,
          actual: `"${cell}"`,
          location: `${file}:${rank + 1}, column ${step + 1}`,
          ...(OTHER_DIALECT.test(cell) && dialect === 'full'
            ? { hints: ['BW is of the older dialect: --dialect bw.'] }
            : {}),
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
