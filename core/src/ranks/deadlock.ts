/** Finding ranks that can never go on. Exact: a rank is stuck if it waits in a call for a member that has ended or is
 *  itself stuck. Least fixed point of "can go on" = it runs, or everyone it waits for can go on. */
import { CALLS } from './calls.ts';
import { MEMBER, membersOfGroup, RANK, RANK_STATE, SLOT, SLOT_STATUS, type Control } from './control.ts';
import { allGroups, type Mesh } from './mesh.ts';

export interface StuckRank {
  readonly rank: number;
  /** Changes whenever the rank has moved since. */
  readonly epoch: number;
  readonly text: string;
}

interface Wait {
  readonly epoch: number;
  readonly missing: readonly number[];
  readonly text: string;
}

export function findStuckRanks(control: Control, mesh: Mesh): StuckRank[] {
  const { words, numRanks } = control;
  const waits = new Map<number, Wait>();
  const canGoOn = new Set<number>();
  for (let rank = 0; rank < numRanks; rank++) {
    const state = Atomics.load(words, control.rank(rank) + RANK.state);
    const wait = state === RANK_STATE.waiting ? waitOf(control, mesh, rank) : undefined;
    if (wait && wait.missing.length > 0) waits.set(rank, wait);
    else if (state !== RANK_STATE.finished) canGoOn.add(rank);
  }
  for (let hasGrown = true; hasGrown;) {
    hasGrown = false;
    for (const [rank, { missing }] of waits) {
      if (!missing.every((other) => canGoOn.has(other))) continue;
      waits.delete(rank);
      canGoOn.add(rank);
      hasGrown = true;
    }
  }
  return [...waits].map(([rank, { epoch, text }]) => ({ rank, epoch, text }));
}

/** `rank 1 waits in recv (ranks 0, 1) for rank 0`, or what else the rank is doing. */
export function describeRank(control: Control, mesh: Mesh, rank: number): string {
  const state = Atomics.load(control.words, control.rank(rank) + RANK.state);
  if (state === RANK_STATE.finished) return `rank ${rank} has returned`;
  if (state === RANK_STATE.starting) return `rank ${rank} is starting`;
  const wait = state === RANK_STATE.waiting ? waitOf(control, mesh, rank) : undefined;
  return wait?.text ?? `rank ${rank} is computing`;
}

function waitOf(control: Control, mesh: Mesh, rank: number): Wait | undefined {
  const { words } = control;
  const status = control.rank(rank);
  const epoch = Atomics.load(words, status + RANK.epoch);
  const slot = words[status + RANK.slot]!;
  const group = Atomics.load(words, slot + SLOT.group) - 1;
  const isThisCall = Atomics.load(words, slot + SLOT.generation) === words[status + RANK.generation];
  if (!isThisCall || group < 0 || Atomics.load(words, slot + SLOT.status) !== SLOT_STATUS.collecting) return undefined;
  const sequence = words[slot + SLOT.sequence]!;
  const members = membersOfGroup(control, group);
  const hasArrived = (position: number): boolean =>
    Atomics.load(words, control.member(slot, position) + MEMBER.arrived) === 1;
  const missing = members.filter((_, position) => !hasArrived(position));
  const own = members.findIndex((member, position) => member === rank && hasArrived(position));
  if (own < 0) return undefined;
  const call = CALLS[words[control.member(slot, own) + MEMBER.call]!]!;
  const calls = missing.map((other) =>
    Atomics.load(words, control.rank(other) + RANK.state) === RANK_STATE.finished
      ? `rank ${other}, which has returned`
      : `rank ${other}`,
  );
  const where = call === 'send' || call === 'recv' ? '' : ` (${groupName(mesh, members)}, call ${sequence})`;
  return { epoch, missing, text: `rank ${rank} waits in ${call}${where} for ${calls.join(' and ')}` };
}

function groupName(mesh: Mesh, members: readonly number[]): string {
  const list = `ranks ${members.join(', ')}`;
  if (members.length === mesh.numRanks) return list;
  const axis = mesh.axes.find(({ name }) => allGroups(mesh, name).some((ranks) => ranks.join() === members.join()));
  return axis ? `"${axis.name}", ${list}` : list;
}
