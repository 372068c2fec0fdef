/** Params that the verbs with a run share, and what they mean for the engine. */
import { usageError } from '@tenfold/core/system';
import { DEFAULT_OPTIONS } from '../engine/options.ts';
import type { SelfTrainingOptions } from '../engine/options.ts';
import type { PairParams } from '../inputs/sample-pair.ts';
import type { Method, Rank } from '../types.ts';

export interface RunParams extends PairParams {
  readonly method: Method;
  readonly rounds: number;
  readonly epochs: number;
  readonly hidden: readonly number[];
  /** start:max:step */
  readonly portion: string;
  readonly basesPerClass: number;
  readonly beta: number;
  readonly sharedVariance: boolean;
  readonly bases: 'prototype' | 'attention';
  readonly clamp: number;
  readonly ensemble: number;
  readonly passes: number;
  readonly rank: Rank;
  readonly target: 'hard' | 'soft';
  readonly weight: 'none' | 'exp';
  readonly agree: boolean;
  readonly guard: boolean;
}

export function optionsFrom(params: RunParams, seed: number): SelfTrainingOptions {
  return {
    ...DEFAULT_OPTIONS,
    method: params.method,
    seed,
    rounds: params.rounds,
    portion: portionFrom(params.portion),
    beta: params.beta,
    isShared: params.sharedVariance,
    basesPerClass: params.basesPerClass,
    clampWeight: params.clamp,
    numPasses: params.passes,
    rank: params.rank,
    label: params.target,
    weighting: params.weight,
    requiresAgreement: params.agree,
    bases: params.bases,
    hasGuard: params.guard,
  };
}

/** `0.2:0.7:0.1` → start 0.2, at most 0.7, in steps of 0.1. @throws TF-USAGE-002 */
export function portionFrom(text: string): SelfTrainingOptions['portion'] {
  const parts = text.split(':').map(Number);
  const [start, max, step] = parts;
  const isSound =
    parts.length === 3 && parts.every(Number.isFinite) && start > 0 && start <= max && max <= 1 && step >= 0;
  if (isSound) return { start, max, step };
  throw usageError('TF-USAGE-002', {
    subject: 'self-train',
    expected: '--portion as start:max:step with 0 < start ≤ max ≤ 1, like 0.2:0.7:0.1',
    actual: `"${text}"`,
  });
}

export function pairParamsOf(params: PairParams): PairParams {
  const { labeled, unlabeled, label, truth, id, text, columns, imageSize, colour } = params;
  return { labeled, unlabeled, label, truth, id, text, columns, imageSize, colour };
}
