/** What each method makes of a round: which target rows the network trains on, with which targets and weights. */
import { cbstLabels, classThresholds, confidentLabels, lrentLabels, oneHot, selectBalanced } from '../selection.ts';
import type { PseudoLabels } from '../selection.ts';
import { trustOf } from '../uncertainty.ts';
import type { PooledLabels } from '../uncertainty.ts';
import type { Method, Probabilities } from '../types.ts';
import type { SelfTrainingOptions } from './options.ts';

/** The target side of a round. Rows outside `accepted` are trained on only where `entropy` is set. */
export interface TargetPlan extends PseudoLabels {
  /** [N] factor of cross-entropy. */
  readonly weight: Float32Array;
  /** [N] factor of the uniform term. */
  readonly uniform?: Float32Array;
  /** [N] factor of the entropy term. */
  readonly entropy?: Float32Array;
}

export interface RoundEvidence {
  readonly probabilities: Probabilities;
  readonly pooled: PooledLabels;
  readonly portion: number;
  readonly options: SelfTrainingOptions;
  /** Only for the method `oracle`. */
  readonly oracleLabels?: Int32Array;
}

const PLANS: Readonly<Record<Method, (evidence: RoundEvidence) => TargetPlan>> = {
  source: ({ probabilities }) => {
    const labels = confidentLabels(probabilities, Infinity);
    return { ...labels, weight: new Float32Array(probabilities.numRows) };
  },
  em: emPlan,
  cbst: ({ probabilities, portion }) => withWeights(cbstLabels(probabilities, classThresholds(probabilities, portion))),
  mrkld: ({ probabilities, portion, options }) => {
    const plan = withWeights(cbstLabels(probabilities, classThresholds(probabilities, portion)));
    return { ...plan, uniform: plan.weight.map((weight) => weight * options.uniformWeight) };
  },
  lrent: ({ probabilities, portion }) =>
    withWeights(lrentLabels(probabilities, classThresholds(probabilities, portion))),
  pseudo: ({ probabilities, options }) => withWeights(confidentLabels(probabilities, options.threshold)),
  entropy: ({ probabilities, options }) => {
    const labels = confidentLabels(probabilities, Infinity);
    const entropy = new Float32Array(probabilities.numRows).fill(options.entropyWeight);
    return { ...labels, weight: new Float32Array(probabilities.numRows), entropy };
  },
  fixmatch: ({ probabilities, options }) => withWeights(confidentLabels(probabilities, options.threshold)),
  oracle: ({ probabilities, oracleLabels }) => {
    const hard = oracleLabels!;
    const accepted = new Uint8Array(hard.length).fill(1);
    return withWeights({ accepted, hard, soft: oneHot(hard, probabilities.numClasses) });
  },
};

export function planOf(evidence: RoundEvidence): TargetPlan {
  return PLANS[evidence.options.method](evidence);
}

function emPlan({ pooled, portion, options }: RoundEvidence): TargetPlan {
  const { hard, numClasses, varianceTotal } = pooled;
  const accepted = selectBalanced(hard, trustOf(pooled, options.rank), {
    numClasses,
    portion,
    ...(options.requiresAgreement ? { isAllowed: pooled.isAgreed } : {}),
  });
  const soft = options.label === 'hard' ? oneHot(hard, numClasses) : pooled.soft;
  const plan = withWeights({ accepted, hard, soft });
  if (options.weighting === 'none') return plan;
  const mean = varianceTotal.reduce((sum, value) => sum + value, 0) / Math.max(1, varianceTotal.length);
  return {
    ...plan,
    weight: plan.weight.map((weight, n) => weight * Math.exp(-varianceTotal[n] / Math.max(mean, 1e-12))),
  };
}

function withWeights(labels: PseudoLabels): TargetPlan {
  return { ...labels, weight: Float32Array.from(labels.accepted) };
}
