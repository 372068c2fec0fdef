/** Expectation–maximisation over target features: each basis is a spherical Gaussian, each sample brings its own prior.
 *
 *  ℓ_nk = prior_nk − (d/2)·log(2πσ_k²) − ‖f_n − μ_k‖²/(2σ_k²),  r_nk = softmax_k ℓ_nk,  LL = Σ_n logsumexp_k ℓ_nk;
 *  prior_nk = β·log(p_nk + 1e-6) with given class probabilities p, or log π_k learned where β = 0.
 *  N_k = Σ_n r_nk,  μ_k = Σ_n r_nk f_n / N_k,  σ_k² = max(floor, Σ_n r_nk ‖f_n − μ_k‖² / (d·N_k)).
 *  The structure is the paper's (arXiv 2405.01175); this form is ours, chosen so that LL cannot fall. */
import { createState, createStep, type EmState } from './em-step.ts';
import { argmaxRow } from './selection.ts';
import { selfTrainError } from './self-train-errors.ts';
import type { Features } from './types.ts';

export interface EmOptions {
  /** [K, d] start of the bases. */
  readonly bases: ArrayLike<number>;
  readonly numBases: number;
  /** [N, K] class probabilities of the network; needed where β > 0. */
  readonly prior?: ArrayLike<number>;
  /** Weight of the prior, 0..1, default 0.5; 0 learns one weight per basis instead. */
  readonly beta?: number;
  /** One variance for all bases. Default true. */
  readonly isShared?: boolean;
  /** Default 15. */
  readonly maxIterations?: number;
  /** Stop when LL changes by less than this share. Default 1e-5. */
  readonly tolerance?: number;
  /** Least variance, default 1e-3 (features have unit variance). */
  readonly floor?: number;
  /** [K] start of the variances; default: one E-step's worth, from the nearest basis. */
  readonly variances?: ArrayLike<number>;
  /** [K] start of π where β = 0; default uniform. */
  readonly weights?: ArrayLike<number>;
  /** [N] basis that a labelled row is held to, −1 for free rows. */
  readonly clamped?: Int32Array;
  /** What a clamped row counts for beside a free one, default 1. */
  readonly clampWeight?: number;
}

export interface EmResult {
  /** [N, K], rows sum to one: of the final bases. */
  readonly responsibilities: Float32Array;
  /** [K, d] */
  readonly bases: Float64Array;
  /** [K] σ² */
  readonly variances: Float64Array;
  /** [K] π; stays uniform where β > 0. */
  readonly weights: Float64Array;
  /** LL of the start, then after each iteration; nats, summed over samples. */
  readonly logLikelihood: readonly number[];
  readonly isFloorReached: boolean;
  /** Bases that held less than one sample and were not moved. */
  readonly emptyBases: readonly number[];
  /** Bases that were moved before the first iteration because they held less than one sample. */
  readonly reseededBases: readonly number[];
}

/** How much LL may fall by rounding, relative. */
const LL_ROUNDING = 1e-9;

/** Fits the bases to the features and gives every sample its distribution over them.
 *  Cost: 2·N·K·d multiply-adds an iteration; in double precision by SIMD kernels. With maxIterations 0: one E-step.
 *  @throws TF-SELF-002 if sizes disagree, TF-SELF-007 if the likelihood falls though the floor does not bind */
