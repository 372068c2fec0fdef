/** Foreign schedules run in the event simulator, after a check that both ends of every link agree on the order. */
import { createProgramBuilder, simulate, type Simulation } from '@tenfold/core/schedule';
import { pipeError } from '../pipe-errors.ts';
import type { ActionKind, Schedule, ScheduleAction } from './torch-csv.ts';

export interface ScheduleTimes {
  readonly forwardMs: number;
  readonly backwardMs: number;
  /** Default 0. */
  readonly sendMs?: number;
}

/** Runs a schedule. Every rank does its cells in order; a forward pass needs that of the stage before, a backward pass
 *  or input gradient that of the stage behind, a weight gradient its input gradient; receives wait for their sends.
 *  @throws TF-PIPE-006 on an action whose producer is missing or a link whose ends disagree on the order; TF-SCHEDULE-002 on a deadlock, naming the circle */
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
  assertLinkOrders(schedule);
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

/** Transfers between two ranks arrive in the order in which they were sent; a receiver that waits for another one first
 *  waits for ever. */
function assertLinkOrders(schedule: Schedule): void {
  const rankOf = new Map<number, number>();
  schedule.forEach((row, rank) => {
    for (const cell of row) for (const { stage } of cell) rankOf.set(stage, rank);
  });
  const sent = new Map<string, string[]>();
  const received = new Map<string, string[]>();
  schedule.forEach((row, rank) => {
    for (const { stage, kind, micro } of row.flat()) {
      const isForward = kind.endsWith('_F');
      const peer = (toward: number): number | undefined => rankOf.get(stage + toward);
      const note = (
        lists: Map<string, string[]>,
        from: number | undefined,
        to: number | undefined,
        of: number,
      ): void => {
        const link = `${from} → ${to}`;
        lists.set(link, [...(lists.get(link) ?? []), `${isForward ? 'F' : 'B'}${micro} of stage ${of}`]);
      };
      if (kind === 'SEND_F' || kind === 'SEND_B') note(sent, rank, peer(isForward ? 1 : -1), stage);
      if (kind === 'RECV_F') note(received, peer(-1), rank, stage - 1);
      if (kind === 'RECV_B') note(received, peer(1), rank, stage + 1);
    }
  });
  for (const [link, order] of sent) {
    const arrivals = received.get(link) ?? [];
    const at = order.findIndex((name, index) => arrivals[index] !== undefined && arrivals[index] !== name);
    if (at >= 0)
      throw pipeError('TF-PIPE-006', {
        subject: 'simulateSchedule',
        expected: `rank ${link.split(' → ')[1]} to receive ${order[at]!} next, as it was sent`,
        actual: `a receive of ${arrivals[at]!}: a deadlock`,
        location: `ranks ${link}, transfer ${at + 1}`,
      });
  }
}
