/** The rounds: predict, smooth, pool, select, check, retrain. No target label enters here, except for `oracle`. */
import { createRng } from '@tenfold/core/base';
import type { StateValues } from '@tenfold/core/runtime';
import { scaleFeatures, weightedClassMeans } from '../bases.ts';
import { measureQuality } from '../calibration.ts';
import { emSmooth } from '../em-smoothing.ts';
import type { EmResult } from '../em-smoothing.ts';
import { collapseAlarms, totalVariation } from '../guard.ts';
import { confidentLabels } from '../selection.ts';
import { selfTrainError } from '../self-train-errors.ts';
import { poolLabels } from '../uncertainty.ts';
import type { PooledLabels } from '../uncertainty.ts';
import type { Features, RoundReport } from '../types.ts';
import { strengthen } from './augment.ts';
import { createNetwork } from './network.ts';
import type { Network, Prediction, TrainingRows } from './network.ts';
import { DEFAULT_OPTIONS, portionOf } from './options.ts';
import type { SelfTrainingOptions } from './options.ts';
import { planOf } from './plans.ts';
import type { TargetPlan } from './plans.ts';
import type { TrainedSource } from './train-source.ts';

export interface RoundState {
  readonly report: RoundReport;
  readonly prediction: Prediction;
  readonly pooled: PooledLabels;
  readonly em: EmResult;
  readonly plan: TargetPlan;
  /** Scale of the features that `em` saw. */
  readonly scale: number;
}

export interface SelfTrainingInput {
  readonly source: TrainedSource;
  readonly target: Features;
  /** Side of the images, for the augmentation of `fixmatch`. */
  readonly sidePx?: number;
  /** Target labels of the method `oracle`; no other method may be given them. */
  readonly oracleLabels?: Int32Array;
  readonly signal?: AbortSignal;
  /** Sees each round; what it returns is added to the report and to nothing else. */
  readonly measure?: (state: RoundState) => Partial<RoundReport>;
  readonly onRound?: (state: RoundState) => void;
}

export interface SelfTrainingResult {
  readonly rounds: readonly RoundReport[];
  /** The round whose network is kept. */
  readonly keptRound: number;
  readonly isStopped: boolean;
  readonly states: StateValues;
  readonly final: RoundState;
}

/** Updates between two looks at the target in the FixMatch-style baseline. */
const FIXMATCH_STEPS = 20;

/** Adapts the source network to the target. The same seed and data give the same result, bit for bit.
 *  @throws TF-SELF-001 if the target is empty, TF-SELF-002 if its width differs from the source's */
export async function selfTrain(
  input: SelfTrainingInput,
  given: Partial<SelfTrainingOptions> = {},
): Promise<SelfTrainingResult> {
  const options = { ...DEFAULT_OPTIONS, ...given };
  assertInput(input, options);
  const { source, target } = input;
  await using network = await createNetwork({
    ...source.networkOptions,
    seed: options.seed,
    learningRate: options.learningRate,
    states: source.states,
    basisWeights: options.basisWeights,
    ...(input.signal === undefined ? {} : { signal: input.signal }),
  });
  const states: RoundState[] = [];
  let kept: { round: number; score: number; states: StateValues } | undefined;
  for (let round = 0; ; round++) {
    const looked = await lookAtTarget(network, input, options, round);
    const alarms = collapseAlarms([...states.map(({ report }) => report), looked.report], options.guard);
    const report = { ...looked.report, alarms, ...input.measure?.(looked) };
    const state = { ...looked, report };
    states.push(state);
    input.onRound?.(state);
    const rounds = states.map((each) => each.report);
    if (options.hasGuard && options.method === 'em' && round > 0 && alarms.length > 0) {
      return { rounds, keptRound: kept!.round, isStopped: true, states: kept!.states, final: states[kept!.round] };
    }
    if (round === options.rounds) {
      return { rounds, keptRound: round, isStopped: false, states: await network.states(), final: state };
    }
    if (kept === undefined || report.score > kept.score) {
      kept = { round, score: report.score, states: await network.states() };
    }
    await retrain(network, input, options, { round, plan: state.plan });
  }
}

