/** An adaptation as files: the network with its description, pseudo-labels, rounds, and a checkpoint between rounds. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createMemorySink,
  openSafetensors,
  readSafetensors,
  tableFromColumns,
  writeCsv,
  writeSafetensors,
} from '@tenfold/core/data';
import type { TableColumn } from '@tenfold/core/data';
import type { StateValues } from '@tenfold/core/runtime';
import type { OutputFile } from '@tenfold/core/system';
import type { Tensor } from '@tenfold/core/tensor';
import type { Adaptation } from '../adaptation.ts';
import { askOrder } from '../ask-next.ts';
import { withTemperature } from '../calibration.ts';
import type { SelfTrainingOptions } from '../engine/options.ts';
import type { Checkpoint } from '../engine/self-training.ts';
import type { TrainedSource } from '../engine/train-source.ts';
import type { Featuriser } from '../inputs/featuriser.ts';
import { selfTrainError } from '../self-train-errors.ts';
import type { PooledLabels } from '../uncertainty.ts';
import type { RoundView } from './adapt-json.ts';

/** model.json: all that is needed beside the weights to label new samples. */
export interface ModelDescription {
  readonly format: 'tenfold self-train 1';
  readonly classNames: readonly string[];
  readonly featuriser: Featuriser;
  readonly network: TrainedSource['network'];
  readonly numPasses: number;
  readonly lambda: number;
  readonly beta: number;
  readonly basesPerClass: number;
  /** Divides log-probabilities; fitted on held-out source samples. */
  readonly temperature: number;
  /** What features are multiplied by before they meet the bases. */
  readonly featureScale: number;
  readonly seed: number;
}

const WEIGHTS = 'network.safetensors';
const DESCRIPTION = 'model.json';
const CHECKPOINT = 'checkpoint.safetensors';
const NUM_ASKED = 100;

export async function runFiles(
  folder: string,
  {
    adaptation,
    description,
    ids,
  }: {
    readonly adaptation: Adaptation;
    readonly description: ModelDescription;
    readonly ids: readonly string[];
  },
): Promise<OutputFile[]> {
  const { result } = adaptation;
  const { pooled, plan, smoothed } = result.final;
  const weights: Record<string, Tensor> = { ...result.states, ...basesAsTensors(smoothed.em) };
  const rows = Array.from(pooled.hard.keys());
  const table = labelTable(rows, {
    ids,
    pooled,
    classNames: description.classNames,
    temperature: description.temperature,
  });
  const columns: TableColumn[] = [
    ...table,
    { name: 'accepted', kind: 'int32', values: Int32Array.from(plan.accepted) },
    { name: 'round', kind: 'int32', values: new Int32Array(rows.length).fill(result.keptRound) },
  ];
  const asked = askOrder(pooled, NUM_ASKED);
  return [
    { path: join(folder, WEIGHTS), bytes: await safetensors(weights) },
    { path: join(folder, DESCRIPTION), bytes: `${JSON.stringify(description, null, 1)}\n` },
    { path: join(folder, 'pseudo-labels.csv'), bytes: await csv(columns) },
    {
      path: join(folder, 'ask-next.csv'),
      bytes: await csv(
        labelTable(asked, { ids, pooled, classNames: description.classNames, temperature: description.temperature }),
      ),
    },
    { path: join(folder, 'rounds.json'), bytes: `${JSON.stringify(result.rounds, null, 1)}\n` },
  ];
}

/** Columns id, label, confidence (after temperature), the three variances and their sum, and one probability a class. */
export function labelTable(
  rows: readonly number[],
  {
    ids,
    pooled,
    classNames,
    temperature,
  }: {
    readonly ids: readonly string[];
    readonly pooled: PooledLabels;
    readonly classNames: readonly string[];
    readonly temperature: number;
  },
): TableColumn[] {
  const { numRows, numClasses } = pooled;
  const calibrated = withTemperature({ numRows, numClasses, data: pooled.soft }, temperature).data;
  const column = (name: string, valueAt: (n: number) => number): TableColumn => ({
    name,
    kind: 'float64',
    values: Float64Array.from(rows, (n) => Number(valueAt(n).toPrecision(6))),
  });
  return [
    { name: 'id', kind: 'text', values: rows.map((n) => ids[n]) },
    { name: 'label', kind: 'text', values: rows.map((n) => classNames[pooled.hard[n]]) },
    column('confidence', (n) => calibrated[n * numClasses + pooled.hard[n]]),
    column('variance_data', (n) => pooled.varianceData[n]),
    column('variance_model', (n) => pooled.varianceModel[n]),
    column('variance_disagreement', (n) => pooled.varianceDisagreement[n]),
    column('variance_total', (n) => pooled.varianceTotal[n]),
    ...classNames.map((name, c) => column(`p_${name}`, (n) => pooled.soft[n * numClasses + c])),
  ];
}

export async function csv(columns: readonly TableColumn[]): Promise<Uint8Array> {
  const sink = createMemorySink();
  await writeCsv(sink, tableFromColumns(columns));
  return sink.bytes();
}

