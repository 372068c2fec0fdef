/** train: one classifier on all labels, robust against the wrong ones. */
import { stratifiedSplit } from '@tenfold/core/data';
import { gatherRows } from '@tenfold/core/nn';
import { writeOutputFiles } from '@tenfold/core/system';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { encodeLabels, MISSING_LABEL } from '../class-names.ts';
import { geometryBlocks, learningBlocks } from '../geometry-report.ts';
import { readSamples } from '../inputs/samples.ts';
import type { InputParams } from '../inputs/samples.ts';
import { labelError } from '../label-errors.ts';
import { modelFileNames, modelFiles } from '../outputs/model-files.ts';
import { assertNewFiles } from '../outputs/new-files.ts';
import { trainClassifier } from '../pemm/train.ts';
import type { TrainOptions } from '../pemm/train.ts';
import { percent } from '../report.ts';
import type { Augmentation, Backbone, LabelLoss } from '../types.ts';
import { defaultBackbone } from './audit.ts';

export interface TrainParams extends InputParams {
  readonly epochs: number;
  readonly batch: number;
  readonly backbone: Backbone | 'auto';
  readonly augment: Augmentation;
  readonly head: 'distance' | 'linear';
  readonly headScale: 'one' | 'sqrtd' | 'learned';
  readonly loss: LabelLoss;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly alpha?: number;
  readonly beta: number;
  readonly q: number;
  readonly forgetRate: number;
  readonly warmupEpochs: number;
  readonly prior: 'uniform' | 'empirical';
  readonly repulsion: number;
  readonly attraction: number;
  readonly potentialWeight: number;
  readonly reconstructionWeight: number;
  readonly compat: 'none' | 'official';
  readonly holdOut: number;
  readonly out: string;
  readonly dryRun: boolean;
  readonly force: boolean;
}

export async function run(params: TrainParams, context: VerbContext): Promise<VerbResult> {
  if (params.out !== '') assertNewFiles('label-audit train', modelFileNames(params.out), params, context);
  await using samples = await readSamples(params, context);
  for (const warning of samples.warnings) context.warn(warning);
  if (samples.x === undefined) {
    throw labelError('TF-LABEL-005', {
      subject: 'label-audit train',
      expected: 'features to train on',
      actual: 'none',
    });
  }
  if (params.repulsion <= params.attraction) {
    throw labelError('TF-LABEL-008', {
      subject: 'label-audit train',
      expected: 'an exponent of repulsion above that of attraction',
      actual: `${params.repulsion} and ${params.attraction}`,
    });
  }
  const { labels, classNames, warnings } = encodeLabels(samples.labelCells);
  for (const warning of warnings) context.warn(warning);
  const known = Uint32Array.from(labels.keys()).filter((row) => labels[row] !== MISSING_LABEL);
  const split = stratifiedSplit(
    known.map((row) => labels[row]),
    [1 - params.holdOut, params.holdOut],
    context.rng.fork('split'),
  );
  const part = (rows: Uint32Array) => {
    const chosen = rows.map((i) => known[i]);
    return { x: gatherRows(samples.x!, chosen), labels: Int32Array.from(chosen, (row) => labels[row]) };
  };
  const trainPart = part(split[0]);
  const truth = samples.truthCells && encodeLabels(samples.truthCells, { classNames }).labels;
  const isOfficial = params.compat === 'official';
  const options: TrainOptions = {
    numClasses: classNames.length,
    backbone: params.backbone === 'auto' ? defaultBackbone(samples.x.shape) : params.backbone,
    head: params.head,
    headScale: params.headScale,
    loss: params.loss,
    epochs: params.epochs,
    batchSize: params.batch,
    augmentation: params.augment,
    learningRate: params.learningRate,
    weightDecay: params.weightDecay,
    potentialWeight: params.potentialWeight,
    reconstructionWeight: params.reconstructionWeight,
    ...(params.alpha !== undefined && { alpha: params.alpha }),
    beta: params.beta,
    q: params.q,
    forgetRate: params.forgetRate,
    warmupEpochs: params.warmupEpochs,
    ...(params.prior === 'empirical' && { prior: sharesOf(trainPart.labels, classNames.length) }),
    isOfficial,
    hasEvaluationDropout: isOfficial,
    potential: { s: params.repulsion, t: params.attraction, isClamped: isOfficial },
    seed: context.seed,
    signal: context.signal,
    validation: part(split[1]),
    ...(truth && { test: { x: gatherRows(samples.x, known), labels: Int32Array.from(known, (row) => truth[row]) } }),
    onEpoch({ epoch, loss, validationAccuracy }) {
      context.progress({ phase: 'training', done: epoch, total: params.epochs, note: `loss ${loss.toFixed(3)}` });
      context.metric('loss', epoch, loss);
      if (validationAccuracy !== undefined)
        context.metric('accuracy on held-out noisy labels', epoch, validationAccuracy);
    },
  };
  await using model = await trainClassifier(trainPart, options);
  const last = model.log.at(-1)!;
  const best = model.log.reduce((a, b) => ((b.validationAccuracy ?? 0) > (a.validationAccuracy ?? 0) ? b : a));
  const files =
    params.out === ''
      ? []
      : writeOutputFiles(
          await modelFiles(
            { model, options, inputShape: samples.x.shape.slice(1), classNames, ...pickScaling(samples) },
            params.out,
          ),
          { subject: 'label-audit train', context, ...params },
        );
  return {
    ok: true,
    value: {
      classNames,
      lastEpoch: last,
      bestEpoch: best.epoch,
      bestValidationAccuracy: best.validationAccuracy,
      log: model.log,
      files,
    },
    report: {
      title: `Classifier of ${samples.name}`,
      verdict: {
        tone: 'good',
        text: `Agrees with ${percent(last.validationAccuracy ?? 0)} of held-out noisy labels after ${params.epochs} epochs (best ${percent(best.validationAccuracy ?? 0)}, epoch ${best.epoch}).`,
      },
      blocks: [
        ...(last.testAccuracy === undefined
          ? []
          : [
              {
                kind: 'figures' as const,
                figures: [
                  {
                    label: 'accuracy on known truth, last epoch',
                    value: last.testAccuracy,
                    format: 'percent' as const,
                    digits: 2,
                  },
                ],
              },
            ]),
        ...learningBlocks(model.log),
        ...geometryBlocks(classNames, model.log),
      ],
    },
  };
}

function sharesOf(labels: Int32Array, numClasses: number): number[] {
  const shares = new Array<number>(numClasses).fill(0);
  for (const label of labels) shares[label] += 1 / labels.length;
  return shares;
}

function pickScaling({ scaling, inputNames }: Awaited<ReturnType<typeof readSamples>>) {
  return { ...(scaling && { scaling }), ...(inputNames && { inputNames }) };
}
