/** From samples to an audit: out-of-fold probabilities where none are given, confident learning, evidence. */
import type { Diagnostic } from '@tenfold/core/base';
import type { VerbContext } from '@tenfold/core/system';
import type { Tensor } from '@tenfold/core/tensor';
import { auditLabels } from './audit.ts';
import type { AuditOptions, AuditResult } from './audit.ts';
import { assertSameLength, checkProbabilities } from './check-probabilities.ts';
import { encodeLabels, MISSING_LABEL } from './class-names.ts';
import { gatherEvidence } from './evidence.ts';
import type { Evidence } from './evidence.ts';
import { labelError } from './label-errors.ts';
import { outOfFold } from './pemm/out-of-fold.ts';
import { outlierScores } from './pemm/distance-head.ts';
import type { EpochLog, TrainOptions } from './pemm/train.ts';
import { compareWithTruth } from './truth-check.ts';
import type { TruthCheck } from './truth-check.ts';
import type { Probabilities } from './types.ts';

export interface PipelineInput {
  readonly name: string;
  readonly labelCells: ArrayLike<unknown>;
  readonly truthCells?: ArrayLike<unknown>;
  readonly classNames?: readonly string[];
  readonly x?: Tensor<'float32'>;
  readonly probabilities?: Probabilities;
  readonly groups?: Int32Array;
}

export interface PipelineOptions {
  readonly audit?: AuditOptions;
  readonly training?: Omit<TrainOptions, 'numClasses' | 'signal' | 'seed'>;
  readonly numFolds?: number;
}

/** All arrays have one entry per labelled sample: entry i is row `rows[i]` of the input. */
export interface Audit {
  readonly name: string;
  readonly classNames: readonly string[];
  readonly rows: Uint32Array;
  readonly labels: Int32Array;
  readonly probabilities: Probabilities;
  readonly result: AuditResult;
  readonly evidence?: Evidence;
  /** −logsumexp of the distances to the class centres, with the distance head. */
  readonly centreOutlier?: Float64Array;
  readonly logs: readonly (readonly EpochLog[])[];
  readonly truth?: TruthCheck;
  readonly truthLabels?: Int32Array;
  /** Rows without a label, with the model's choice. */
  readonly unlabelled: readonly { readonly row: number; readonly suggested: number; readonly probability: number }[];
  readonly warnings: readonly Diagnostic[];
}

