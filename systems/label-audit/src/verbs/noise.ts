/** noise: a table with some labels made wrong and the true ones kept, for trying methods. */
import { resolve } from 'node:path';
import { columnOf, readNpy, tableFromColumns } from '@tenfold/core/data';
import { writeOutputFiles } from '@tenfold/core/system';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { numbersFromTensor } from '@tenfold/core/tensor';
import { assertSameLength } from '../check-probabilities.ts';
import { encodeLabels, MISSING_LABEL } from '../class-names.ts';
import { asymmetricNoise, instanceNoise, matrixNoise, superclassNoise, symmetricNoise } from '../injected-noise.ts';
import { TRUE_LABEL_COLUMN } from '../inputs/feature-columns.ts';
import { readTable } from '../inputs/tables.ts';
import { labelError } from '../label-errors.ts';
import { tableBytes, tableFormatOf } from '../outputs/table-bytes.ts';
import { percent } from '../report.ts';

interface NoiseParams {
  readonly data: string;
  readonly label: string;
  readonly kind: 'symmetric' | 'asymmetric' | 'superclass' | 'matrix' | 'instance';
  readonly rate: number;
  readonly pairs: readonly string[];
  readonly groupSize: number;
  readonly probs: string;
  readonly matrix: string;
  readonly compat: 'none' | 'official';
  readonly out: string;
  readonly dryRun: boolean;
  readonly force: boolean;
}

export async function run(params: NoiseParams, context: VerbContext): Promise<VerbResult> {
  const format = tableFormatOf(params.out, 'label-audit noise');
  const table = await readTable(resolve(context.workingFolder, params.data));
  const { labels, classNames } = encodeLabels(
    columnOf(table, params.label, 'label-audit noise').values as ArrayLike<unknown>,
  );
  if (labels.includes(MISSING_LABEL)) {
    throw labelError('TF-LABEL-003', {
      subject: 'label-audit noise',
      expected: 'a label in every row',
      actual: 'none',
      location: `row ${labels.indexOf(MISSING_LABEL)}`,
    });
  }
  const noisy = await injectNoise(labels, classNames, params, context);
  const numChanged = noisy.reduce((count, label, i) => count + Number(label !== labels[i]), 0);
  const names = (chosen: Int32Array) => Array.from(chosen, (label) => classNames[label]);
  const changed = tableFromColumns([
    ...table.columns.filter(({ name }) => name !== params.label && name !== TRUE_LABEL_COLUMN),
    { name: params.label, kind: 'text', values: names(noisy) },
    { name: TRUE_LABEL_COLUMN, kind: 'text', values: names(labels) },
  ]);
  const files = writeOutputFiles([{ path: params.out, bytes: await tableBytes(changed, format) }], {
    subject: 'label-audit noise',
    context,
    ...params,
  });
  return {
    ok: true,
    value: { numChanged, numSamples: labels.length, classNames, files },
    report: {
      title: `Noise in ${params.data}`,
      verdict: {
        tone: 'info',
        text: `${numChanged} of ${labels.length} labels were made wrong (${percent(numChanged / labels.length)}).`,
      },
      blocks: [{ kind: 'text', text: `True labels stand in the column ${TRUE_LABEL_COLUMN} of ${params.out}.` }],
    },
  };
}

async function injectNoise(
  labels: Int32Array,
  classNames: readonly string[],
  params: NoiseParams,
  context: VerbContext,
): Promise<Int32Array> {
  const rng = context.rng.fork('noise');
  if (params.kind === 'symmetric') return symmetricNoise(labels, classNames.length, params.rate, rng);
  if (params.kind === 'asymmetric') {
    if (params.pairs.length === 0) {
      throw labelError('TF-LABEL-007', {
        subject: 'label-audit noise',
        expected: 'pairs of two classes like "cat>dog" after --pairs',
        actual: 'none',
        hints: [`Classes: ${classNames.slice(0, 8).join(', ')}.`],
      });
    }
    const targets = new Map(params.pairs.map((pair) => pairOf(pair, classNames)));
    return asymmetricNoise(labels, targets, params.rate, rng, { isSequential: params.compat === 'official' });
  }
  if (params.kind === 'superclass') {
    const { groupSize } = params;
    return superclassNoise(labels, { numClasses: classNames.length, groupSize }, params.rate, rng);
  }
  if (params.kind === 'instance') {
    const probabilities = await readNpy(resolve(context.workingFolder, requiredFile(params.probs, '--probs')));
    const [numRows, numClasses] = probabilities.shape;
    assertSameLength('label-audit noise', labels.length, numRows ?? 0, params.probs);
    if (probabilities.shape.length !== 2 || numClasses !== classNames.length) {
      throw labelError('TF-LABEL-007', {
        subject: 'label-audit noise',
        expected: `probabilities [${labels.length}, ${classNames.length}]`,
        actual: `[${probabilities.shape.join(', ')}]`,
        location: params.probs,
      });
    }
    return instanceNoise(labels, numbersFromTensor(probabilities), params.rate);
  }
  const matrix = await readNpy(resolve(context.workingFolder, requiredFile(params.matrix, '--matrix')));
  if (matrix.shape.join() !== [classNames.length, classNames.length].join()) {
    throw labelError('TF-LABEL-007', {
      subject: 'label-audit noise',
      expected: `a matrix [${classNames.length}, ${classNames.length}]`,
      actual: `[${matrix.shape.join(', ')}]`,
      location: params.matrix,
    });
  }
  return matrixNoise(labels, numbersFromTensor(matrix), rng);
}

function requiredFile(path: string, option: string): string {
  if (path !== '') return path;
  throw labelError('TF-LABEL-007', {
    subject: 'label-audit noise',
    expected: `a file after ${option} for this kind of noise`,
    actual: 'none',
  });
}

function pairOf(pair: string, classNames: readonly string[]): [number, number] {
  const [from, to, ...rest] = pair.split('>').map((name) => classNames.indexOf(name.trim()));
  if (from === undefined || to === undefined || rest.length > 0 || from < 0 || to < 0 || from === to) {
    throw labelError('TF-LABEL-007', {
      subject: 'label-audit noise',
      expected: 'pairs of two classes like "cat>dog"',
      actual: `"${pair}"`,
      hints: [`Classes: ${classNames.slice(0, 8).join(', ')}.`],
    });
  }
  return [from, to];
}
