/** Clusters: presets, all-reduce and transfer times, and which links a placement uses. */
import { allReduceMs } from '@tenfold/core/schedule';
import { pipeError } from './pipe-errors.ts';
import type { Cluster, LinkSpeed, Placement } from './types.ts';

const GIB = 1024 ** 3;

export const CLUSTER_NAMES = ['a100-efa', 'a100-slow', 'workstation'] as const;
export type ClusterName = (typeof CLUSTER_NAMES)[number];

/** Speeds are assumptions in the range of data sheets, not measurements; measured tables replace them. */
const PRESETS: Readonly<Record<ClusterName, Omit<Cluster, 'numDevices'>>> = {
  // 8 × A100 80 GB per node, 400 Gbit/s between nodes.
  'a100-efa': {
    devicesPerNode: 8,
    memoryBytes: 80 * GIB,
    intra: { latencyMs: 0.02, bytesPerSec: 200e9 },
    inter: { latencyMs: 0.05, bytesPerSec: 40e9 },
    overlapSlowdown: 1.1256,
  },
  // The same nodes on 25 Gbit/s Ethernet.
  'a100-slow': {
    devicesPerNode: 8,
    memoryBytes: 80 * GIB,
    intra: { latencyMs: 0.02, bytesPerSec: 200e9 },
    inter: { latencyMs: 0.1, bytesPerSec: 2.8e9 },
    overlapSlowdown: 1.1256,
  },
  // Two devices a machine on PCIe, 10 Gbit/s between machines.
  workstation: {
    devicesPerNode: 2,
    memoryBytes: 24 * GIB,
    intra: { latencyMs: 0.03, bytesPerSec: 12e9 },
    inter: { latencyMs: 0.1, bytesPerSec: 1.1e9 },
    overlapSlowdown: 1.1256,
  },
};

/** @throws TF-PIPE-005 on a device count that is not a whole number of nodes */
export function presetCluster(name: ClusterName, numDevices: number): Cluster {
  const cluster = { ...PRESETS[name], numDevices };
  if (numDevices > cluster.devicesPerNode && numDevices % cluster.devicesPerNode !== 0)
    throw pipeError('TF-PIPE-005', {
      subject: 'presetCluster',
      expected: `whole nodes of ${cluster.devicesPerNode} devices`,
      actual: `${numDevices} devices`,
    });
  return cluster;
}

/** Link between neighbouring stages of a pipeline group. */
export function pipelineLink(cluster: Cluster, groupDevices: number, placement: Placement): LinkSpeed {
  const isInside = placement === 'pipeline-inner' && groupDevices <= cluster.devicesPerNode;
  return isInside || cluster.numDevices <= cluster.devicesPerNode ? cluster.intra : cluster.inter;
}

/** True if a gradient ring of `ranks` devices leaves its node. */
export function syncLeavesNode(cluster: Cluster, ranks: number, numGroups: number, placement: Placement): boolean {
  if (cluster.numDevices <= cluster.devicesPerNode) return false;
  if (placement === 'dp-inner') return ranks > cluster.devicesPerNode;
  // Equal stages of different groups stand on different nodes as soon as groups do; replicas of one group are
  // neighbours, inside a node only if they divide it.
  return numGroups > 1 || cluster.devicesPerNode % ranks !== 0;
}

/** All-reduce time as fixed + bytes · perByte, from the measured bus bandwidth where there is one. */
export function syncCost(
  cluster: Cluster,
  ranks: number,
  leavesNode: boolean,
): { readonly fixedMs: number; readonly msPerByte: number } {
  if (ranks <= 1) return { fixedMs: 0, msPerByte: 0 };
  const link = leavesNode ? cluster.inter : cluster.intra;
  const measured = cluster.allReduceBusBytesPerSec?.[leavesNode ? 'inter' : 'intra'][String(ranks)];
  const speed = measured === undefined ? link : { ...link, bytesPerSec: measured };
  const fixedMs = allReduceMs(speed, 0, ranks);
  return { fixedMs, msPerByte: (allReduceMs(speed, 1e9, ranks) - fixedMs) / 1e9 };
}

/** Ranks of stage replicas: devices of every group by stage, groups over nodes.
 *  @returns [group][stage] → ranks */
export function placeStages(numGroups: number, replicas: readonly number[], placement: Placement): number[][][] {
  const groupDevices = replicas.reduce((sum, count) => sum + count, 0);
  return Array.from({ length: numGroups }, (_, group) => {
    let position = 0;
    return replicas.map((count) =>
      Array.from({ length: count }, () => {
        const slot = position++;
        return placement === 'pipeline-inner' ? group * groupDevices + slot : slot * numGroups + group;
      }),
    );
  });
}
