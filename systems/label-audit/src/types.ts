/** The nouns of the room. N samples, K classes, d feature width. */

/** [N, K] row-major; every row is a distribution over the classes. */
export interface Probabilities {
  readonly numRows: number;
  readonly numClasses: number;
  readonly data: Float32Array | Float64Array;
}

/** [N, d] row-major. */
export interface Features {
  readonly numRows: number;
  readonly width: number;
  readonly data: Float32Array;
}

export const FILTERS = [
  'prune_by_noise_rate',
  'prune_by_class',
  'both',
  'confident_learning',
  'predicted_neq_given',
  'low_self_confidence',
  'low_normalized_margin',
] as const;
export type Filter = (typeof FILTERS)[number];

export const SCORES = ['self_confidence', 'normalized_margin', 'confidence_weighted_entropy'] as const;
export type ScoreMethod = (typeof SCORES)[number];

/** Counts C[given · K + true]. */
export type CountMatrix = Float64Array;

/** What confident learning knows after its passes over the probabilities. */
export interface ConfidentLearning {
  readonly numClasses: number;
  /** [K] samples with each given label. */
  readonly labelCounts: Uint32Array;
  /** [K] mean self-confidence of each class; 2 for a class without samples. */
  readonly thresholds: Float64Array;
  /** [K, K] confident counts, diagonal ≥ 1. */
  readonly uncalibratedJoint: CountMatrix;
  /** [K, K] whole numbers; rows sum to `labelCounts`. */
  readonly joint: CountMatrix;
  /** [N] class with the largest probability (the lowest of several). */
  readonly predicted: Uint16Array;
  /** [N] confident class, or `NO_CLASS`. */
  readonly confidentClass: Uint16Array;
  /** [N] 1 where the given label has the largest probability after 1e-6 was added to it. */
  readonly isGivenLargest: Uint8Array;
}

export const NO_CLASS = 0xffff;

/** Distributions that follow from the joint of given and true labels. */
export interface LatentEstimates {
  /** [K] prior of the true classes. */
  readonly prior: Float64Array;
  /** [given · K + true] p(given | true): columns sum to 1. */
  readonly noiseMatrix: Float64Array;
  /** [true · K + given] p(true | given): columns sum to 1. */
  readonly inverseNoiseMatrix: Float64Array;
}

export const BACKBONES = [
  'mlp',
  'embed',
  'linear-embed',
  'cnn',
  'sce-mini',
  'sce',
  'resnet-8',
  'resnet-20',
  'resnet-34',
] as const;
export type Backbone = (typeof BACKBONES)[number];

/** Random changes of training images, each new at every update. */
export const AUGMENTATIONS = ['none', 'crop', 'flip', 'crop+flip', 'crop+flip+rotate'] as const;
export type Augmentation = (typeof AUGMENTATIONS)[number];

export const LABEL_LOSSES = ['ce', 'sce', 'gce', 'mae', 'nce+rce', 'elr', 'co-teaching'] as const;
/** `forward` needs a noise matrix, which only the library takes. */
export type LabelLoss = (typeof LABEL_LOSSES)[number] | 'forward';
