/** Honest probabilities: no sample is judged by a model that trained on its label. */
import type { Diagnostic, Rng } from '@tenfold/core/base';
import { groupKFold } from '@tenfold/core/data';
import { gatherRows } from '@tenfold/core/nn';
import { MISSING_LABEL } from '../class-names.ts';
import { labelError } from '../label-errors.ts';
import type { Features, Probabilities } from '../types.ts';
import { trainClassifier } from './train.ts';
import type { EpochLog, LabelledData, TrainOptions } from './train.ts';

export interface OutOfFoldOptions extends Omit<TrainOptions, 'onEpoch' | 'validation' | 'test'> {
  /** Default 5. */
  readonly numFolds?: number;
  /** [N] samples of one group stay in one fold. */
  readonly groups?: ArrayLike<number>;
  readonly rng: Rng;
  readonly onEpoch?: (fold: number, epoch: EpochLog) => void;
}

export interface OutOfFold {
  readonly probabilities: Probabilities;
  /** [N, K] */
  readonly logits: Float32Array;
  /** Of each sample by the model that did not see it. */
  readonly features: Features;
  readonly logs: readonly (readonly EpochLog[])[];
  /** [N] */
  readonly foldOfSample: Uint8Array;
  readonly warnings: readonly Diagnostic[];
}

/** k-fold cross-validated probabilities of all samples; those without a label are judged but never trained on.
 *  @throws TF-LABEL-004 if fewer than two samples are labelled or a class is alone */
export async function outOfFold(data: LabelledData, options: OutOfFoldOptions): Promise<OutOfFold> {
  const { numFolds = 5, numClasses, rng } = options;
  const { foldOfSample, warnings } = assignFolds(data.labels, { numFolds, numClasses, rng, groups: options.groups });
  const count = data.labels.length;
  const probabilities = new Float32Array(count * numClasses);
  const logits = new Float32Array(count * numClasses);
  let features: Float32Array | undefined;
  let width = 0;
  const logs: (readonly EpochLog[])[] = [];
  for (let fold = 0; fold < numFolds; fold++) {
    const train: number[] = [];
    const test: number[] = [];
    for (let i = 0; i < count; i++) {
      if (foldOfSample[i] === fold) test.push(i);
      else if (data.labels[i] !== MISSING_LABEL) train.push(i);
    }
    if (test.length === 0) continue;
    const { onEpoch: _, ...trainOptions } = options;
    const training = { x: gatherRows(data.x, train), labels: Int32Array.from(train, (i) => data.labels[i]) };
    await using model = await trainClassifier(training, {
      ...trainOptions,
      seed: (options.seed ?? 0) * 1000 + fold,
      onEpoch: (epoch) => options.onEpoch?.(fold, epoch),
    });
    logs.push(model.log);
    const prediction = await model.predict(gatherRows(data.x, test));
    width = prediction.featureWidth;
    features ??= new Float32Array(count * width);
    test.forEach((sample, i) => {
      const row = (array: Float32Array, size: number) => array.subarray(i * size, (i + 1) * size);
      probabilities.set(row(prediction.probabilities.data as Float32Array, numClasses), sample * numClasses);
      logits.set(row(prediction.logits, numClasses), sample * numClasses);
      features!.set(row(prediction.features, width), sample * width);
    });
  }
  return {
    probabilities: { numRows: count, numClasses, data: probabilities },
    logits,
    features: { numRows: count, width, data: features! },
    logs,
    foldOfSample,
    warnings,
  };
}

/** Stratified folds; with groups, whole groups. Classes smaller than the number of folds are named.
 *  @throws TF-LABEL-004 for a class with one sample */
export function assignFolds(
  labels: Int32Array,
  options: { numFolds: number; numClasses: number; rng: Rng; groups?: ArrayLike<number> | undefined },
): { foldOfSample: Uint8Array; warnings: Diagnostic[] } {
  const { numFolds, numClasses, rng, groups } = options;
  const members: number[][] = Array.from({ length: numClasses + 1 }, () => []);
  labels.forEach((label, i) => members[label === MISSING_LABEL ? numClasses : label].push(i));
  const classes = members.slice(0, numClasses).map(({ length }, classIndex) => ({ classIndex, length }));
  const alone = classes.filter(({ length }) => length === 1);
  if (alone.length > 0) {
    throw labelError('TF-LABEL-004', {
      subject: 'outOfFold',
      expected: 'at least two samples of every class',
      actual: `one of class ${alone.map(({ classIndex }) => classIndex).join(', ')}`,
      location: `row ${members[alone[0].classIndex][0]}`,
      hints: ['Merge the class with another, remove the row, or bring probabilities with --probs.'],
    });
  }
  const warnings = classes
    .filter(({ length }) => length > 0 && length < numFolds)
    .map(({ classIndex, length }): Diagnostic => ({
      severity: 'warning',
      code: 'TF-LABEL-004',
      subject: 'outOfFold',
      expected: `at least ${numFolds} samples of every class, one per fold`,
      actual: `${length} of class ${classIndex}`,
      hints: ['Issues of this class are less certain.'],
    }));
  const foldOfSample = new Uint8Array(labels.length);
  if (groups !== undefined) {
    groupKFold(groups, numFolds, rng).forEach(({ test }, fold) => test.forEach((i) => (foldOfSample[i] = fold)));
    return { foldOfSample, warnings };
  }
  let next = 0; // goes on across classes, so that remainders do not pile up
  for (const samples of members) for (const i of rng.shuffle(samples)) foldOfSample[i] = next++ % numFolds;
  return { foldOfSample, warnings };
}