async function lookAtTarget(
  network: Network,
  { source, target, oracleLabels }: SelfTrainingInput,
  options: SelfTrainingOptions,
  round: number,
): Promise<RoundState> {
  const { numClasses } = source.networkOptions;
  const prediction = await network.predict(target);
  const { features, scale } = scaleFeatures(prediction.features);
  const learned = options.bases === 'attention' ? await network.bases() : undefined;
  const start = learned?.map((value) => value * scale) ?? weightedClassMeans(features, prediction.probabilities).bases;
  const em = emSmooth(features, {
    bases: start,
    numBases: numClasses,
    prior: prediction.probabilities.data,
    beta: options.beta,
    isShared: options.isShared,
  });
  const passes = await network.dropoutPasses(target, options.numPasses, `round ${round}`);
  const data = { numRows: target.numRows, numClasses, data: em.responsibilities };
  const pooled = poolLabels(data, passes, options.lambda);
  const portion = portionOf(options, round);
  const plan = planOf({
    probabilities: prediction.probabilities,
    pooled,
    portion,
    options,
    ...(oracleLabels === undefined ? {} : { oracleLabels }),
  });
  const acceptedPerClass = new Array<number>(numClasses).fill(0);
  plan.accepted.forEach((isAccepted, n) => void (acceptedPerClass[plan.hard[n]] += isAccepted));
  const sourceQuality = measureQuality(
    (await network.predict(source.heldOut.x)).probabilities,
    source.heldOut.labels,
  );
  const agreement = pooled.isAgreed.reduce((sum, value) => sum + value, 0) / target.numRows;
  const priorShift = totalVariation(acceptedPerClass, source.classCounts);
  const report: RoundReport = {
    round,
    portion,
    acceptedPerClass,
    agreement,
    priorShift,
    logLikelihood: em.logLikelihood.map((value) => value / target.numRows),
    sourceAccuracy: sourceQuality.accuracy,
    sourceEce: sourceQuality.ece,
    score: agreement * (1 - priorShift),
    alarms: [],
  };
  return { report, prediction, pooled, em, plan, scale };
}

/** The number of updates depends on the schedule alone: every method has the same budget. */
async function retrain(
  network: Network,
  { source, target, sidePx }: SelfTrainingInput,
  options: SelfTrainingOptions,
  { round, plan }: { readonly round: number; readonly plan: TargetPlan },
): Promise<void> {
  const numSource = source.training.x.numRows;
  const rowsPerEpoch = numSource + portionOf(options, round) * target.numRows;
  const numSteps = Math.max(1, Math.floor((options.epochsPerRound * rowsPerEpoch) / network.batchSize));
  const purpose = `round ${round}`;
  if (options.method !== 'fixmatch') {
    await network.train(unionRows(source.training, target, plan).rows, numSteps, { purpose });
    return;
  }
  const rng = createRng(options.seed, `strengthen/${round}`);
  for (let done = 0; done < numSteps; done += FIXMATCH_STEPS) {
    const labels = confidentLabels((await network.predict(target)).probabilities, options.threshold);
    const { rows } = unionRows(source.training, target, { ...labels, weight: Float32Array.from(labels.accepted) });
    const { width } = target;
    await network.train(rows, Math.min(FIXMATCH_STEPS, numSteps - done), {
      purpose: `${purpose}/${done}`,
      alter(x, chosen) {
        chosen.forEach((row, i) => {
          if (row >= numSource) strengthen(x.subarray(i * width, (i + 1) * width), rng, sidePx);
        });
      },
    });
  }
}

/** Source rows, then the target rows of the plan. */
function unionRows(
  training: TrainedSource['training'],
  target: Features,
  plan: TargetPlan,
): { readonly rows: TrainingRows } {
  const used: number[] = [];
  for (let n = 0; n < target.numRows; n++) if (plan.accepted[n] === 1 || (plan.entropy?.[n] ?? 0) > 0) used.push(n);
  const { width } = target;
  const numClasses = training.y.length / training.x.numRows;
  const numSource = training.x.numRows;
  const numRows = numSource + used.length;
  const data = new Float32Array(numRows * width);
  data.set(training.x.data);
  const y = new Float32Array(numRows * numClasses);
  y.set(training.y);
  const weight = new Float32Array(numRows).fill(1);
  const [uniform, entropy] = [new Float32Array(numRows), new Float32Array(numRows)];
  used.forEach((n, i) => {
    const row = numSource + i;
    data.set(target.data.subarray(n * width, (n + 1) * width), row * width);
    y.set(plan.soft.subarray(n * numClasses, (n + 1) * numClasses), row * numClasses);
    weight[row] = plan.weight[n];
    uniform[row] = plan.uniform?.[n] ?? 0;
    entropy[row] = plan.entropy?.[n] ?? 0;
  });
  return { rows: { x: { numRows, width, data }, y, weight, uniform, entropy } };
}

function assertInput({ source, target, oracleLabels }: SelfTrainingInput, options: SelfTrainingOptions): void {
  if (target.numRows === 0) {
    throw selfTrainError('TF-SELF-001', {
      subject: 'selfTrain',
      expected: 'at least one unlabelled sample',
      actual: 'none',
    });
  }
  if (target.width !== source.networkOptions.width) {
    throw selfTrainError('TF-SELF-002', {
      subject: 'selfTrain',
      expected: `target rows of width ${source.networkOptions.width}, as in the source`,
      actual: `${target.width}`,
    });
  }
  const wantsLabels = options.method === 'oracle';
  if (wantsLabels !== (oracleLabels !== undefined)) {
    throw selfTrainError('TF-SELF-002', {
      subject: 'selfTrain',
      expected: wantsLabels ? 'target labels for the oracle' : `no target labels for "${options.method}"`,
      actual: wantsLabels ? 'none' : `${oracleLabels!.length} labels`,
    });
  }
}

