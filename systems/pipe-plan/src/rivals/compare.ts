/** One model, one cluster, one batch: our plan beside every rival, each at its own best settings.
 *  All times are simulated by the same simulator on the same layer tables. */
import { createFrozenWork, frozenMs } from '../fill/frozen-work.ts';
import { stageMemory, memoryPrefixes, type MemoryOptions } from '../memory.ts';
import { costsOfBackbone, problemFromModel, timesOfPartition } from '../partition/from-model.ts';
import { scalarPartitions } from '../partition/partition.ts';
import { inflightOf } from '../pipeline/one-f-one-b.ts';
import { simulateList } from '../pipeline/list-schedule.ts';
import { simulatePipeline } from '../pipeline/simulation.ts';
import type { Plan, PlanOptions } from '../plan-types.ts';
import { searchPlans } from '../search/search-plans.ts';
import type { Cluster, DiffusionModel, FillMode } from '../types.ts';
import { simulateDataParallel } from './data-parallel.ts';

export interface ComparisonRow {
  readonly method: string;
  readonly settings: string;
  readonly iterationMs: number;
  readonly samplesPerSec: number;
  /** Ours over this one's iteration time, above 1: ours is faster. */
  readonly speedup: number;
  readonly peakBytes: number;
}

export interface Comparison {
  readonly rows: readonly ComparisonRow[];
  readonly best: Plan;
  readonly cache: CacheBreakEven;
}

/** When computing the frozen part once and reading it from disk pays. */
export interface CacheBreakEven {
  readonly iterationMs: number;
  /** Bytes that a sample takes on disk. */
  readonly bytesPerSample: number;
  /** Epochs over the same, unaugmented samples from which on caching is faster in all; Infinity if never. */
  readonly epochs: number;
}

/** GPipe's runs and the split schedules are searched over these. */
const STAGE_COUNTS = [2, 4, 8, 16];
/** Input and weight gradients take about half of a backward pass each. */
const WEIGHT_SHARE = 0.5;

export function comparePlans(
  model: DiffusionModel,
  cluster: Cluster,
  options: PlanOptions,
  onStep: (name: string) => void = () => {},
): Comparison {
  const { batch } = options;
  const found: Omit<ComparisonRow, 'speedup' | 'samplesPerSec'>[] = [];
  const ours = (method: string, fill: FillMode): Plan | undefined => {
    onStep(method);
    const { best } = searchPlans(model, cluster, { ...options, fill });
    found.push({ method, settings: settingsOf(best), iterationMs: best.iterationMs, peakBytes: best.peakBytes });
    return best;
  };
  const greedy = ours('ours, joint filling', 'greedy')!;
  const perDevice = ours('ours, per-device filling', 'perDevice')!;
  ours('ours without partial batches', 'fullOnly');
  ours('SPP: same program, frozen part first', 'none');
  onStep('data parallelism');
  for (const [kind, method] of [
    ['ddp', 'DDP'],
    ['zero3', 'ZeRO-3'],
  ] as const) {
    const result = simulateDataParallel(model, cluster, batch, kind);
    if (result)
      found.push({
        method,
        settings: `${cluster.numDevices} devices, accumulation ${result.accumulation}`,
        iterationMs: result.iterationMs,
        peakBytes: result.memoryBytes,
      });
  }
  onStep('GPipe and zero-bubble');
  for (const kind of ['gpipe', 'zb1', 'zb2'] as const) {
    const row = bestOtherSchedule(model, cluster, options, kind);
    if (row) found.push(row);
  }
  onStep('cached latents');
  const bare = searchPlans({ ...model, frozen: [] }, cluster, { ...options, fill: 'none' }).best;
  found.push({
    method: 'cached latents (no frozen part left)',
    settings: settingsOf(bare),
    iterationMs: bare.iterationMs,
    peakBytes: bare.peakBytes,
  });
  const best = perDevice.iterationMs < greedy.iterationMs ? perDevice : greedy;
  return {
    rows: found.map((row) => ({
      ...row,
      samplesPerSec: (1000 * batch) / row.iterationMs,
      speedup: row.iterationMs / best.iterationMs,
    })),
    best,
    cache: breakEven(model, cluster, batch, best.iterationMs, bare.iterationMs),
  };
}

