/** Optimality gaps, measured: partition programs against brute force, greedy filling against the exact one. */
import { createRng } from '@tenfold/core/base';
import { presetCluster } from './cluster.ts';
import { partitionByBruteForce } from './partition/brute-force.ts';
import { costsOfBackbone, problemFromModel } from './partition/from-model.ts';
import { partition } from './partition/partition.ts';
import type { PartitionProblem } from './partition/problem.ts';
import { randomProblem } from './random-problem.ts';
import type { Backbone, LayerProfile, TimeTable } from './types.ts';

export interface GapRow {
  readonly name: string;
  readonly numCases: number;
  /** Cases with the exact optimum. */
  readonly numOptimal: number;
  readonly worstGap: number;
}

const ROUNDING = 1e-9;

/** Random instances with up to 8 layers, 6 devices, 4 stages. */
export function partitionGaps(numInstances: number, seed: number): GapRow[] {
  const cases = Array.from({ length: numInstances }, (_, index) => {
    const rng = createRng(seed + index, 'partition');
    const numStages = 1 + rng.integer(4);
    const numLayers = numStages + rng.integer(9 - numStages);
    const numDevices = numStages + rng.integer(7 - numStages);
    return { problem: randomProblem(rng, numLayers, numDevices, 1 + rng.integer(12)), numStages };
  });
  return gapRows(cases);
}

/** A profile merged to few layers, on 2 to 6 devices and every number of stages. */
export function profileGaps(backbone: Backbone, maxLayers: number): GapRow[] {
  const merged = mergeLayers(backbone, maxLayers);
  const costs = costsOfBackbone(merged);
  const cases: { problem: PartitionProblem; numStages: number }[] = [];
  for (const groupDevices of [2, 4, 6]) {
    const problem = problemFromModel(costs, {
      cluster: presetCluster('a100-efa', groupDevices),
      groupDevices,
      numMicroBatches: 8,
      microBatch: 12,
      placement: 'pipeline-inner',
    });
    for (let numStages = 1; numStages <= Math.min(4, groupDevices); numStages++) cases.push({ problem, numStages });
  }
  return gapRows(cases);
}

function gapRows(cases: readonly { readonly problem: PartitionProblem; readonly numStages: number }[]): GapRow[] {
  return (['pareto', 'paper'] as const).map((method) => {
    let numCases = 0;
    let numOptimal = 0;
    let worstGap = 0;
    for (const { problem, numStages } of cases) {
      const best = partitionByBruteForce(problem, numStages);
      const found = partition(problem, numStages, { method });
      if (!best || !found) continue;
      numCases++;
      const gap = found.boundMs / best.boundMs - 1;
      if (gap <= ROUNDING) numOptimal++;
      worstGap = Math.max(worstGap, gap);
    }
    return {
      name: method === 'pareto' ? 'exact program (Pareto)' : 'scalar program (paper)',
      numCases,
      numOptimal,
      worstGap,
    };
  });
}

/** Joins neighbours with the least time together until so many layers are left. Skips between merged layers are dropped
 *  with them, the others keep their ends. */
export function mergeLayers(backbone: Backbone, maxLayers: number): Backbone {
  let layers: readonly LayerProfile[] = backbone.layers;
  let skips = backbone.skips;
  const weight = (layer: LayerProfile): number => layer.forward.timesMs.at(-1)! + layer.backward!.timesMs.at(-1)!;
  while (layers.length > maxLayers) {
    let least = 0;
    for (let at = 1; at + 1 < layers.length; at++)
      if (weight(layers[at]!) + weight(layers[at + 1]!) < weight(layers[least]!) + weight(layers[least + 1]!))
        least = at;
    const pair = join(layers[least]!, layers[least + 1]!);
    layers = [...layers.slice(0, least), pair, ...layers.slice(least + 2)];
    const move = (layer: number): number => (layer > least ? layer - 1 : layer);
    skips = skips
      .map((skip) => ({ ...skip, from: move(skip.from), to: move(skip.to) }))
      .filter(({ from, to }) => from < to);
  }
  return { ...backbone, layers, skips };
}

function join(first: LayerProfile, second: LayerProfile): LayerProfile {
  const add = (a: TimeTable, b: TimeTable): TimeTable => ({
    sizes: a.sizes,
    timesMs: a.timesMs.map((ms, k) => ms + b.timesMs[k]!),
  });
  return {
    name: `${first.name} + ${second.name}`,
    kind: first.kind === 'trainable' || second.kind === 'trainable' ? 'trainable' : first.kind,
    forward: add(first.forward, second.forward),
    backward: add(first.backward!, second.backward!),
    paramBytes: first.paramBytes + second.paramBytes,
    gradBytes: first.gradBytes + second.gradBytes,
    activationBytesPerSample: first.activationBytesPerSample + second.activationBytesPerSample,
    outputBytesPerSample: second.outputBytesPerSample,
  };
}
