/** Frozen outputs on their way to the stages that read them in the next iteration.
 *
 *  A stage takes arrivals one after another in the order in which they were made. What has not come by the stage's first
 *  forward pass of the next iteration delays it. Contention with the pipeline's own sends is not modelled. */
import { createNetworkCosts, type DeviceRange } from '../network.ts';
import type { Cluster, FillResult, FrozenComponent, Placement, Stage } from '../types.ts';

export interface DeliveryInput {
  readonly components: readonly FrozenComponent[];
  readonly cluster: Cluster;
  readonly groupDevices: number;
  readonly placement: Placement;
  readonly stages: readonly Stage[];
  readonly fill: FillResult;
  /** Start of every stage's first forward pass within an iteration. */
  readonly firstForwardMs: readonly number[];
}

export interface Delivery {
  /** By how much the next iteration starts later. */
  readonly lateMs: number;
  /** Bytes that every stage receives. */
  readonly arrivingBytes: readonly number[];
}

export function deliveryOf(input: DeliveryInput): Delivery {
  const { components, cluster, groupDevices, placement, stages, fill, firstForwardMs } = input;
  const network = createNetworkCosts(cluster, groupDevices, placement);
  let position = 0;
  const ranges = stages.map(({ replicas }): DeviceRange => {
    position += replicas;
    return { start: position - replicas, count: replicas };
  });
  const last = new Map(components.map(({ id, layers }) => [id, layers.length - 1]));
  const made = fill.spans
    .filter(({ component, layer }) => layer === last.get(component))
    .toSorted((a, b) => a.endMs - b.endMs);
  let lateMs = 0;
  const arrivingBytes = stages.map((stage, index) => {
    const bytesOf = new Map(components.map((component) => [component.id, bytesPerSample(component, stage)]));
    let freeMs = 0;
    let arriving = 0;
    for (const { component, stages: sources, replica, samples, endMs } of made) {
      const perSample = bytesOf.get(component)!;
      if (perSample === 0) continue;
      for (const source of sources) {
        if (source === index) continue;
        const from = ranges[source]!;
        const sender = replica === undefined ? from : { start: from.start + replica, count: 1 };
        const bytes = (samples * perSample * stages[source]!.replicas) / devicesOf(sources, stages);
        const { msPerByte, latencyMs } = network.transfer(sender, ranges[index]!);
        freeMs = Math.max(freeMs, endMs) + latencyMs + bytes * msPerByte;
        arriving += bytes;
      }
    }
    lateMs = Math.max(lateMs, freeMs - fill.iterationMs - firstForwardMs[index]!);
    return arriving;
  });
  return { lateMs, arrivingBytes };
}

function devicesOf(sources: readonly number[], stages: readonly Stage[]): number {
  return sources.reduce((sum, stage) => sum + stages[stage]!.replicas, 0);
}

/** Each tensor once, however many layers of the stage read it. */
function bytesPerSample({ consumers, layers }: FrozenComponent, { start, end }: Stage): number {
  if (!consumers) return start === 0 ? (layers.at(-1)?.outputBytesPerSample ?? 0) : 0;
  const tensors = new Map<string, number>();
  for (const { layer, bytesPerSample: bytes, tensor } of consumers)
    if (layer >= start && layer < end) tensors.set(tensor, bytes);
  return [...tensors.values()].reduce((sum, bytes) => sum + bytes, 0);
}
