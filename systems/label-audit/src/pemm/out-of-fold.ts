/** Honest probabilities: no sample is judged by a model that trained on its label. */
import type { Diagnostic, Rng } from '@tenfold/core/base';
import { gatherRows } from '@tenfold/core/nn';
import { MISSING_LABEL } from '../class-names.ts';
import { labelError } from '../label-errors.ts';
import type { Features, Probabilities } from '../types.ts';
import { assignFolds } from './folds.ts';
import { trainClassifier } from './train.ts';
import type { EpochLog, LabelledData, TrainOptions } from './train.ts';

export interface OutOfFoldOptions extends Omit<TrainOptions, 'onEpoch' | 'validation' | 'test'> {
  /** Default 5. */
  readonly numFolds?: number;
  /** [N] samples of one group stay in one fold. */
  readonly groups?: ArrayLike<number>;
  /** For messages. */
  readonly classNames?: readonly string[];
  readonly rng: Rng;
  readonly onEpoch?: (fold: number, epoch: EpochLog) => void;
}

export interface OutOfFold {
  readonly probabilities: Probabilities;
  /** [N, K] */
  readonly logits: Float32Array;
  /** Of each sample by the model that did not see it. */
  readonly features: Features;
  /** Of each fold that has samples. */
  readonly logs: readonly (readonly EpochLog[])[];
  /** [N] */
  readonly foldOfSample: Uint8Array;
  /** [folds] place of each fold in `logs`. */
  readonly logOfFold: Uint8Array;
  readonly warnings: readonly Diagnostic[];
}

/** k-fold cross-validated probabilities of all samples; those without a label are judged but never trained on.
 *  @throws TF-LABEL-004 if fewer than two samples are labelled or a class is alone */
export async function outOfFold(data: LabelledData, options: OutOfFoldOptions): Promise<OutOfFold> {
  const { numFolds = 5, numClasses } = options;
  const { foldOfSample, warnings } = assignFolds(data.labels, { ...options, numFolds });
  const count = data.labels.length;
  const probabilities = new Float32Array(count * numClasses);
  const logits = new Float32Array(count * numClasses);
  let features: Float32Array | undefined;
  let width = 0;
  const logs: (readonly EpochLog[])[] = [];
  const logOfFold = new Uint8Array(numFolds);
  for (let fold = 0; fold < numFolds; fold++) {
    const train: number[] = [];
    const test: number[] = [];
    for (let i = 0; i < count; i++) {
      if (foldOfSample[i] === fold) test.push(i);
      else if (data.labels[i] !== MISSING_LABEL) train.push(i);
    }
    if (test.length === 0) continue;
    if (train.length < 2) {
      throw labelError('TF-LABEL-004', {
        subject: 'outOfFold',
        expected: 'at least two labelled samples outside every fold',
        actual: `${train.length} outside fold ${fold + 1}`,
        hints: ['Use fewer folds, or a group column with more groups.'],
      });
    }
    const { onEpoch: _, ...trainOptions } = options;
    const training = { x: gatherRows(data.x, train), labels: Int32Array.from(train, (i) => data.labels[i]) };
    await using model = await trainClassifier(training, {
      ...trainOptions,
      seed: (options.seed ?? 0) * 1000 + fold,
      onEpoch: (epoch) => options.onEpoch?.(fold, epoch),
    });
    logOfFold[fold] = logs.length;
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
    logOfFold,
    warnings,
  };
}
