/** Settings of self-training and their defaults, one place for verbs, scripts and tests. */
import type { GuardOptions } from '../guard.ts';
import type { Method, Rank } from '../types.ts';
import type { BasisWeights } from './loss.ts';

export interface SelfTrainingOptions {
  readonly method: Method;
  readonly seed: number;
  readonly rounds: number;
  readonly epochsPerRound: number;
  readonly learningRate: number;
  /** κ of round ρ: min(start + ρ·step, max). */
  readonly portion: { readonly start: number; readonly step: number; readonly max: number };
  /** Weight of the network's probabilities as prior of EM. */
  readonly beta: number;
  /** One variance for all bases. */
  readonly isShared: boolean;
  readonly basesPerClass: number;
  /** Weight of labelled source features in EM, held to their class; 0 leaves them out (a source of another domain pins
   *  the bases to itself). */
  readonly clampWeight: number;
  readonly numPasses: number;
  /** Weight of the data label against the model's. */
  readonly lambda: number;
  readonly rank: Rank;
  readonly label: 'hard' | 'soft';
  /** Row weights: all one, or exp(−V/mean V). */
  readonly weighting: 'none' | 'exp';
  readonly requiresAgreement: boolean;
  /** Start of EM: prediction-weighted means of target features, or the bases that the network learned. */
  readonly bases: 'prototype' | 'attention';
  readonly basisWeights: BasisWeights;
  readonly hasGuard: boolean;
  readonly guard: GuardOptions;
  /** Weight of the uniform term of MRKLD. */
  readonly uniformWeight: number;
  /** Weight of the entropy term of `entropy`. */
  readonly entropyWeight: number;
  /** Confidence that `pseudo` and `fixmatch` ask for. */
  readonly threshold: number;
}

export const DEFAULT_OPTIONS: SelfTrainingOptions = {
  method: 'em',
  seed: 0,
  rounds: 6,
  epochsPerRound: 2,
  learningRate: 0.02,
  portion: { start: 0.2, step: 0.1, max: 0.7 },
  beta: 0.5,
  isShared: true,
  basesPerClass: 1,
  clampWeight: 0,
  numPasses: 10,
  lambda: 0.5,
  rank: 'conf',
  label: 'hard',
  weighting: 'none',
  requiresAgreement: false,
  bases: 'prototype',
  basisWeights: {},
  hasGuard: true,
  guard: {},
  uniformWeight: 0.1,
  entropyWeight: 0.1,
  threshold: 0.95,
};

export function portionOf({ portion }: SelfTrainingOptions, round: number): number {
  return Math.min(portion.start + round * portion.step, portion.max);
}
