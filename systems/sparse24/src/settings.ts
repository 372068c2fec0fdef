/** Settings of a run: what the user gave, the rest from the size of the weights. */
import { scaledSettings, type LearnSettings } from './compare.ts';
import type { LearnParams } from './params.ts';
import { sparseError } from './sparse-errors.ts';
import type { LoadedModel } from './types.ts';

/** @throws TF-SPARSE-005 if lambda1 and kappa are both given: one of them would have no effect */
export function settingsFromParams(model: LoadedModel, params: LearnParams): LearnSettings {
  if (params.lambda1 !== undefined && params.kappa !== undefined) {
    throw sparseError('TF-SPARSE-005', {
      subject: 'settings',
      expected: 'either --lambda1 or --kappa',
      actual: 'both',
    });
  }
  const scaled = scaledSettings(model, params.steps);
  const strength =
    params.lambda1 === undefined ? { kappa: params.kappa ?? scaled.kappa! } : { lambda1: params.lambda1 };
  return {
    steps: params.steps,
    learningRate: params.lr ?? scaled.learningRate,
    ...strength,
    lambda2: params.lambda2 ?? scaled.lambda2!,
    epsilon: params.epsilon ?? scaled.epsilon!,
    maskLearningRate: params.maskLr,
  };
}
