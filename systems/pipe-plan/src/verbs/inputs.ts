/** Params that several verbs share, turned into model, cluster and options. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { VerbContext } from '@tenfold/core/system';
import { presetCluster, type ClusterName } from '../cluster.ts';
import { presetModel, PRESET_NAMES, type PresetName } from '../models/presets.ts';
import { readGalvatronAllReduce } from '../profiles/galvatron.ts';
import { readModel } from '../profiles/read-model.ts';
import type { PlanOptions } from '../plan-types.ts';
import type { Cluster, DiffusionModel, FillMode, Placement, Warmup } from '../types.ts';

export interface PlanParams {
  readonly model: string;
  readonly devices: number;
  readonly cluster: ClusterName;
  readonly batch: number;
  readonly memoryGib?: number | undefined;
  readonly bandwidthGbit?: number | undefined;
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

export async function readInputs(
  params: PlanParams,
  context: VerbContext,
): Promise<{ model: DiffusionModel; cluster: Cluster; options: PlanOptions }> {
  const isPreset = (PRESET_NAMES as readonly string[]).includes(params.model);
  const loaded = isPreset
    ? presetModel(params.model as PresetName)
    : readModel(await readFile(resolve(context.workingFolder, params.model), 'utf8'), { file: params.model });
  const model =
    params.selfConditioning === undefined
      ? loaded
      : { ...loaded, selfConditioning: { probability: params.selfConditioning } };
  const preset = presetCluster(params.cluster, params.devices);
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
            await readFile(resolve(context.workingFolder, table), 'utf8'),
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