async function safetensors(
  tensors: Readonly<Record<string, Tensor>>,
  metadata?: Record<string, string>,
): Promise<Uint8Array> {
  const sink = createMemorySink();
  await writeSafetensors(sink, Object.entries(tensors), metadata === undefined ? {} : { metadata });
  return sink.bytes();
}

function basesAsTensors({ bases, variances }: { readonly bases: Float64Array; readonly variances: Float64Array }) {
  const numBases = variances.length;
  return {
    'em.bases': { dtype: 'float64', shape: [numBases, bases.length / numBases], data: bases } as Tensor,
    'em.variances': { dtype: 'float64', shape: [numBases], data: variances } as Tensor,
  };
}

export interface SavedModel {
  readonly description: ModelDescription;
  readonly states: StateValues;
  readonly bases: Float64Array;
  readonly variances: Float64Array;
}

/** @throws TF-SELF-009 if the folder holds no finished run */
export async function readModel(folder: string): Promise<SavedModel> {
  const [file, weights] = [join(folder, DESCRIPTION), join(folder, WEIGHTS)];
  if (!existsSync(file) || !existsSync(weights)) {
    throw runError(
      'readModel',
      `${DESCRIPTION} and ${WEIGHTS}`,
      existsSync(file) ? 'no weights' : 'no description',
      folder,
    );
  }
  let description: ModelDescription;
  try {
    description = JSON.parse(readFileSync(file, 'utf8')) as ModelDescription;
  } catch {
    throw runError('readModel', `JSON in ${DESCRIPTION}`, 'something else', folder);
  }
  if (description.format !== 'tenfold self-train 1') {
    throw runError('readModel', 'the format "tenfold self-train 1"', JSON.stringify(description.format), file);
  }
  const tensors = Object.fromEntries(await readSafetensors(weights));
  const { 'em.bases': bases, 'em.variances': variances, ...states } = tensors;
  return { description, states, bases: bases.data as Float64Array, variances: variances.data as Float64Array };
}

/** A run between two rounds, with the source network and what the page has seen. */
export interface SavedCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly sourceStates: StateValues;
  readonly views: readonly RoundView[];
}

/** One file, so that it is whole or absent. @param fingerprint  of inputs and settings */
export async function checkpointFile(folder: string, saved: SavedCheckpoint, fingerprint: string): Promise<OutputFile> {
  const { checkpoint, sourceStates, views } = saved;
  const tensors = {
    ...prefixed('source/', sourceStates),
    ...prefixed('network/', checkpoint.network.states),
    ...prefixed('kept/', checkpoint.kept.states),
    ...basesAsTensors(checkpoint.startBases),
  };
  const plain = {
    fingerprint,
    rounds: checkpoint.rounds,
    step: checkpoint.network.step,
    kept: { round: checkpoint.kept.round, score: checkpoint.kept.score },
    views,
  };
  return { path: join(folder, CHECKPOINT), bytes: await safetensors(tensors, { run: JSON.stringify(plain) }) };
}

/** @returns undefined where there is none @throws TF-SELF-009 if it belongs to other inputs or settings */
export async function readCheckpoint(folder: string, fingerprint: string): Promise<SavedCheckpoint | undefined> {
  const file = join(folder, CHECKPOINT);
  if (!existsSync(file)) return undefined;
  const reader = await openSafetensors(file);
  try {
    const plain = JSON.parse(reader.metadata?.['run'] ?? '{}') as {
      readonly fingerprint?: string;
      readonly rounds: Checkpoint['rounds'];
      readonly step: number;
      readonly kept: { readonly round: number; readonly score: number };
      readonly views: readonly RoundView[];
    };
    if (plain.fingerprint !== fingerprint) {
      throw runError('readCheckpoint', 'a checkpoint of the same inputs and settings', 'one of others', file);
    }
    const tensors = Object.fromEntries(await readSafetensors(file));
    const part = (prefix: string): StateValues =>
      Object.fromEntries(
        Object.entries(tensors).flatMap(([name, value]) =>
          name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [],
        ),
      );
    return {
      sourceStates: part('source/'),
      views: plain.views,
      checkpoint: {
        rounds: plain.rounds,
        network: { states: part('network/'), step: plain.step },
        kept: { ...plain.kept, states: part('kept/') },
        startBases: {
          bases: tensors['em.bases'].data as Float64Array,
          variances: tensors['em.variances'].data as Float64Array,
        },
      },
    };
  } finally {
    await reader.close();
  }
}

function prefixed(prefix: string, states: StateValues): StateValues {
  return Object.fromEntries(Object.entries(states).map(([name, value]) => [prefix + name, value]));
}

function runError(subject: string, expected: string, actual: string, location: string) {
  return selfTrainError('TF-SELF-009', { subject, expected, actual, location });
}

/** Settings and inputs in one line: runs with equal lines may be joined. */
export function fingerprintOf(
  options: Partial<SelfTrainingOptions>,
  inputs: Readonly<Record<string, unknown>>,
): string {
  return JSON.stringify({ options, inputs });
}
