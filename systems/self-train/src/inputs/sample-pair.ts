/** The labelled and the unlabelled samples of a run, as the network takes them. Node only. */
import { fnv1a32 } from '@tenfold/core/base';
import { columnOf, tableFromColumns } from '@tenfold/core/data';
import type { Table, TableColumn } from '@tenfold/core/data';
import type { Diagnostic } from '@tenfold/core/base';
import type { VerbContext } from '@tenfold/core/system';
import { takeRows } from '../feature-rows.ts';
import { selfTrainError } from '../self-train-errors.ts';
import type { Features, Samples } from '../types.ts';
import { classNamesOf, encodeLabels, NO_LABEL } from './class-labels.ts';
import { emptyCells, featurise, fitFeaturiser } from './featuriser.ts';
import type { Featuriser } from './featuriser.ts';
import { leftOutColumns, leftOutWarning } from './left-out.ts';
import { readRawSamples } from './raw-samples.ts';
import type { RawSamples } from './raw-samples.ts';

export interface PairParams {
  readonly labeled: string;
  /** '' : rows of `labeled` without a label. */
  readonly unlabeled: string;
  readonly label: string;
  readonly truth: string;
  readonly id: string;
  readonly text: string;
  readonly columns: readonly string[];
  readonly imageSize: number;
  readonly colour: boolean;
}

export interface SamplePair {
  readonly source: Samples & { readonly labels: Int32Array };
  readonly target: Samples;
  /** [N] of the target, where given. */
  readonly truth?: Int32Array;
  readonly classNames: readonly string[];
  readonly featuriser: Featuriser;
  readonly warnings: readonly Diagnostic[];
}

export async function readSamplePair(params: PairParams, context: VerbContext): Promise<SamplePair> {
  const common = { id: params.id, imageSize: params.imageSize, channels: params.colour ? (3 as const) : (1 as const) };
  const labelled = await readRawSamples(params.labeled, { ...common, label: params.label }, context);
  if (labelled.labelCells === undefined) {
    throw selfTrainError('TF-SELF-004', {
      subject: 'readSamplePair',
      expected: 'labels of the labelled samples',
      actual: 'none',
      hints: ['Name the column or file with --label.'],
    });
  }
  const classNames = classNamesOf(labelled.labelCells, labelled.name);
  const given = encodeLabels(labelled.labelCells, classNames);
  const raw =
    params.unlabeled === ''
      ? splitByLabel(labelled, given)
      : {
          labelled: keepRows(
            labelled,
            rowsWith(given, (label) => label !== NO_LABEL),
          ),
          unlabelled: await readRawSamples(params.unlabeled, { ...common, label: params.truth }, context),
        };
  const sets = [raw.labelled, raw.unlabelled];
  const special = [params.label, params.truth, params.id].filter((name) => name !== '');
  const features = { text: params.text, columns: params.columns, special };
  const leftOut = leftOutColumns(sets, features);
  const featuriser = fitFeaturiser(sets, { ...features, special: [...special, ...leftOut.map(({ name }) => name)] });
  const [x, targetX] = [featurise(featuriser, raw.labelled), featurise(featuriser, raw.unlabelled)];
  const sidePx = featuriser.kind === 'images' ? { sidePx: featuriser.sidePx } : {};
  const truthCells = params.unlabeled === '' ? truthInTable(raw.unlabelled, params.truth) : raw.unlabelled.labelCells;
  const truth = truthCells && encodeLabels(truthCells, classNames, { onUnknown: 'no label' });
  return {
    source: {
      name: raw.labelled.name,
      x,
      labels: given.filter((label) => label !== NO_LABEL),
      ids: raw.labelled.ids,
      ...sidePx,
    },
    target: { name: raw.unlabelled.name, x: targetX, ids: raw.unlabelled.ids, ...sidePx },
    ...(truth?.some((label) => label !== NO_LABEL) && { truth }),
    classNames,
    featuriser,
    warnings: [
      ...labelled.warnings,
      ...raw.unlabelled.warnings,
      ...leftOut.map(leftOutWarning),
      ...emptyWarnings(emptyCells(featuriser, sets)),
      ...leakWarnings(x, targetX, raw.unlabelled.ids),
    ],
  };
}

