/** What a placement costs on the network. Links inside a node belong to devices; between nodes, all devices of a node
 *  share its network card. So eight replicas that send to eight on another node are not eight times as fast. */
import { allReduceMs } from '@tenfold/core/schedule';
import type { Cluster, Placement } from './types.ts';

export interface NetworkCosts {
  /** Time per byte that some devices of every group send to others of it, all samples dealt evenly on both sides. */
  transfer(from: DeviceRange, to: DeviceRange): { readonly msPerByte: number; readonly latencyMs: number };
  /** All-reduce of the gradients of a stage that starts at device `position` of every group. */
  sync(position: number, replicas: number): SyncCost;
}

/** Devices [start, start + count) of a pipeline group. */
export interface DeviceRange {
  readonly start: number;
  readonly count: number;
}

interface SyncCost {
  readonly fixedMs: number;
  readonly msPerByte: number;
  /** Nodes whose network cards are busy meanwhile; empty inside a node. */
  readonly cards: readonly number[];
}

const MS_PER_SEC = 1000;

export function createNetworkCosts(cluster: Cluster, groupDevices: number, placement: Placement): NetworkCosts {
  const numGroups = cluster.numDevices / groupDevices;
  const rankOf = rankPlacement(numGroups, groupDevices, placement);
  const nodeOf = (rank: number): number => Math.floor(rank / cluster.devicesPerNode);
  const intra = MS_PER_SEC / cluster.intra.bytesPerSec;
  const inter = MS_PER_SEC / cluster.inter.bytesPerSec;
  return {
    transfer({ start, count: left }, { start: end, count: right }) {
      const load = new Map<string, number>();
      let busiest = 0;
      let isCrossing = false;
      const add = (key: string, share: number, msPerByte: number): void => {
        const sum = (load.get(key) ?? 0) + share * msPerByte;
        load.set(key, sum);
        busiest = Math.max(busiest, sum);
      };
      for (let group = 0; group < numGroups; group++) {
        for (let i = 0; i < left; i++) {
          for (let j = 0; j < right; j++) {
            const share = Math.min((i + 1) / left, (j + 1) / right) - Math.max(i / left, j / right);
            if (share <= 1e-12) continue;
            const from = rankOf(group, start + i);
            const to = rankOf(group, end + j);
            if (nodeOf(from) === nodeOf(to)) {
              add(`device ${from} out`, share, intra);
              add(`device ${to} in`, share, intra);
            } else {
              isCrossing = true;
              add(`node ${nodeOf(from)} out`, share, inter);
              add(`node ${nodeOf(to)} in`, share, inter);
            }
          }
        }
      }
      return { msPerByte: busiest, latencyMs: isCrossing ? cluster.inter.latencyMs : cluster.intra.latencyMs };
    },
    sync(position, replicas) {
      const nodes = new Set<number>();
      for (let group = 0; group < numGroups; group++)
        for (let slot = 0; slot < replicas; slot++) nodes.add(nodeOf(rankOf(group, position + slot)));
      const leavesNode = nodes.size > 1;
      return {
        ...syncCost(cluster, replicas * numGroups, leavesNode),
        cards: leavesNode ? [...nodes].sort((a, b) => a - b) : [],
      };
    },
  };
}

/** All-reduce time as fixed + bytes · perByte, from the measured start and bus bandwidth where there are such. */
export function syncCost(
  cluster: Cluster,
  ranks: number,
  leavesNode: boolean,
): { readonly fixedMs: number; readonly msPerByte: number } {
  if (ranks <= 1) return { fixedMs: 0, msPerByte: 0 };
  const link = leavesNode ? cluster.inter : cluster.intra;
  const measured = cluster.allReduceBusBytesPerSec?.[leavesNode ? 'inter' : 'intra'][String(ranks)];
  const speed = measured === undefined ? link : { ...link, bytesPerSec: measured };
  const latenciesMs = allReduceMs(speed, 0, ranks);
  const startMs = leavesNode ? undefined : cluster.allReduceStartMs?.[String(ranks)];
  return { fixedMs: startMs ?? latenciesMs, msPerByte: (allReduceMs(speed, 1e9, ranks) - latenciesMs) / 1e9 };
}

/** Ranks of stage replicas: devices of every group by stage, groups over nodes.
 *  @returns [group][stage] → ranks */
export function placeStages(numGroups: number, replicas: readonly number[], placement: Placement): number[][][] {
  const groupDevices = replicas.reduce((sum, count) => sum + count, 0);
  const rankOf = rankPlacement(numGroups, groupDevices, placement);
  return Array.from({ length: numGroups }, (_, group) => {
    let position = 0;
    return replicas.map((count) => Array.from({ length: count }, () => rankOf(group, position++)));
  });
}

/** pipeline-inner: a group's devices are neighbours; dp-inner: equal positions of all groups are. */
function rankPlacement(
  numGroups: number,
  groupDevices: number,
  placement: Placement,
): (group: number, slot: number) => number {
  return placement === 'pipeline-inner'
    ? (group, slot) => group * groupDevices + slot
    : (group, slot) => slot * numGroups + group;
}
