/** Devices that the room knows: measured tables of two 8-GPU nodes when the data folder has them, and a device of
 *  analytic costs that is always there. Compute rates are analytic in both: no file with operation times is public. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { costAt, type CostTable } from '@tenfold/core/schedule';
import { tableFromPoints, type DeviceCosts } from './device-costs.ts';

const MB = 1024 * 1024;
/** TF32 tensor cores of an A100 at 60 % of their 156 TFLOP/s; 2.0 TB/s memory at 75 %; 5 µs a launch. */
const FLOPS_PER_SEC = 0.6 * 156e12;
const BYTES_PER_SEC = 0.75 * 2.0e12;
const LAUNCH_MS = 0.005;
/** Analytic network: 100 Gb/s for each pair of devices across nodes, 200 GB/s inside, 30 µs to start. */
const INTER_BYTES_PER_SEC = 12.5e9;
const INTRA_BYTES_PER_SEC = 200e9;
const START_MS = 0.03;
const TABLE_SIZES_MB = [0.001, 0.0625, 0.25, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
export const DEVICES_PER_NODE = 8;
const MEASURED_GROUPS = [2, 4, 8] as const;

export interface DeviceOptions {
  readonly dataFolder?: string | undefined;
  /** 8 (one node) or more (nodes of 8). */
  readonly numDevices: number;
  /** Factor on the bandwidth between nodes, default 1. */
  readonly bandwidthFactor?: number;
}

/** Galvatron's measured tables if the folder has them, else the analytic device. */
export async function loadDevice(options: DeviceOptions): Promise<DeviceCosts> {
  return (await measuredDevice(options)) ?? analyticDevice(options);
}

export function analyticDevice({ numDevices, bandwidthFactor = 1 }: DeviceOptions): DeviceCosts {
  const intra = (bytes: number): number => START_MS + (1000 * bytes) / INTRA_BYTES_PER_SEC;
  const busShare = busShareOf(numDevices);
  const isOneNode = numDevices <= DEVICES_PER_NODE;
  const reduceBytesPerSec = isOneNode ? INTRA_BYTES_PER_SEC : INTER_BYTES_PER_SEC * bandwidthFactor;
  return {
    name: `${numDevices} devices with analytic costs`,
    origin: 'Analytic: derived from data-sheet rates, nothing here was measured',
    numDevices,
    flopsPerSec: FLOPS_PER_SEC,
    bytesPerSec: BYTES_PER_SEC,
    launchMs: LAUNCH_MS,
    allToAll: acrossNodes(intra, numDevices, INTER_BYTES_PER_SEC * bandwidthFactor),
    allReduce: tableOver((bytes) => START_MS + (1000 * busShare * bytes) / reduceBytesPerSec, 'all-reduce'),
    computeSlowdown: 1,
    commSlowdown: 1,
  };
}

async function measuredDevice(options: DeviceOptions): Promise<DeviceCosts | undefined> {
  const { dataFolder, numDevices, bandwidthFactor = 1 } = options;
  if (dataFolder === undefined) return undefined;
  const read = async (name: string): Promise<Record<string, number>> =>
    JSON.parse(await readFile(join(dataFolder, 'moe-overlap', `galvatron-${name}.json`), 'utf8'));
  let files: Record<string, number>[];
  try {
    files = await Promise.all(
      [
        'sp_time_1nodes_8gpus_per_node',
        'p2p_bandwidth_2nodes_8gpus_per_node',
        'allreduce_bandwidth_2nodes_8gpus_per_node',
        'overlap_coefficient',
      ].map(read),
    );
  } catch {
    return undefined;
  }
  const [times, p2p, allReduce, overlap] = files as [
    Record<string, number>,
    Record<string, number>,
    Record<string, number>,
    Record<string, number>,
  ];
  const isOneNode = numDevices <= DEVICES_PER_NODE;
  // Groups of 2, 4 and 8 were measured; another size takes the next larger one.
  const groupSize = MEASURED_GROUPS.find((size) => size >= numDevices) ?? DEVICES_PER_NODE;
  const inside = (kind: string): CostTable => {
    const key = new RegExp(`^${kind}_size_${groupSize}_(\\d+)MB_time$`);
    const points = Object.entries(times).flatMap(([name, ms]) => {
      const size = key.exec(name)?.[1];
      return size === undefined ? [] : [[Number(size) * MB, ms] as const];
    });
    return tableFromPoints(
      points.toSorted((a, b) => a[0] - b[0]),
      `${kind}_size_${groupSize}`,
    );
  };
  const exchange = inside('all2all');
  const interBytesPerSec = p2p['pp_size_2']! * 1e9 * bandwidthFactor;
  const busBytesPerSec = allReduce['allreduce_size_16_consec_1']! * 1e9 * bandwidthFactor;
  const busShare = busShareOf(numDevices);
  return {
    name: `${numDevices} devices with measured exchanges`,
    origin: isOneNode
      ? `Exchanges: Galvatron tables (times of ${groupSize} GPUs of one node; slow-down); compute: analytic rates of an A100`
      : 'Exchanges: from Galvatron tables (8 GPUs a node: all-to-all times, point-to-point rate between nodes, bus bandwidth ' +
        'of all-reduces over 16 GPUs, slow-down); start times and compute: analytic rates of an A100',
    numDevices,
    flopsPerSec: FLOPS_PER_SEC,
    bytesPerSec: BYTES_PER_SEC,
    launchMs: LAUNCH_MS,
    allToAll: isOneNode ? exchange : acrossNodes((bytes) => costAt(exchange, bytes), numDevices, interBytesPerSec),
    allReduce: isOneNode
      ? inside('allreduce')
      : tableOver((bytes) => START_MS + (1000 * busShare * bytes) / busBytesPerSec, 'all-reduce'),
    computeSlowdown: overlap['overlap_coe']!,
    commSlowdown: 1,
  };
}

/** Share of its payload that a device moves in an all-reduce; nccl-tests state bandwidths of reductions by it. */
function busShareOf(numDevices: number): number {
  return (2 * (numDevices - 1)) / numDevices;
}

/** Of b bytes a device sends (8/n)·b inside its node and the rest across; both go on at once. */
function acrossNodes(intra: (bytes: number) => number, numDevices: number, interBytesPerSec: number): CostTable {
  const inside = Math.min(1, DEVICES_PER_NODE / numDevices);
  return tableOver((bytes) => {
    const acrossMs = inside === 1 ? 0 : START_MS + (1000 * bytes * (1 - inside)) / interBytesPerSec;
    return Math.max(intra(bytes * inside), acrossMs);
  }, 'all-to-all');
}

function tableOver(msOf: (bytes: number) => number, name: string): CostTable {
  return tableFromPoints(
    TABLE_SIZES_MB.map((size) => [size * MB, msOf(size * MB)] as const),
    name,
  );
}