function splitByLabel(samples: RawSamples, labels: Int32Array): { labelled: RawSamples; unlabelled: RawSamples } {
  const without = rowsWith(labels, (label) => label === NO_LABEL);
  if (without.length === 0) {
    throw selfTrainError('TF-SELF-001', {
      subject: 'readSamplePair',
      expected: 'rows without a label, or unlabelled samples as second argument',
      actual: `${labels.length} rows, all labelled`,
      location: samples.name,
    });
  }
  const labelled = keepRows(
    samples,
    rowsWith(labels, (label) => label !== NO_LABEL),
  );
  const unlabelled = keepRows(samples, without);
  return { labelled, unlabelled: { ...unlabelled, name: `${samples.name}, rows without a label` } };
}

function rowsWith(labels: Int32Array, isWanted: (label: number) => boolean): number[] {
  return Array.from(labels.keys()).filter((n) => isWanted(labels[n]));
}

function keepRows(samples: RawSamples, rows: readonly number[]): RawSamples {
  if (rows.length === samples.ids.length) return samples;
  const { content } = samples;
  const { labelCells } = samples;
  const kept = {
    ...samples,
    ids: rows.map((n) => samples.ids[n]),
    ...(labelCells && { labelCells: rows.map((n) => labelCells[n]) }),
  };
  if (content.kind === 'table') return { ...kept, content: { kind: 'table', table: tableRows(content.table, rows) } };
  return { ...kept, content: { ...content, x: takeRows(content.x, rows) } };
}

function tableRows({ columns }: Table, rows: readonly number[]): Table {
  return tableFromColumns(
    columns.map(({ name, kind, values }): TableColumn => {
      if (kind === 'text' || kind === 'json')
        return { name, kind: 'text', values: rows.map((n) => values[n] as string) };
      return { name, kind: 'float64', values: Float64Array.from(rows, (n) => Number(values[n])) };
    }),
  );
}

function truthInTable({ content }: RawSamples, truth: string): ArrayLike<unknown> | undefined {
  if (truth === '' || content.kind !== 'table') return undefined;
  return columnOf(content.table, truth, 'self-train').values as ArrayLike<unknown>;
}

const NUM_LISTED = 5;

function emptyWarnings(found: ReturnType<typeof emptyCells>): Diagnostic[] {
  if (found.length === 0) return [];
  const listed = found.slice(0, NUM_LISTED).map(({ name, count }) => `${count} in "${name}"`);
  return [
    {
      severity: 'warning',
      code: 'TF-SELF-011',
      subject: 'readSamplePair',
      expected: 'a number in every cell of a feature',
      actual: `empty ones: ${listed.join(', ')}${found.length > listed.length ? ', …' : ''}; each counts as the mean of its column`,
    },
  ];
}

/** Samples that stand in both sets: measured results would be too good. */
function leakWarnings(source: Features, target: Features, ids: readonly string[]): Diagnostic[] {
  const keyOf = ({ width, data }: Features, n: number) => fnv1a32(data.subarray(n * width, (n + 1) * width).join());
  const known = new Set(Array.from({ length: source.numRows }, (_, n) => keyOf(source, n)));
  const doubles = ids.filter((_, n) => known.has(keyOf(target, n)));
  if (doubles.length === 0) return [];
  return [
    {
      severity: 'warning',
      code: 'TF-SELF-008',
      subject: 'readSamplePair',
      expected: 'unlabelled samples that are not among the labelled ones',
      actual: `${doubles.length} that are`,
      location: doubles.slice(0, 10).join(', ') + (doubles.length > 10 ? ', …' : ''),
    },
  ];
}
