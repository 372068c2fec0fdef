/** Memory of a stage on one device: weights, gradients, optimiser, activations of micro-batches in flight, buffers of
 *  the cuts, frozen weights and outputs.   Ours; the paper names memory only. */
import type { ScheduleKind } from './pipeline/one-f-one-b.ts';
import { inflightOf } from './pipeline/one-f-one-b.ts';
import { cutBytes } from './cuts.ts';
import type { Backbone, FrozenComponent, Stage, StageMemory } from './types.ts';

/** Adam in f32 beside bf16 gradients: master weight and two moments, 12 bytes for 2. */
const OPTIMIZER_PER_GRADIENT_BYTE = 6;
/** A cut is received while the one before is used. */
const BUFFERS_PER_CUT = 2;

export interface MemoryOptions {
  readonly schedule: ScheduleKind;
  readonly numMicroBatches: number;
  readonly microBatch: number;
  /** Samples of the group batch and its devices: what the frozen part needs room for. */
  readonly groupBatch: number;
  readonly groupDevices: number;
  readonly frozen: readonly FrozenComponent[];
  readonly recomputes?: boolean;
}

/** Sums over layers, so that a stage costs O(1): made once per model. */
export interface MemoryPrefixes {
  readonly params: Float64Array;
  readonly grads: Float64Array;
  readonly activations: Float64Array;
  readonly largest: readonly number[];
  readonly cuts: readonly number[];
}

export function memoryPrefixes(backbone: Backbone): MemoryPrefixes {
  const { layers } = backbone;
  const prefix = (next: (layer: number) => number): Float64Array => {
    const sums = new Float64Array(layers.length + 1);
    for (let layer = 0; layer < layers.length; layer++) sums[layer + 1] = sums[layer]! + next(layer);
    return sums;
  };
  return {
    params: prefix((layer) => layers[layer]!.paramBytes),
    grads: prefix((layer) => layers[layer]!.gradBytes),
    activations: prefix((layer) => layers[layer]!.activationBytesPerSample),
    largest: layers.map((layer) => layer.activationBytesPerSample),
    cuts: layers.map((_, layer) => (layer === 0 ? 0 : cutBytes(backbone, layer).forward)),
  };
}

export function stageMemory(
  prefixes: MemoryPrefixes,
  { start, end, replicas }: Stage,
  position: { readonly stage: number; readonly numStages: number },
  options: MemoryOptions,
): StageMemory {
  const { schedule, numMicroBatches, microBatch, frozen, recomputes = false } = options;
  const { stage, numStages } = position;
  const inflight = Math.max(1, inflightOf(schedule, numStages, stage, numMicroBatches));
  const local = Math.ceil(microBatch / replicas);
  const boundary = (start > 0 ? prefixes.cuts[start]! : 0) + (end < prefixes.cuts.length ? prefixes.cuts[end]! : 0);
  const whole = prefixes.activations[end]! - prefixes.activations[start]!;
  // Recomputed: only the boundary stays per micro-batch, one micro-batch is whole while its backward pass runs.
  const activationBytes = recomputes ? local * (inflight * boundary + whole) : local * inflight * whole;
  const weightsBytes = prefixes.params[end]! - prefixes.params[start]!;
  const gradientsBytes = prefixes.grads[end]! - prefixes.grads[start]!;
  const optimizerBytes = OPTIMIZER_PER_GRADIENT_BYTE * gradientsBytes;
  const bufferBytes = BUFFERS_PER_CUT * local * boundary;
  const frozenBytes = frozenMemory(options, frozen);
  return {
    stage,
    weightsBytes,
    gradientsBytes,
    optimizerBytes,
    activationBytes,
    bufferBytes,
    frozenBytes,
    totalBytes: weightsBytes + gradientsBytes + optimizerBytes + activationBytes + bufferBytes + frozenBytes,
    inflight,
  };
}

/** Frozen weights, the largest output of a frozen layer twice at the device's share, and the next iteration's outputs. */
function frozenMemory({ groupBatch, groupDevices }: MemoryOptions, frozen: readonly FrozenComponent[]): number {
  const share = Math.ceil(groupBatch / groupDevices);
  let weights = 0;
  let widest = 0;
  let outputs = 0;
  for (const { layers } of frozen) {
    for (const layer of layers) {
      weights += layer.paramBytes;
      widest = Math.max(widest, layer.outputBytesPerSample);
    }
    outputs += layers.at(-1)?.outputBytesPerSample ?? 0;
  }
  return weights + 2 * share * widest + groupBatch * outputs;
}
