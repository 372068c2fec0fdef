/** Several methods on one model, one calibration set and one held-out text: the table that a user decides by. */
import type { Rng } from '@tenfold/core/base';
import type { StateValues } from '@tenfold/core/runtime';
import type { Tensor } from '@tenfold/core/tensor';
import { applyMask, differenceByMatrix, magnitudeMask, maskDifference } from './mask/mask24.ts';
import { pruneLayerwise, type LayerwiseMethod } from './methods/layerwise.ts';
import { maskLlm } from './methods/maskllm.ts';
import { prunableNames, rootMeanSquare } from './methods/prox-terms.ts';
import { proxSparse, type CheckpointOptions } from './methods/proxsparse.ts';
import { createEvaluator } from './model/perplexity.ts';
import type { LoadedModel, MaskSet, MethodName, PruneOutcome } from './types.ts';

export const METHODS = [
  'magnitude',
  'wanda',
  'ria',
  'sparsegpt',
  'sparsegpt-update',
  'admm',
  'admm-update',
  'proxsparse',
  'maskllm',
  'proxsparse+maskllm',
] as const satisfies readonly MethodName[];

/** Settings of the learned methods; the one-shot methods need none. */
export interface LearnSettings {
  readonly steps: number;
  readonly learningRate: number;
  readonly lambda1?: number;
  readonly kappa?: number;
  readonly lambda2?: number;
  readonly epsilon?: number;
  readonly maskLearningRate: number;
}

/** Settings that scale with the weights: κ 0.02; ε the root mean square of W₀; lr·T/2 about four times it.
 *  Source: own measurements on a small Llama (the paper's λ₁ differ by a factor of 100 between models for this reason). */
export function scaledSettings(model: LoadedModel, steps: number): LearnSettings {
  const names = prunableNames(model);
  const rms = names.reduce((sum, name) => sum + rootMeanSquare(model.parameters[name]!.data), 0) / names.length;
  return {
    steps,
    kappa: 0.02,
    learningRate: Math.min(3e-3, (8 * rms) / steps),
    lambda2: 0,
    epsilon: rms,
    maskLearningRate: 5e-4,
  };
}

export interface MethodRow {
  readonly method: MethodName;
  readonly perplexity: number;
  /** Kept weights are those of the model; false for methods that change them. */
  readonly isMaskOnly: boolean;
  /** Share of mask entries that differ from the magnitude mask. */
  readonly differsFromMagnitude: number;
  /** The same by matrix name. */
  readonly differsByMatrix: ReadonlyMap<string, number>;
  readonly elapsedMs: number;
  readonly outcome: PruneOutcome;
}

export interface Comparison {
  readonly densePerplexity: number;
  readonly rows: readonly MethodRow[];
}

export interface PruneInputs {
  readonly model: LoadedModel;
  readonly calibration: readonly (readonly number[])[];
  readonly settings: LearnSettings;
  readonly rng: Rng;
  readonly clock: { nowMs(): number };
  /** Of ProxSparse only. */
  readonly checkpoint?: CheckpointOptions;
  readonly signal?: AbortSignal;
  readonly onProgress?: (phase: string, done: number, total: number) => void;
  readonly onMetric?: (name: string, step: number, value: number) => void;
}

/** One method. @param prior  mask that `proxsparse+maskllm` starts from; made here if absent */
export async function pruneWith(method: MethodName, inputs: PruneInputs, prior?: MaskSet): Promise<PruneOutcome> {
  const { model, calibration, settings, rng, signal, onProgress, onMetric } = inputs;
  const onStep = (point: { step: number; loss: number; sparseShare: number }): void => {
    onProgress?.(method, point.step, settings.steps);
    onMetric?.(`${method}/loss`, point.step, point.loss);
    if (method === 'proxsparse') onMetric?.('proxsparse/sparse share', point.step, point.sparseShare);
  };
  const common = { ...(signal ? { signal } : {}), onStep };
  switch (method) {
    case 'magnitude':
      return {
        method,
        masks: new Map(prunableNames(model).map((name) => [name, magnitudeMask(name, model.parameters[name]!)])),
        warnings: [],
      };
    case 'proxsparse':
      return proxSparse(model, calibration, {
        ...settings,
        ...common,
        ...(inputs.checkpoint ? { checkpoint: inputs.checkpoint } : {}),
      });
    case 'maskllm':
    case 'proxsparse+maskllm': {
      const start = method === 'maskllm' ? undefined : (prior ?? (await pruneWith('proxsparse', inputs)).masks);
      return maskLlm(model, calibration, {
        steps: settings.steps,
        learningRate: settings.maskLearningRate,
        rng: rng.fork(method),
        ...(start ? { prior: start } : {}),
        ...common,
      });
    }
    default:
      return pruneLayerwise(model, method satisfies LayerwiseMethod, calibration, {
        ...(signal ? { signal } : {}),
        onLayer: (done, total) => onProgress?.(method, done, total),
      });
  }
}

/** @param held  token rows that no method has seen */
export async function compareMethods(
  methods: readonly MethodName[],
  inputs: PruneInputs,
  held: readonly (readonly number[])[],
): Promise<Comparison> {
  const { model, clock, signal } = inputs;
  const stops = signal ? { signal } : {};
  const evaluator = await createEvaluator(model, held);
  try {
    const densePerplexity = await evaluator.perplexity({}, stops);
    const magnitude = (await pruneWith('magnitude', inputs)).masks;
    const rows: MethodRow[] = [];
    for (const method of new Set(methods)) {
      const start = clock.nowMs();
      const prior = rows.find((row) => row.method === 'proxsparse')?.outcome.masks;
      const outcome = await pruneWith(method, inputs, prior);
      const elapsedMs = clock.nowMs() - start;
      const perplexity = await evaluator.perplexity(outcome.updated ?? maskedParameters(model, outcome.masks), stops);
      rows.push({
        method,
        perplexity,
        isMaskOnly: outcome.updated === undefined,
        differsFromMagnitude: maskDifference(outcome.masks, magnitude),
        differsByMatrix: differenceByMatrix(outcome.masks, magnitude),
        elapsedMs,
        outcome,
      });
    }
    return { densePerplexity, rows };
  } finally {
    await evaluator.dispose();
  }
}

/** Original weights with the mask applied, by name. */
export function maskedParameters(model: LoadedModel, masks: MaskSet): StateValues {
  const masked: Record<string, Tensor> = {};
  for (const [name, mask] of masks)
    masked[name] = { dtype: 'float32', shape: mask.shape, data: applyMask(model.parameters[name]!.data, mask, name) };
  return masked;
}
