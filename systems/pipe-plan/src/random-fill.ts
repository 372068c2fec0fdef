/** Random pipelines with frozen work: what fillings are checked and judged on. */
import type { Rng } from '@tenfold/core/base';
import type { FrozenComponent, LayerProfile, PipelineTimes } from './types.ts';

export interface FillProblem {
  readonly times: PipelineTimes;
  readonly components: readonly FrozenComponent[];
  readonly batch: number;
}

export interface FillProblemSize {
  readonly maxLayers: number;
  readonly maxComponents: number;
  readonly maxReplicas: number;
  readonly maxBatch: number;
}

export function frozenLayer(name: string, msPerSample: number, fixedMs = 0): LayerProfile {
  return {
    name,
    kind: 'frozen',
    forward: { sizes: [1, 64], timesMs: [fixedMs + msPerSample, fixedMs + 64 * msPerSample] },
    paramBytes: 0,
    gradBytes: 0,
    activationBytesPerSample: 0,
    outputBytesPerSample: 0,
  };
}

export function randomFillProblem(rng: Rng, size: FillProblemSize): FillProblem {
  const { maxLayers, maxComponents, maxReplicas, maxBatch } = size;
  const numStages = 2 + rng.integer(2);
  const some = (count: number, scale: number): number[] =>
    Array.from({ length: count }, () => scale * (0.3 + rng.uniform()));
  const times: PipelineTimes = {
    numMicroBatches: 2 + rng.integer(4),
    forwardMs: some(numStages, 10),
    backwardMs: some(numStages, 20),
    cutForwardMs: Array<number>(numStages - 1).fill(0),
    cutBackwardMs: Array<number>(numStages - 1).fill(0),
    syncMs: Array<number>(numStages).fill(0),
    replicas: Array.from({ length: numStages }, () => 1 + rng.integer(maxReplicas)),
  };
  const components = Array.from({ length: 1 + rng.integer(maxComponents) }, (_, c): FrozenComponent => ({
    id: `c${c}`,
    layers: Array.from({ length: 1 + rng.integer(maxLayers) }, (_unused, l) =>
      frozenLayer(`l${l}`, 0.2 + 2 * rng.uniform(), rng.uniform()),
    ),
    preds: c > 0 && rng.uniform() < 0.5 ? [`c${rng.integer(c)}`] : [],
  }));
  return { times, components, batch: Math.ceil((maxBatch * (1 + rng.integer(3))) / 3) };
}