export function settingsOf({ numStages, numMicroBatches, groupDevices, stages, warmup, recomputes }: Plan): string {
  const replicas = stages.map((stage) => stage.replicas).join('+');
  return `S=${numStages} M=${numMicroBatches} D=${groupDevices} (${replicas}) ${warmup}${recomputes ? ', recomputed' : ''}`;
}

/** Caching costs one frozen pass over the data set; each later epoch saves the difference of iteration times. */
function breakEven(
  model: DiffusionModel,
  cluster: Cluster,
  batch: number,
  oursMs: number,
  cachedMs: number,
): CacheBreakEven {
  const passMs = frozenMs(createFrozenWork(model.frozen), batch, cluster.numDevices);
  const bytesPerSample = model.frozen.reduce((sum, { layers }) => sum + (layers.at(-1)?.outputBytesPerSample ?? 0), 0);
  return { iterationMs: cachedMs, bytesPerSample, epochs: oursMs > cachedMs ? passMs / (oursMs - cachedMs) : Infinity };
}

function bestOtherSchedule(
  model: DiffusionModel,
  cluster: Cluster,
  options: PlanOptions,
  kind: 'gpipe' | 'zb1' | 'zb2',
): Omit<ComparisonRow, 'speedup' | 'samplesPerSec'> | undefined {
  const backbone = model.backbones[0]!;
  const costs = costsOfBackbone(backbone);
  const prefixes = memoryPrefixes(backbone);
  const work = createFrozenWork(model.frozen);
  const names = {
    gpipe: 'GPipe (equal layer counts)',
    zb1: 'zero-bubble, memory of 1F1B',
    zb2: 'zero-bubble, twice the memory',
  };
  let best: Omit<ComparisonRow, 'speedup' | 'samplesPerSec'> | undefined;
  for (const numStages of STAGE_COUNTS) {
    const numGroups = cluster.numDevices / numStages;
    if (numStages > cluster.numDevices || !Number.isInteger(numGroups) || options.batch % numGroups !== 0) continue;
    const groupBatch = options.batch / numGroups;
    for (let numMicroBatches = numStages; numMicroBatches <= 8 * numStages; numMicroBatches *= 2) {
      if (groupBatch % numMicroBatches !== 0) continue;
      const microBatch = groupBatch / numMicroBatches;
      const problem = problemFromModel(costs, {
        cluster,
        groupDevices: numStages,
        numMicroBatches,
        microBatch,
        placement: 'pipeline-inner',
      });
      const numLayers = backbone.layers.length;
      const equal = Array.from({ length: numStages }, (_, stage) => Math.round(((stage + 1) * numLayers) / numStages));
      const ends = kind === 'gpipe' ? equal : scalarPartitions(problem, numStages).at(-1)?.ends;
      if (!ends) continue;
      const replicas = Array<number>(numStages).fill(1);
      const memory: MemoryOptions = {
        schedule: kind === 'gpipe' ? 'gpipe' : kind === 'zb1' ? 'classic' : 'commAware',
        numMicroBatches,
        microBatch,
        groupBatch,
        groupDevices: numStages,
        frozen: model.frozen,
      };
      const peakBytes = Math.max(
        ...ends.map(
          (end, stage) =>
            stageMemory(prefixes, { start: ends[stage - 1] ?? 0, end, replicas: 1 }, { stage, numStages }, memory)
              .totalBytes,
        ),
      );
      if (peakBytes > cluster.memoryBytes) continue;
      const times = timesOfPartition(problem, { ends, replicas });
      const overlapSlowdown = cluster.overlapSlowdown ?? 1;
      const run =
        kind === 'gpipe'
          ? simulatePipeline(times, { schedule: 'gpipe', overlapSlowdown })
          : simulateList(
              [
                {
                  name: '',
                  times,
                  deviceOf: ends.map((_, stage) => stage),
                  inflight: ends.map((_, stage) => inflightOf(memory.schedule, numStages, stage, numMicroBatches)),
                  weightShare: WEIGHT_SHARE,
                },
              ],
              numStages,
              overlapSlowdown,
            );
      const iterationMs = run.iterationMs + frozenMs(work, groupBatch, numStages);
      if (!best || iterationMs < best.iterationMs)
        best = { method: names[kind], settings: `S=${numStages} M=${numMicroBatches}`, iterationMs, peakBytes };
    }
  }
  return best;
}
