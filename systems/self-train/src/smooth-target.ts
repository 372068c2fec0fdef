/** One look of expectation–maximisation at the target: scale the features, start the bases, smooth, fold to classes. */
import { createRng } from '@tenfold/core/base';
import { scaleFeatures, spreadBases, weightedClassMeans } from './bases.ts';
import { emSmooth } from './em-smoothing.ts';
import type { EmResult } from './em-smoothing.ts';
import type { Features, Probabilities } from './types.ts';

export interface SmoothOptions {
  /** Weight of the network's probabilities as prior, 0..1; 0 learns one weight per basis instead. */
  readonly beta: number;
  /** One variance for all bases. */
  readonly isShared: boolean;
  readonly basesPerClass: number;
  readonly seed: number;
  /** EM runs on at most so many rows, evenly spread; one E-step then covers all. Default 50,000. */
  readonly maxRows?: number;
  /** Start of the bases [C, d] in the units of the given features; default prediction-weighted class means. */
  readonly start?: ArrayLike<number>;
  /** Labelled features in the same space, held to their class. */
  readonly labelled?: { readonly features: Features; readonly labels: Int32Array; readonly weight: number };
  readonly maxIterations?: number;
}

export interface SmoothedTarget {
  /** [N, C] q: the data label. */
  readonly labels: Probabilities;
  /** Of the rows that EM ran on. */
  readonly em: EmResult;
  /** What the features were multiplied by before EM. */
  readonly scale: number;
  /** The features that q was computed from. */
  readonly features: Features;
  /** All features are equal: q then repeats the prior. */
  readonly isConstant: boolean;
  /** Rows that EM ran on. */
  readonly numUsed: number;
}

const DEFAULT_MAX_ROWS = 50_000;

/** @throws TF-SELF-003 naming a row that is not finite */
export function smoothTarget(given: Features, probabilities: Probabilities, options: SmoothOptions): SmoothedTarget {
  const { beta, isShared, basesPerClass, maxRows = DEFAULT_MAX_ROWS } = options;
  const { numClasses } = probabilities;
  const numBases = numClasses * basesPerClass;
  const { features, scale, isConstant } = scaleFeatures(given);
  const stride = Math.max(1, Math.ceil(features.numRows / maxRows));
  const [part, partProbabilities] = [everyRow(features, stride), everyProbability(probabilities, stride)];
  const start =
    options.start !== undefined
      ? Float64Array.from(options.start, (value) => value * scale)
      : basesPerClass === 1
        ? weightedClassMeans(part, partProbabilities).bases
        : spreadBases(part, partProbabilities, basesPerClass, createRng(options.seed, 'bases'));
  const joined = joinLabelled(part, repeatPrior(partProbabilities, basesPerClass), { ...options, scale, numBases });
  const em = emSmooth(joined.features, {
    bases: start,
    numBases,
    prior: joined.prior,
    beta,
    isShared,
    ...(options.maxIterations === undefined ? {} : { maxIterations: options.maxIterations }),
    ...(joined.clamped && { clamped: joined.clamped, clampWeight: options.labelled!.weight }),
  });
  const isWhole = stride === 1 && joined.clamped === undefined;
  const { responsibilities } = isWhole
    ? em
    : emSmooth(features, {
        bases: em.bases,
        numBases,
        prior: repeatPrior(probabilities, basesPerClass),
        beta,
        isShared,
        variances: em.variances,
        weights: em.weights,
        maxIterations: 0,
      });
  const labels = foldBases(responsibilities, basesPerClass);
  return {
    labels: { numRows: features.numRows, numClasses, data: labels },
    em,
    scale,
    features,
    isConstant,
    numUsed: part.numRows,
  };
}

/** q_nc = Σ r_nk over the bases k of class c. */
export function foldBases(responsibilities: Float32Array, perClass: number): Float32Array {
  if (perClass === 1) return responsibilities;
  const folded = new Float32Array(responsibilities.length / perClass);
  for (let i = 0; i < responsibilities.length; i++) folded[Math.floor(i / perClass)] += responsibilities[i];
  return folded;
}

/** A basis has an equal part of its class's probability. */
export function repeatPrior({ data }: Probabilities, perClass: number): Float32Array {
  if (perClass === 1) return data;
  const prior = new Float32Array(data.length * perClass);
  for (let i = 0; i < prior.length; i++) prior[i] = data[Math.floor(i / perClass)] / perClass;
  return prior;
}

function joinLabelled(
  features: Features,
  prior: Float32Array,
  { labelled, scale, numBases, basesPerClass }: SmoothOptions & { readonly scale: number; readonly numBases: number },
): { readonly features: Features; readonly prior: Float32Array; readonly clamped?: Int32Array } {
  // Several bases a class: which of them a labelled row belongs to is not known, so it is not held.
  if (labelled === undefined || basesPerClass !== 1 || labelled.weight === 0) return { features, prior };
  const rows = Array.from(labelled.labels.keys()).filter((n) => labelled.labels[n] >= 0);
  const { width } = features;
  const numRows = features.numRows + rows.length;
  const data = new Float32Array(numRows * width);
  data.set(features.data);
  const joinedPrior = new Float32Array(numRows * numBases).fill(1 / numBases);
  joinedPrior.set(prior);
  const clamped = new Int32Array(numRows).fill(-1);
  rows.forEach((n, i) => {
    const row = features.numRows + i;
    for (let a = 0; a < width; a++) data[row * width + a] = labelled.features.data[n * width + a] * scale;
    clamped[row] = labelled.labels[n];
  });
  return { features: { numRows, width, data }, prior: joinedPrior, clamped };
}

function everyRow(features: Features, stride: number): Features {
  if (stride === 1) return features;
  const { width, data } = features;
  const numRows = Math.ceil(features.numRows / stride);
  const taken = new Float32Array(numRows * width);
  for (let i = 0; i < numRows; i++) taken.set(data.subarray(i * stride * width, (i * stride + 1) * width), i * width);
  return { numRows, width, data: taken };
}

function everyProbability({ numRows, numClasses, data }: Probabilities, stride: number): Probabilities {
  const { data: taken, numRows: count } = everyRow({ numRows, width: numClasses, data }, stride);
  return { numRows: count, numClasses, data: taken };
}
