/** Expectation–maximisation over target features: each basis is a spherical Gaussian, each sample brings its own prior.
 *
 *  ℓ_nk = prior_nk − (d/2)·log(2πσ_k²) − ‖f_n − μ_k‖²/(2σ_k²),  r_nk = softmax_k ℓ_nk,  LL = Σ_n logsumexp_k ℓ_nk;
 *  prior_nk = β·log(p_nk + 1e-6) with given class probabilities p, or log π_k learned where β = 0.
 *  N_k = Σ_n r_nk,  μ_k = Σ_n r_nk f_n / N_k,  σ_k² = max(floor, Σ_n r_nk ‖f_n − μ_k‖² / (d·N_k)).
 *  The structure is the paper's (arXiv 2405.01175); this form is ours, chosen so that LL cannot fall. */
import { BLOCK_ROWS, createEmKernels, FIRST_FREE, MOST_BASES } from './em-kernels.ts';
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

const PROBABILITY_EPSILON = 1e-6;
/** How much LL may fall by rounding, relative. */
const LL_ROUNDING = 1e-9;
const LOG_TWO_PI = Math.log(2 * Math.PI);

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

interface EmState {
  readonly bases: Float64Array;
  readonly variances: Float64Array;
  readonly weights: Float64Array;
  readonly statistics: {
    readonly counts: Float64Array;
    readonly sums: Float64Array;
    readonly squareSums: Float64Array;
  };
}

function createState(width: number, { bases, numBases }: EmOptions): EmState {
  return {
    bases: Float64Array.from(bases),
    variances: new Float64Array(numBases),
    weights: new Float64Array(numBases).fill(1 / numBases),
    statistics: {
      counts: new Float64Array(numBases),
      sums: new Float64Array(numBases * width),
      squareSums: new Float64Array(numBases),
    },
  };
}

interface EmStep {
  /** @param responsibilities  [N, K] written if given.   Mutates: state.statistics.
   *  @returns LL of the state that it is given */
  step(state: EmState, responsibilities?: Float32Array): number;
  /** [N, …] log-likelihood of each row in the last step, nats. */
  readonly rowLikelihoods: Float64Array;
}

