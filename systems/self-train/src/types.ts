/** The nouns of the room. */

/** Feature vectors in rows. */
export interface Features {
  readonly numRows: number;
  readonly width: number;
  /** [N, d] row-major. */
  readonly data: Float32Array;
}

/** Class probabilities in rows. */
export interface Probabilities {
  readonly numRows: number;
  readonly numClasses: number;
  /** [N, C] */
  readonly data: Float32Array;
}

/** Samples in rows, with labels where they are known. */
export interface Samples {
  readonly name: string;
  /** [N, d] inputs of the network. */
  readonly x: Features;
  /** [N] classes 0 … C−1. */
  readonly labels?: Int32Array;
  /** Names of rows: file names or row numbers. */
  readonly ids?: readonly string[];
  /** Side of the square image, if rows are grey images. */
  readonly sidePx?: number;
}

export const METHODS = ['source', 'em', 'cbst', 'mrkld', 'lrent', 'pseudo', 'entropy', 'fixmatch', 'oracle'] as const;
export type Method = (typeof METHODS)[number];

export const RANKS = ['conf', 'variance', 'entropy', 'bald'] as const;
export type Rank = (typeof RANKS)[number];

/** What a round saw and decided; plain numbers. `truth*` exist only where labels were given to measure with. */
export interface RoundReport {
  /** 0 is the network trained on source alone. */
  readonly round: number;
  readonly portion: number;
  /** [C] accepted pseudo-labels of each class. */
  readonly acceptedPerClass: readonly number[];
  /** Share of target samples where argmax q = argmax p̄. */
  readonly agreement: number;
  /** Total variation between accepted classes and source classes, 0..1. */
  readonly priorShift: number;
  /** LL of each EM iteration, nats a sample. */
  readonly logLikelihood: readonly number[];
  /** Accuracy on held-out source samples. */
  readonly sourceAccuracy: number;
  /** Labelled tokens that are held out. */
  readonly numHeldOut: number;
  /** Calibration error on held-out source samples, and after `temperature`. */
  readonly sourceEce: number;
  readonly sourceEceCalibrated: number;
  /** Fitted on held-out source samples; above 1 where the network is over-confident. */
  readonly temperature: number;
  /** LL a sample under the bases of round 0, nats. */
  readonly startLikelihood: number;
  /** agreement × (1 − priorShift): the score without labels. */
  readonly score: number;
  readonly alarms: readonly string[];
  readonly truthAccuracy?: number;
  readonly truthAcceptedAccuracy?: number;
  readonly truthEce?: number;
  /** Segmentation. */
  readonly truthMeanIou?: number;
}
