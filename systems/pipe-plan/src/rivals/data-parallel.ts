/** Data parallelism simulated layer by layer: DDP with its all-reduce behind the backward pass, and ZeRO-3 with
 *  gathered weights; frozen layers first. Accumulates gradients over as many steps as memory demands. */
import { allGatherMs, costAt, createProgramBuilder, reduceScatterMs, simulate } from '@tenfold/core/schedule';
import { syncCost } from '../network.ts';
import { createFrozenWork, frozenMs } from '../fill/frozen-work.ts';
import { memoryPrefixes } from '../memory.ts';
import { costsOfBackbone } from '../partition/from-model.ts';
import { slowdownRules } from '../pipeline/simulation.ts';
import type { Cluster, DiffusionModel } from '../types.ts';

export interface DataParallelResult {
  readonly iterationMs: number;
  readonly accumulation: number;
  readonly memoryBytes: number;
  readonly frozenMs: number;
  /** Communication that no computation hides. */
  readonly exposedMs: number;
}

/** Gradients are reduced in buckets of this size, as PyTorch's DDP does by default. */
const BUCKET_BYTES = 25 * 1024 ** 2;
const OPTIMIZER_PER_GRADIENT_BYTE = 6;

/** @returns undefined if no accumulation that divides the batch fits memory */
export function simulateDataParallel(
  model: DiffusionModel,
  cluster: Cluster,
  batch: number,
  kind: 'ddp' | 'zero3',
): DataParallelResult | undefined {
  const { numDevices, memoryBytes } = cluster;
  if (batch % numDevices !== 0) return undefined;
  const local = batch / numDevices;
  let best: DataParallelResult | undefined;
  for (let accumulation = 1; accumulation <= local; accumulation++) {
    if (local % accumulation !== 0) continue;
    const bytes = memoryOf(model, numDevices, local, local / accumulation, kind);
    if (bytes > memoryBytes) continue;
    const found = simulateStep(model, cluster, local, accumulation, kind);
    if (!best || found.iterationMs < best.iterationMs) best = { ...found, accumulation, memoryBytes: bytes };
  }
  return best;
}

function memoryOf(
  model: DiffusionModel,
  numDevices: number,
  local: number,
  micro: number,
  kind: 'ddp' | 'zero3',
): number {
  let bytes = 0;
  for (const backbone of model.backbones) {
    const { params, grads, activations } = memoryPrefixes(backbone);
    const states = params.at(-1)! + (1 + OPTIMIZER_PER_GRADIENT_BYTE) * grads.at(-1)!;
    const widest = 2 * Math.max(...backbone.layers.map(({ paramBytes }) => paramBytes));
    bytes += (kind === 'zero3' ? states / numDevices + widest : states) + micro * activations.at(-1)!;
  }
  for (const { layers } of model.frozen) {
    for (const { paramBytes } of layers) bytes += paramBytes;
    bytes += local * (layers.at(-1)?.outputBytesPerSample ?? 0);
  }
  return bytes;
}

function simulateStep(
  model: DiffusionModel,
  cluster: Cluster,
  local: number,
  accumulation: number,
  kind: 'ddp' | 'zero3',
): Pick<DataParallelResult, 'iterationMs' | 'frozenMs' | 'exposedMs'> {
  const { numDevices, devicesPerNode } = cluster;
  const leavesNode = numDevices > devicesPerNode;
  const link = leavesNode ? cluster.inter : cluster.intra;
  const { fixedMs, msPerByte } = syncCost(cluster, numDevices, leavesNode);
  const builder = createProgramBuilder();
  const compute = builder.addResource({ name: 'compute', device: 'device' });
  const network = builder.addResource({ name: 'network', device: 'device', kind: 'communication', policy: 'fifo' });
  const frozen = frozenMs(createFrozenWork(model.frozen), local, 1);
  let busyMs = frozen;
  let previous = builder.addOp({ name: 'frozen', on: compute, durationMs: frozen });
  const run = (name: string, durationMs: number, after: readonly number[]): number => {
    busyMs += durationMs;
    return (previous = builder.addOp({ name, on: compute, durationMs, after: [previous, ...after] }));
  };
  const micro = local / accumulation;
  const window: number[] = [previous, previous];
  /** Weights of the next layer are fetched while one computes. */
  const gather = (name: string, bytes: number): number[] =>
    kind === 'zero3' && bytes > 0
      ? [
          builder.addOp({
            name: `gather ${name}`,
            on: network,
            durationMs: allGatherMs(link, bytes / numDevices, numDevices),
            after: [window.at(-2)!],
          }),
        ]
      : [];
  for (const backbone of model.backbones) {
    const { forward, backward } = costsOfBackbone(backbone);
    const { layers } = backbone;
    for (let step = 0; step < accumulation; step++) {
      for (let layer = 0; layer < layers.length; layer++) {
        const weights = gather(`F ${layer}`, layers[layer]!.paramBytes);
        window.push(run(`F ${layer}`, costAt(forward[layer]!, micro), weights));
      }
      let bucketBytes = 0;
      for (let layer = layers.length - 1; layer >= 0; layer--) {
        const weights = gather(`B ${layer}`, layers[layer]!.paramBytes);
        const op = run(`B ${layer}`, costAt(backward[layer]!, micro), weights);
        window.push(op);
        const { gradBytes } = layers[layer]!;
        if (kind === 'zero3' && gradBytes > 0)
          builder.addOp({
            name: `scatter ${layer}`,
            on: network,
            durationMs: reduceScatterMs(link, gradBytes, numDevices),
            after: [op],
          });
        if (kind === 'zero3' || step < accumulation - 1 || numDevices === 1) continue;
        bucketBytes += gradBytes;
        if (bucketBytes === 0 || (bucketBytes < BUCKET_BYTES && layer > 0)) continue;
        builder.addOp({
          name: `reduce ${layer}`,
          on: network,
          durationMs: fixedMs + bucketBytes * msPerByte,
          after: [op],
        });
        bucketBytes = 0;
      }
    }
  }
  const { makespanMs } = simulate(builder.build(), { interference: slowdownRules(cluster.overlapSlowdown) });
  return { iterationMs: makespanMs, frozenMs: frozen, exposedMs: makespanMs - busyMs };
}
