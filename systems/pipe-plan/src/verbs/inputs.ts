/** Params that several verbs share, turned into model, cluster and options. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { VerbContext } from '@tenfold/core/system';
import { presetCluster, type ClusterName } from '../cluster.ts';
import { presetModel, PRESET_NAMES, type PresetName } from '../models/presets.ts';
import { pipeError } from '../pipe-errors.ts';
import { readGalvatronAllReduce } from '../profiles/galvatron.ts';
import { readModel } from '../profiles/read-model.ts';
import type { PlanOptions } from '../plan-types.ts';
import type { Cluster, DiffusionModel, FillMode, LinkSpeed, Placement, Warmup } from '../types.ts';

export interface PlanParams {
  readonly model: string;
  readonly devices: number;
  readonly cluster: ClusterName;
  readonly batch: number;
  readonly memoryGib?: number | undefined;
  readonly bandwidthGbit?: number | undefined;
  readonly slowLink: number;
  readonly allReduceTable?: string | undefined;
  readonly group?: number | undefined;
  readonly stages?: number | undefined;
  readonly microBatches?: number | undefined;
  readonly method: 'pareto' | 'paper';
  readonly fill: FillMode;
  readonly warmup: Warmup | 'both';
  readonly placement: Placement;
  readonly recompute: 'never' | 'always' | 'auto';
  readonly uneven: boolean;
  readonly selfConditioning?: number | undefined;
}

const GIB = 1024 ** 3;
const BITS_PER_BYTE = 8;

/** A ready model by name, or a profile file. */
export async function loadModel(name: string, context: VerbContext): Promise<DiffusionModel> {
  if ((PRESET_NAMES as readonly string[]).includes(name)) return presetModel(name as PresetName);
  return readModel(await readTextFile(name, context, `a profile file or one of ${PRESET_NAMES.join(', ')}`), {
    file: name,
  });
}

/** @throws TF-PIPE-008 if the file is not there or is no text */
export async function readTextFile(name: string, context: VerbContext, expected: string): Promise<string> {
  try {
    return await readFile(resolve(context.workingFolder, name), 'utf8');
  } catch (cause) {
    throw pipeError('TF-PIPE-008', { subject: 'readTextFile', expected, actual: `"${name}"`, cause });
  }
}

/** What a profile measured takes the place of assumptions; a link `slowLink` times as slow takes so many times as long. */
function clusterFrom({ measured }: DiffusionModel, preset: Cluster, slowLink: number): Cluster {
  const slow = ({ latencyMs, bytesPerSec }: LinkSpeed): LinkSpeed => ({
    latencyMs: latencyMs * slowLink,
    bytesPerSec: bytesPerSec / slowLink,
  });
  const scaled = (table: Readonly<Record<string, number>>, factor: number): Record<string, number> =>
    Object.fromEntries(Object.entries(table).map(([ranks, value]) => [ranks, value * factor]));
  const { allReduceBusBytesPerSec: bus, allReduceStartMs: start } = measured ?? {};
  return {
    ...preset,
    intra: slow(measured?.link ?? preset.intra),
    inter: slow(preset.inter),
    memoryBytes: measured?.memoryBytes ?? preset.memoryBytes,
    ...(bus ? { allReduceBusBytesPerSec: { intra: scaled(bus, 1 / slowLink), inter: {} } } : {}),
    ...(start ? { allReduceStartMs: scaled(start, slowLink) } : {}),
  };
}

export async function readInputs(
  params: PlanParams,
  context: VerbContext,
): Promise<{ model: DiffusionModel; cluster: Cluster; options: PlanOptions }> {
  const loaded = await loadModel(params.model, context);
  const model =
    params.selfConditioning === undefined
      ? loaded
      : { ...loaded, selfConditioning: { probability: params.selfConditioning } };
  const preset = clusterFrom(model, presetCluster(params.cluster, params.devices), params.slowLink);
  const table = params.allReduceTable;
  const cluster: Cluster = {
    ...preset,
    ...(params.memoryGib === undefined ? {} : { memoryBytes: params.memoryGib * GIB }),
    ...(params.bandwidthGbit === undefined
      ? {}
      : { inter: { ...preset.inter, bytesPerSec: (params.bandwidthGbit * 1e9) / BITS_PER_BYTE } }),
    ...(table === undefined
      ? {}
      : {
          allReduceBusBytesPerSec: readGalvatronAllReduce(
            await readTextFile(table, context, 'an all-reduce table in JSON'),
            preset.devicesPerNode,
            table,
          ),
        }),
  };
  const options: PlanOptions = {
    batch: params.batch,
    method: params.method,
    fill: params.fill,
    placement: params.placement,
    recompute: params.recompute,
    allowsUneven: params.uneven,
    signal: context.signal,
    onProgress: (done, total) => context.progress({ phase: 'planning', done, total }),
    ...(params.group === undefined ? {} : { groupDevices: params.group }),
    ...(params.stages === undefined ? {} : { numStages: params.stages }),
    ...(params.microBatches === undefined ? {} : { numMicroBatches: params.microBatches }),
    ...(params.warmup === 'both' ? {} : { warmup: params.warmup }),
  };
  return { model, cluster, options };
}
