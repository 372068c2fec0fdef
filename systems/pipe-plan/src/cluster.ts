/** Clusters that have names. */
import { pipeError } from './pipe-errors.ts';
import type { Cluster } from './types.ts';

const GIB = 1024 ** 3;

export const CLUSTER_NAMES = ['workstation', 'workstation-10g', 'a100-efa', 'a100-slow'] as const;
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
  // Two devices a machine on PCIe, 100 Gbit/s between machines.
  workstation: {
    devicesPerNode: 2,
    memoryBytes: 24 * GIB,
    intra: { latencyMs: 0.03, bytesPerSec: 12e9 },
    inter: { latencyMs: 0.05, bytesPerSec: 11e9 },
    overlapSlowdown: 1.1256,
  },
  // The same machines on 10 Gbit/s Ethernet.
  'workstation-10g': {
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
      hints: [
        `Take ${Math.floor(numDevices / cluster.devicesPerNode) * cluster.devicesPerNode} or ${Math.ceil(numDevices / cluster.devicesPerNode) * cluster.devicesPerNode}.`,
      ],
    });
  return cluster;
}
