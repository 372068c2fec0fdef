/** One look at the target before a round: predict, smooth, pool, plan. No target label enters here, except for `oracle`. */
import { emSmooth } from '../em-smoothing.ts';
import { fitTemperature, measureQuality, withTemperature } from '../calibration.ts';
import { totalVariation } from '../guard.ts';
import { smoothTarget } from '../smooth-target.ts';
import type { Quality } from '../calibration.ts';
import type { SmoothedTarget } from '../smooth-target.ts';
import { poolLabels } from '../uncertainty.ts';
import type { PooledLabels } from '../uncertainty.ts';
import type { Features, RoundReport } from '../types.ts';
import type { Network, Prediction } from './network.ts';
import { portionOf } from './options.ts';
import type { SelfTrainingOptions } from './options.ts';
import { planOf } from './plans.ts';
import type { TargetPlan } from './plans.ts';
import type { TrainedSource } from './train-source.ts';

/** Rows are tokens. */
export interface Look {
  readonly report: RoundReport;
  readonly prediction: Prediction;
  readonly pooled: PooledLabels;
  readonly smoothed: SmoothedTarget;
  readonly plan: TargetPlan;
  /** Held-out source samples as the network sees them, and after temperature. */
  readonly heldOut: { readonly quality: Quality; readonly calibrated: Quality };
}

/** Bases and variances of round 0, to compare later rounds with. */
export interface StartBases {
  readonly bases: Float64Array;
  readonly variances: Float64Array;
}

export async function lookAtTarget(
  network: Network,
  input: {
    readonly source: TrainedSource;
    readonly target: Features;
    readonly oracleLabels?: Int32Array;
    readonly startBases?: StartBases;
  },
  options: SelfTrainingOptions,
  round: number,
): Promise<Look> {
  const { source, target, oracleLabels } = input;
  const { numClasses } = source.network;
  const prediction = await network.predict(target);
  const numTokens = prediction.probabilities.numRows;
  const learned = options.bases === 'attention' ? await network.bases() : undefined;
  const smoothed = smoothTarget(prediction.features, prediction.probabilities, {
    beta: options.beta,
    isShared: options.isShared,
    basesPerClass: options.basesPerClass,
    seed: options.seed,
    ...(learned && { start: learned }),
    ...(options.clampWeight > 0 && {
      labelled: {
        features: (await network.predict(source.training.x)).features,
        labels: source.trainingLabels,
        weight: options.clampWeight,
      },
    }),
  });
  const passes = await network.dropoutPasses(target, options.numPasses, `round ${round}`);
  const pooled = poolLabels(smoothed.labels, passes, options.lambda);
  const portion = portionOf(options, round);
  const plan = planOf({
    probabilities: prediction.probabilities,
    pooled,
    portion,
    options,
    ...(oracleLabels && { oracleLabels }),
  });
  const acceptedPerClass = new Array<number>(numClasses).fill(0);
  plan.accepted.forEach((isAccepted, n) => void (acceptedPerClass[plan.hard[n]] += isAccepted));
  const { labels } = source.heldOut;
  const heldOut = (await network.predict(source.heldOut.x)).probabilities;
  const quality = measureQuality(heldOut, labels);
  const temperature = fitTemperature(heldOut, labels);
  const calibrated = measureQuality(withTemperature(heldOut, temperature), labels);
  const agreement = pooled.isAgreed.reduce((sum, value) => sum + value, 0) / numTokens;
  const priorShift = totalVariation(acceptedPerClass, source.classCounts);
  const { em, numUsed } = smoothed;
  const report: RoundReport = {
    round,
    portion,
    acceptedPerClass,
    agreement,
    priorShift,
    logLikelihood: em.logLikelihood.map((value) => value / numUsed),
    startLikelihood: likelihoodUnder(input.startBases ?? em, smoothed.features) / numTokens,
    sourceAccuracy: quality.accuracy,
    numHeldOut: quality.bins.reduce((sum, { count }) => sum + count, 0),
    sourceEce: quality.ece,
    sourceEceCalibrated: calibrated.ece,
    temperature,
    score: agreement * (1 - priorShift),
    alarms: [],
  };
  return { report, prediction, pooled, smoothed, plan, heldOut: { quality, calibrated } };
}

/** LL of all target rows under given bases and a uniform prior: one E-step. */
function likelihoodUnder({ bases, variances }: StartBases, features: Features): number {
  return emSmooth(features, { bases, numBases: variances.length, beta: 0, variances, maxIterations: 0 })
    .logLikelihood[0];
}