export function emSmooth({ numRows, width, data }: Features, options: EmOptions): EmResult {
  const { numBases, beta = 0.5, isShared = true, maxIterations = 15, tolerance = 1e-5, floor = 1e-3 } = options;
  assertSizes(numRows, width, options, beta);
  const state = createState(width, options);
  const { bases, variances, weights, statistics } = state;
  const prior = beta === 0 ? undefined : options.prior!;
  const responsibilities = new Float32Array(numRows * numBases);
  const { clamped, clampWeight = 1 } = options;
  const rows = { clamped, clampWeight };
  const problem = { numRows, width, data, numBases, prior, beta, ...rows };
  const { step, rowLikelihoods } = createStep(problem);

  if (options.variances === undefined) {
    const start = startVariance(data, numRows, width, bases, numBases);
    variances.fill(Math.max(floor, start));
  } else for (let k = 0; k < numBases; k++) variances[k] = Math.max(floor, options.variances[k]);

  if (options.weights !== undefined) weights.set(Array.from(options.weights));
  const numClamped = clamped?.reduce((count, held) => count + Number(held >= 0), 0) ?? 0;
  const mass = numRows - numClamped + clampWeight * numClamped;

  let isWritten = maxIterations === 0;
  let start = step(state, isWritten ? responsibilities : undefined);
  const reseeded = maxIterations > 0 ? reseedEmpty(state, rowLikelihoods, { numRows, width, data }, options) : [];
  if (reseeded.length > 0) start = step(state);
  const logLikelihood = [start];
  let isFloorReached = false;
  const emptyBases = new Set<number>();
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    const { counts, sums, squareSums } = statistics;
    let pooled = 0;
    for (let k = 0; k < numBases; k++) {
      if (beta === 0) weights[k] = Math.max(counts[k], Number.MIN_VALUE) / mass;
      if (counts[k] < 1) {
        emptyBases.add(k);
        // A basis without samples stays; its variance keeps the old statistics out of the pooled sum.
        if (isShared) pooled += scatterAbout(bases, k, width, sums, squareSums[k], counts[k]);
        continue;
      }
      emptyBases.delete(k);
      let norm = 0;
      for (let a = 0; a < width; a++) {
        const mean = sums[k * width + a] / counts[k];
        bases[k * width + a] = mean;
        norm += mean * mean;
      }
      const scatter = Math.max(0, squareSums[k] - counts[k] * norm);
      pooled += scatter;
      if (!isShared) {
        variances[k] = scatter / (width * counts[k]);
        if (variances[k] <= floor) [variances[k], isFloorReached] = [floor, true];
      }
    }
    if (isShared) {
      const shared = pooled / (width * mass);
      if (shared <= floor) isFloorReached = true;
      variances.fill(Math.max(floor, shared));
    }
    const previous = logLikelihood.at(-1)!;
    isWritten = iteration === maxIterations - 1;
    const next = step(state, isWritten ? responsibilities : undefined);
    if (next < previous - LL_ROUNDING * Math.abs(previous) && !isFloorReached) {
      throw selfTrainError('TF-SELF-007', {
        subject: 'emSmooth',
        expected: `a log-likelihood of at least ${previous}`,
        actual: `${next}`,
        location: `iteration ${iteration + 1}`,
      });
    }
    logLikelihood.push(next);
    if (Math.abs(next - previous) < tolerance * Math.abs(previous)) break;
  }
  if (!isWritten) step(state, responsibilities);
  return {
    responsibilities,
    bases,
    variances,
    weights,
    logLikelihood,
    isFloorReached,
    emptyBases: [...emptyBases].sort((a, b) => a - b),
    reseededBases: reseeded,
  };
}

/** Before the first iteration: a basis that holds less than one sample moves to the least likely row that the prior
 *  gives to it; without such a row it stays.  Mutates: state.bases. @returns the moved bases */
function reseedEmpty(
  { bases, statistics }: EmState,
  rowLikelihoods: Float64Array,
  features: Features,
  options: EmOptions,
): number[] {
  const { numBases, prior, clamped } = options;
  const moved: number[] = [];
  if (prior === undefined) return moved;
  for (let k = 0; k < numBases; k++) {
    if (statistics.counts[k] >= 1) continue;
    let least = -1;
    for (let n = 0; n < features.numRows; n++) {
      if ((clamped?.[n] ?? -1) >= 0 || argmaxRow(prior, n, numBases) !== k) continue;
      if (least < 0 || rowLikelihoods[n] < rowLikelihoods[least]) least = n;
    }
    if (least < 0) continue;
    for (let a = 0; a < features.width; a++) bases[k * features.width + a] = features.data[least * features.width + a];
    moved.push(k);
  }
  return moved;
}

/** Σ r ‖f − μ_k‖² from sums about the origin. */
function scatterAbout(
  bases: Float64Array,
  k: number,
  width: number,
  sums: Float64Array,
  squareSum: number,
  count: number,
): number {
  let cross = 0;
  let norm = 0;
  for (let a = k * width; a < (k + 1) * width; a++) {
    cross += bases[a] * sums[a];
    norm += bases[a] * bases[a];
  }
  return Math.max(0, squareSum - 2 * cross + count * norm);
}

/** Mean squared distance to the nearest basis, per dimension. */
function startVariance(
  data: Float32Array,
  numRows: number,
  width: number,
  bases: Float64Array,
  numBases: number,
): number {
  let total = 0;
  for (let n = 0; n < numRows; n++) {
    let least = Infinity;
    for (let k = 0; k < numBases; k++) {
      let square = 0;
      for (let a = 0; a < width; a++) square += (data[n * width + a] - bases[k * width + a]) ** 2;
      if (square < least) least = square;
    }
    total += least;
  }
  return total / (numRows * width);
}

function assertSizes(numRows: number, width: number, options: EmOptions, beta: number): void {
  const fail = (expected: string, actual: string) =>
    selfTrainError('TF-SELF-002', { subject: 'emSmooth', expected, actual });
  if (options.bases.length !== options.numBases * width) {
    throw fail(`${options.numBases} bases of width ${width}`, `${options.bases.length} numbers`);
  }
  if (beta > 0 && options.prior?.length !== numRows * options.numBases) {
    throw fail(
      `a prior of ${numRows} × ${options.numBases} probabilities where beta > 0`,
      `${options.prior?.length ?? 0} numbers`,
    );
  }
}