/** E-step fused with the sums that the M-step needs: one pass over the features. */
function createStep(problem: {
  readonly numRows: number;
  readonly width: number;
  readonly data: Float32Array;
  readonly numBases: number;
  readonly prior: ArrayLike<number> | undefined;
  readonly beta: number;
  readonly clamped: Int32Array | undefined;
  readonly clampWeight: number;
}): EmStep {
  const { numRows, width, data, numBases, prior, beta, clamped, clampWeight } = problem;
  const numBlocks = Math.ceil(numRows / BLOCK_ROWS);
  const paddedRows = numBlocks * BLOCK_ROWS;
  const paddedWidth = Math.ceil(width / 4) * 4;
  const hasPriors = prior !== undefined || clamped !== undefined;
  let end = FIRST_FREE;
  const reserve = (byteLength: number): number => {
    const offset = end;
    end += Math.ceil(byteLength / 64) * 64;
    return offset;
  };
  const at = {
    features: reserve(4 * paddedRows * paddedWidth),
    prior: reserve(8 * numBases * (hasPriors ? paddedRows : BLOCK_ROWS)),
    shares: reserve(8 * numBases * BLOCK_ROWS),
    halves: reserve(8 * paddedRows),
    weights: reserve(8 * paddedRows),
    likelihoods: reserve(8 * paddedRows),
    bases: reserve(8 * (numBases + MOST_BASES) * width),
    terms: reserve(32 * numBases),
    moments: reserve(32 * numBases),
    sums: reserve(16 * numBases * paddedWidth),
    settings: reserve(32),
    rows: reserve(4 * BLOCK_ROWS * paddedWidth),
  };
  const { buffer, run } = createEmKernels(end - FIRST_FREE);
  const doubles = (offset: number, length: number): Float64Array => new Float64Array(buffer, offset, length);
  const rows = new Float32Array(buffer, at.rows, BLOCK_ROWS * paddedWidth).fill(0);
  const shares = doubles(at.shares, numBases * BLOCK_ROWS);
  const rowWeights = doubles(at.weights, paddedRows).fill(0).fill(1, 0, numRows);
  const rowLikelihoods = doubles(at.likelihoods, paddedRows);
  const basesByColumn = doubles(at.bases, numBases * width);
  const terms = doubles(at.terms, 4 * numBases);
  const moments = doubles(at.moments, 4 * numBases);
  const sumsIn = doubles(at.sums, 2 * numBases * paddedWidth);
  const featureBytes = 4 * BLOCK_ROWS * paddedWidth;
  const columnBytes = 8 * BLOCK_ROWS;
  const shareBytes = columnBytes * numBases;
  const priorBytes = hasPriors ? shareBytes : 0;

  for (let block = 0; block < numBlocks; block++) {
    const first = block * BLOCK_ROWS;
    const last = Math.min(numRows, first + BLOCK_ROWS);
    if (last < first + BLOCK_ROWS) rows.fill(0);
    if (paddedWidth === width) rows.set(data.subarray(first * width, last * width));
    else for (let n = first; n < last; n++) rows.set(rowOf(data, n, width), (n - first) * paddedWidth);
    const f = at.features + block * featureBytes;
    run['transpose'](at.rows, 4 * paddedWidth, f);
    const halvesAt = at.halves + columnBytes * block;
    run['halves'](f, halvesAt, halvesAt + columnBytes, featureBytes);
  }
  const priors = doubles(at.prior, numBases * (hasPriors ? paddedRows : BLOCK_ROWS)).fill(prior === undefined ? 0 : 1);
  if (prior !== undefined) {
    for (let n = 0, from = 0; n < numRows; n++) {
      let to = placeOf(n, numBases);
      for (let k = 0; k < numBases; k++, from++, to += BLOCK_ROWS) priors[to] = prior[from];
    }
    doubles(at.settings, 4).set([PROBABILITY_EPSILON, PROBABILITY_EPSILON, beta, beta]);
    run['logs'](at.prior, at.prior + shareBytes * numBlocks, at.settings);
  }
  if (clamped !== undefined) {
    for (let n = 0; n < numRows; n++) {
      if (clamped[n] < 0) continue;
      const to = placeOf(n, numBases);
      for (let k = 0; k < numBases; k++) if (k !== clamped[n]) priors[to + k * BLOCK_ROWS] = NEVER;
      rowWeights[n] = clampWeight;
    }
  }
  /** The kernels for all bases, at most five at a time. */
  const groups = Array.from({ length: Math.ceil(numBases / MOST_BASES) }, (_, group) => {
    const [first, size] = [group * MOST_BASES, Math.min(MOST_BASES, numBases - group * MOST_BASES)];
    return { first, dots: run[`dots${size}`], sums: run[`sums${size}`] };
  });
  const { softmax } = run;

  const r = at.shares;
  const step = ({ bases, variances, weights, statistics }: EmState, responsibilities?: Float32Array): number => {
    for (let k = 0; k < numBases; k++) {
      let norm = 0;
      for (let a = 0; a < width; a++) {
        const value = bases[k * width + a];
        norm += value * value;
        basesByColumn[a * numBases + k] = value;
      }
      const scale = 1 / variances[k];
      let constant = -0.5 * width * (LOG_TWO_PI + Math.log(variances[k])) - 0.5 * norm * scale;
      if (prior === undefined) constant += Math.log(weights[k]);
      terms.fill(scale, 4 * k, 4 * k + 2).fill(constant, 4 * k + 2, 4 * k + 4);
    }
    moments.fill(0);
    sumsIn.fill(0);
    for (let block = 0; block < numBlocks; block++) {
      const f = at.features + block * featureBytes;
      const row = columnBytes * block;
      for (const { first, dots } of groups) {
        const out = r + columnBytes * first;
        dots(f, at.bases + 8 * first, out, out + columnBytes, 4 * BLOCK_ROWS * width, 8 * numBases);
      }
      const [priorAt, halves, weightsAt] = [at.prior + block * priorBytes, at.halves + row, at.weights + row];
      const termsEnd = at.terms + 32 * numBases;
      const likelihoodsAt = at.likelihoods + row;
      softmax(r, r + columnBytes, priorAt, at.terms, termsEnd, halves, weightsAt, likelihoodsAt, at.moments);
      if (responsibilities !== undefined) writeShares(responsibilities, block);
      for (const { first, sums } of groups)
        sums(f, f + featureBytes, r + columnBytes * first, at.sums + 16 * first, 16 * numBases);
    }
    const { counts, sums, squareSums } = statistics;
    for (let k = 0; k < numBases; k++) {
      counts[k] = moments[4 * k] + moments[4 * k + 1];
      squareSums[k] = 2 * (moments[4 * k + 2] + moments[4 * k + 3]);
      for (let a = 0; a < width; a++) {
        const from = 2 * (a * numBases + k);
        sums[k * width + a] = sumsIn[from] + sumsIn[from + 1];
      }
    }
    let total = 0;
    for (let n = 0; n < numRows; n++) total += rowWeights[n] * rowLikelihoods[n];
    return total;
  };
  /** Copies the shares of a block's rows, which the next block overwrites. */
  const writeShares = (responsibilities: Float32Array, block: number): void => {
    const first = block * BLOCK_ROWS;
    const last = Math.min(numRows, first + BLOCK_ROWS);
    for (let n = first; n < last; n++) {
      const to = n * numBases;
      for (let k = 0, from = n - first; k < numBases; k++, from += BLOCK_ROWS) responsibilities[to + k] = shares[from];
      if (clamped !== undefined && clamped[n] >= 0) responsibilities[to + clamped[n]] = 1;
    }
  };
  return { step, rowLikelihoods };
}

function rowOf(data: Float32Array, n: number, width: number): Float32Array {
  return data.subarray(n * width, (n + 1) * width);
}

/** Exponent of what a clamped row cannot be: its share comes out as nothing. */
const NEVER = -1e300;

/** Index of a row's first number in [block][basis][row]. */
function placeOf(n: number, numBases: number): number {
  const row = n & (BLOCK_ROWS - 1);
  return (n - row) * numBases + row;
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
