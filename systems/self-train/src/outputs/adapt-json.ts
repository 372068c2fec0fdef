/** What the verbs return about an adaptation as plain JSON: the page and scripts read it. */
import type { ReliabilityBin } from '../calibration.ts';
import type { Method, RoundReport } from '../types.ts';

/** A target sample with its label and where its doubt comes from. */
export interface Example {
  readonly id: string;
  readonly label: string;
  /** Of the pooled label, 0..1. */
  readonly confidence: number;
  readonly data: number;
  readonly model: number;
  readonly disagreement: number;
  /** Only where the truth is known. */
  readonly truth?: string;
  /** PNG as a data URL. */
  readonly thumbnail?: string;
}

/** The target in one round. Arrays run over the same samples in every round. */
export interface RoundView {
  readonly round: number;
  /** Places in the plane. */
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly label: readonly number[];
  /** Doubt: total variance of the pooled label. */
  readonly variance: readonly number[];
  /** 1 where the label is trained on next. */
  readonly accepted: readonly number[];
  readonly bases: readonly { readonly x: number; readonly y: number; readonly label: number }[];
  /** Held-out source samples, as the network says and after temperature. */
  readonly reliability: readonly ReliabilityBin[];
  readonly calibrated: readonly ReliabilityBin[];
}

export interface MethodJson {
  readonly method: Method;
  readonly rounds: readonly RoundReport[];
  readonly keptRound: number;
  readonly isStopped: boolean;
  /** Accuracy on target samples of which the truth is known, after the rounds. */
  readonly accuracy?: number;
  readonly ece?: number;
}

export interface AdaptJson {
  readonly sourceName: string;
  readonly targetName: string;
  readonly classNames: readonly string[];
  readonly numSource: number;
  readonly numTarget: number;
  readonly seed: number;
  /** The method that `views` and examples show, first. */
  readonly methods: readonly MethodJson[];
  readonly views: readonly RoundView[];
  /** Truth of the samples in `views`, where known. */
  readonly truth?: readonly number[];
  readonly certain: readonly Example[];
  readonly uncertain: readonly Example[];
  /** Samples whose label by a person would help most. */
  readonly askNext: readonly Example[];
}
