/** What stands before the head: how a sample becomes one or more feature vectors. A sample of a classifier is one token;
 *  of a segmenter every pixel is one. Descriptions are plain JSON, kept beside the weights. */
import type { GraphValue } from '@tenfold/core/graph';
import type { Net } from '@tenfold/core/nn';
import { buildMlp } from './mlp.ts';
import { buildUnet } from './unet.ts';

export interface MlpDescription {
  readonly kind: 'mlp';
  readonly width: number;
  readonly hidden: readonly number[];
  /** Share of hidden units that training and passes with dropout leave out. */
  readonly dropout: number;
}

export interface UnetDescription {
  readonly kind: 'unet';
  readonly heightPx: number;
  readonly widthPx: number;
  readonly channels: number;
  /** Channels of each resolution, finest first; every one after the first halves the size. */
  readonly stages: readonly number[];
  readonly dropout: number;
}

export type BackboneDescription = MlpDescription | UnetDescription;

/** Dropout of a place, in the mode of the pass. */
export type Drop = (place: number, value: GraphValue) => GraphValue;

export interface BackboneValues {
  /** [tokens, d] before the last dropout. */
  readonly features: GraphValue;
  /** [tokens, d] after it: what the head reads. */
  readonly dropped: GraphValue;
}

export interface Backbone {
  /** Of one sample. */
  readonly inputShape: readonly number[];
  /** Numbers of one sample. */
  readonly inputWidth: number;
  readonly numTokens: number;
  readonly featureWidth: number;
  /** Units or channels at each place of dropout. */
  readonly maskWidths: readonly number[];
  /** One run can carry many passes: what stands before the first dropout is then computed once. */
  readonly foldsPasses: boolean;
  /** Samples per prediction run. */
  readonly predictionBatch: number;
  build(net: Net, x: GraphValue, drop: Drop): BackboneValues;
}

export function backboneFrom(description: BackboneDescription): Backbone {
  if (description.kind === 'mlp') {
    const { width, hidden } = description;
    return {
      inputShape: [width],
      inputWidth: width,
      numTokens: 1,
      featureWidth: hidden.at(-1)!,
      maskWidths: hidden,
      foldsPasses: true,
      predictionBatch: 500,
      build: (net, x, drop) => buildMlp(net, x, hidden, drop),
    };
  }
  const { heightPx, widthPx, channels, stages } = description;
  return {
    inputShape: [channels, heightPx, widthPx],
    inputWidth: channels * heightPx * widthPx,
    numTokens: heightPx * widthPx,
    featureWidth: stages[0],
    maskWidths: [stages.at(-1)!, stages[0]],
    foldsPasses: false,
    predictionBatch: 8,
    build: (net, x, drop) => buildUnet(net, x, stages, drop),
  };
}
