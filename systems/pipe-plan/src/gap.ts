/** Optimality gaps, measured: partition programs against brute force, greedy filling against the exact one. */
import { createRng } from '@tenfold/core/base';
import { presetCluster } from './cluster.ts';
import { partitionByBruteForce } from './partition/brute-force.ts';
import { costsOfBackbone, problemFromModel } from './partition/from-model.ts';
import { partition } from './partition/partition.ts';
import type { PartitionProblem } from './partition/problem.ts';
import { randomProblem } from './random-problem.ts';
import { mergeLayers } from './merge-layers.ts';
import type { Backbone } from './types.ts';

export interface GapRow {
  readonly name: string;
  readonly numCases: number;
  /** Cases with the exact optimum. */
  readonly numOptimal: number;
  readonly meanGap: number;
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
    let sumOfGaps = 0;
    for (const { problem, numStages } of cases) {
      const best = partitionByBruteForce(problem, numStages);
      const found = partition(problem, numStages, { method });
      if (!best || !found) continue;
      numCases++;
      const gap = found.boundMs / best.boundMs - 1;
      if (gap <= ROUNDING) numOptimal++;
      sumOfGaps += gap;
      worstGap = Math.max(worstGap, gap);
    }
    return {
      name: method === 'pareto' ? 'exact program (Pareto)' : 'scalar program (paper)',
      numCases,
      numOptimal,
      meanGap: sumOfGaps / Math.max(1, numCases),
      worstGap,
    };
  });
}
