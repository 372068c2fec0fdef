/** What is left when nodes fail: surviving minimal quorums, and loads with the strategy kept to surviving quorums. */
import type { StrategyJson, SystemJson } from '../src/quorum/report.ts';

export interface Aftermath {
  /** Undefined where the system lists no minimal quorums. */
  readonly canRead: boolean | undefined;
  readonly canWrite: boolean | undefined;
  /** Load per node; undefined where no used quorum of a side survives. */
  readonly loads: ReadonlyMap<string, number> | undefined;
}

export function aftermath(system: SystemJson & StrategyJson, down: ReadonlySet<string>): Aftermath {
  const survives = (sets: readonly (readonly string[])[] | undefined): boolean | undefined =>
    sets?.some((set) => set.every((member) => !down.has(member)));
  const reads = kept(system.reads, down);
  const writes = kept(system.writes, down);
  const loads = new Map(system.nodes.map((node) => [node.id, 0]));
  const capacity = new Map(system.nodes.map((node) => [node.id, node]));
  for (const [list, fraction, key] of [
    [reads, system.readFraction, 'readCapacity'],
    [writes, 1 - system.readFraction, 'writeCapacity'],
  ] as const)
    for (const { members, share } of list)
      for (const member of members)
        loads.set(member, loads.get(member)! + (fraction * share) / capacity.get(member)![key]);
  return {
    canRead: survives(system.minimalReads),
    canWrite: survives(system.minimalWrites),
    loads: reads.length > 0 && writes.length > 0 ? loads : undefined,
  };
}

/** Surviving quorums with their shares scaled up to 1. */
function kept(list: StrategyJson['reads'], down: ReadonlySet<string>): { members: readonly string[]; share: number }[] {
  const alive = list.filter(({ members }) => members.every((member) => !down.has(member)));
  const total = alive.reduce((sum, { share }) => sum + share, 0);
  return alive.map(({ members, share }) => ({ members, share: share / total }));
}