export async function runAudit(input: PipelineInput, options: PipelineOptions, context: VerbContext): Promise<Audit> {
  const warnings: Diagnostic[] = [];
  let given = input.probabilities;
  if (given !== undefined) {
    assertSameLength('label-audit', input.labelCells.length, given.numRows, 'probabilities');
    const checked = checkProbabilities(given);
    given = checked.probabilities;
    warnings.push(...checked.warnings);
  }
  const encoded = encodeLabels(input.labelCells, {
    ...(input.classNames && { classNames: input.classNames }),
    ...(given && { numClasses: given.numClasses }),
  });
  warnings.push(...encoded.warnings);
  const { labels: allLabels, classNames } = encoded;
  const numClasses = classNames.length;
  if (given === undefined && input.x === undefined) {
    throw labelError('TF-LABEL-005', {
      subject: 'label-audit',
      expected: 'something to predict labels from',
      actual: 'neither probabilities nor features',
      hints: ['Pass --probs, --features, --text or numeric columns.'],
    });
  }
  const folds =
    given !== undefined
      ? undefined
      : await outOfFold(
          { x: input.x!, labels: allLabels },
          {
            ...options.training,
            numClasses,
            numFolds: options.numFolds ?? 5,
            rng: context.rng.fork('folds'),
            seed: context.seed,
            signal: context.signal,
            ...(input.groups && { groups: input.groups }),
            onEpoch(fold, { epoch, loss }) {
              const epochs = options.training?.epochs ?? 15;
              const total = (options.numFolds ?? 5) * epochs;
              context.progress({
                phase: 'cross-validation',
                done: fold * epochs + epoch,
                total,
                note: `loss ${loss.toFixed(3)}`,
              });
              context.metric(`loss/fold ${fold + 1}`, epoch, loss);
            },
          },
        );
  warnings.push(...(folds?.warnings ?? []));
  const probabilities = given ?? folds!.probabilities;
  const rows = Uint32Array.from(allLabels.keys()).filter((i) => allLabels[i] !== MISSING_LABEL);
  const labels = Int32Array.from(rows, (row) => allLabels[row]);
  const labelled = takeRows(probabilities, rows);
  context.progress({ phase: 'confident learning' });
  const result = auditLabels(labels, labelled, options.audit);
  warnings.push(...smallClassWarnings(result, classNames, options.audit?.minPerClass ?? 1));
  const space = input.x ?? undefined;
  let evidence: Evidence | undefined;
  if (space !== undefined) {
    context.progress({ phase: 'neighbours' });
    const width = space.data.length / space.shape[0];
    const data = rows.length === allLabels.length ? space.data : takeFlat(space.data, width, rows);
    evidence = gatherEvidence({ numRows: rows.length, width, data }, labels, context.rng.fork('neighbours'));
  }
  const truthLabels = input.truthCells && takeTruth(input.truthCells, classNames, rows);
  const isDistanceHead = folds !== undefined && options.training?.head !== 'linear';
  return {
    name: input.name,
    classNames,
    rows,
    labels,
    probabilities: labelled,
    result,
    ...(evidence && { evidence }),
    ...(isDistanceHead && { centreOutlier: outlierScores(takeFlat(folds.logits, numClasses, rows), numClasses) }),
    logs: folds?.logs ?? [],
    ...(truthLabels && { truthLabels, truth: compareWithTruth(result, labels, truthLabels) }),
    unlabelled: unlabelledRows(allLabels, probabilities),
    warnings,
  };
}

function takeTruth(cells: ArrayLike<unknown>, classNames: readonly string[], rows: Uint32Array): Int32Array {
  const { labels } = encodeLabels(cells, { classNames });
  return Int32Array.from(rows, (row) => labels[row]);
}

function takeRows(probabilities: Probabilities, rows: Uint32Array): Probabilities {
  if (rows.length === probabilities.numRows) return probabilities;
  const data = takeFlat(probabilities.data as Float32Array, probabilities.numClasses, rows);
  return { ...probabilities, numRows: rows.length, data };
}

function takeFlat(data: Float32Array, width: number, rows: Uint32Array): Float32Array {
  const taken = new (data.constructor as Float32ArrayConstructor)(rows.length * width);
  rows.forEach((row, i) => taken.set(data.subarray(row * width, (row + 1) * width), i * width));
  return taken;
}

function unlabelledRows(labels: Int32Array, { data, numClasses }: Probabilities): Audit['unlabelled'] {
  const found: { row: number; suggested: number; probability: number }[] = [];
  labels.forEach((label, row) => {
    if (label !== MISSING_LABEL) return;
    let best = 0;
    for (let k = 1; k < numClasses; k++) if (data[row * numClasses + k] > data[row * numClasses + best]) best = k;
    found.push({ row, suggested: best, probability: data[row * numClasses + best] });
  });
  return found;
}

function smallClassWarnings(
  { learned }: AuditResult,
  classNames: readonly string[],
  minPerClass: number,
): Diagnostic[] {
  const small = classNames
    .map((name, k) => ({ name, count: learned.labelCounts[k] }))
    .filter(({ count }) => count <= minPerClass);
  return small.map(({ name, count }) => ({
    severity: 'warning',
    code: 'TF-LABEL-004',
    subject: 'findIssues',
    expected: `more than ${minPerClass} sample${minPerClass === 1 ? '' : 's'} of every class`,
    actual: `${count} of "${name}", whose labels are not flagged by the prune filters`,
  }));
}
