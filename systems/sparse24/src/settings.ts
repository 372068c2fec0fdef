/** Settings of a run: what the user gave, the rest from the size of the weights. */
import { scaledSettings, type LearnSettings } from './compare.ts';
import type { LearnParams } from './params.ts';
import type { LoadedModel } from './types.ts';

export function settingsFromParams(model: LoadedModel, params: LearnParams): LearnSettings {
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
