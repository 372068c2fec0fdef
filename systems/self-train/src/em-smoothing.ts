/** Expectation–maximisation over target features: each basis is a spherical Gaussian, each sample brings its own prior.
 *
 *  ℓ_nk = prior_nk − (d/2)·log(2πσ_k²) − ‖f_n − μ_k‖²/(2σ_k²),  r_nk = softmax_k ℓ_nk,  LL = Σ_n logsumexp_k ℓ_nk;
 *  prior_nk = β·log(p_nk + 1e-6) with given class probabilities p, or log π_k learned where β = 0.
 *  N_k = Σ_n r_nk,  μ_k = Σ_n r_nk f_n / N_k,  σ_k² = max(floor, Σ_n r_nk ‖f_n − μ_k‖² / (d·N_k)).
 *  The structure is the paper's (arXiv 2405.01175); this form is ours, chosen so that LL cannot fall. */
import { createEmKernels, MOST_BASES, MOST_PAIRS } from './em-kernels.ts';
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
  const state = createState(numRows, width, options);
  const { bases, variances, weights, statistics } = state;
  const logPrior = beta === 0 ? undefined : logPriors(options.prior!, beta);
  const responsibilities = new Float32Array(numRows * numBases);
  const { clamped, clampWeight = 1 } = options;
  const rows = { clamped, clampWeight };
  const problem = { numRows, width, data, numBases, logPrior, responsibilities, ...rows };
  const { step, writeResponsibilities } = createStep(problem);

  if (options.variances === undefined) {
    const start = startVariance(data, numRows, width, bases, numBases);
    variances.fill(Math.max(floor, start));
  } else for (let k = 0; k < numBases; k++) variances[k] = Math.max(floor, options.variances[k]);

  if (options.weights !== undefined) weights.set(Array.from(options.weights));
  const numClamped = clamped?.reduce((count, held) => count + Number(held >= 0), 0) ?? 0;
  const mass = numRows - numClamped + clampWeight * numClamped;

  let start = step(state);
  const reseeded = maxIterations > 0 ? reseedEmpty(state, { numRows, width, data }, options) : [];
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
    const next = step(state);
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
  writeResponsibilities();
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
function reseedEmpty({ bases, rowLikelihoods, statistics }: EmState, features: Features, options: EmOptions): number[] {
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
  /** [N] log-likelihood of each row, nats. */
  readonly rowLikelihoods: Float64Array;
  readonly statistics: {
    readonly counts: Float64Array;
    readonly sums: Float64Array;
    readonly squareSums: Float64Array;
  };
}

function createState(numRows: number, width: number, { bases, numBases }: EmOptions): EmState {
  return {
    bases: Float64Array.from(bases),
    variances: new Float64Array(numBases),
    weights: new Float64Array(numBases).fill(1 / numBases),
    rowLikelihoods: new Float64Array(numRows),
    statistics: {
      counts: new Float64Array(numBases),
      sums: new Float64Array(numBases * width),
      squareSums: new Float64Array(numBases),
    },
  };
}

/** Rows of a block: its features and responsibilities stay in the cache between the kernels. */
const BLOCK_ROWS = 64;

/** E-step fused with the sums that the M-step needs: one pass over the features. @returns step(state) → LL */
function createStep(problem: {
  readonly numRows: number;
  readonly width: number;
  readonly data: Float32Array;
  readonly numBases: number;
  readonly logPrior: Float64Array | undefined;
  readonly responsibilities: Float32Array;
  readonly clamped: Int32Array | undefined;
  readonly clampWeight: number;
}): { step: (state: EmState) => number; writeResponsibilities: () => void } {
  const { numRows, width, data, numBases, logPrior, responsibilities, clamped, clampWeight } = problem;
  const numPairs = (numBases + 1) >> 1;
  const padded = 2 * numPairs;
  const paddedRows = numRows + (numRows & 1);
  const paddedWidth = Math.ceil(width / 4) * 4;
  let end = 0;
  const reserve = (byteLength: number): number => {
    const offset = end;
    end += Math.ceil(byteLength / 16) * 16;
    return offset;
  };
  const at = {
    features: reserve(4 * paddedRows * paddedWidth),
    prior: reserve(8 * padded * (logPrior === undefined ? 1 : paddedRows)),
    rows: reserve(8 * padded * paddedRows),
    stats: reserve(16 * (paddedRows + 1)), // the last sum is written with a neighbour
    halves: reserve(8 * paddedRows),
    bases: reserve(8 * padded * width),
    constants: reserve(8 * padded),
    scales: reserve(8 * padded),
    counts: reserve(8 * padded),
    squareSums: reserve(8 * padded),
    sums: reserve(8 * padded * paddedWidth),
  };
  const { buffer, run } = createEmKernels(end);
  const doubles = (offset: number, length: number): Float64Array => new Float64Array(buffer, offset, length);
  const floats = new Float32Array(buffer, at.features, paddedRows * paddedWidth);
  const rows = doubles(at.rows, padded * paddedRows);
  const stats = doubles(at.stats, 2 * paddedRows);
  const halves = doubles(at.halves, paddedRows);
  const prior = doubles(at.prior, padded * (logPrior === undefined ? 1 : paddedRows));
  const basesByColumn = doubles(at.bases, padded * width);
  const constants = doubles(at.constants, padded).fill(-Infinity);
  const scales = doubles(at.scales, padded);
  const countsIn = doubles(at.counts, padded);
  const squaresIn = doubles(at.squareSums, padded);
  const sumsIn = doubles(at.sums, padded * paddedWidth);
  if (paddedWidth === width) floats.set(data.subarray(0, numRows * width));
  else for (let n = 0; n < numRows; n++) floats.set(data.subarray(n * width, (n + 1) * width), n * paddedWidth);
  for (let n = 0; n < numRows; n++) {
    let square = 0;
    for (let a = n * width; a < (n + 1) * width; a++) square += data[a] * data[a];
    halves[n] = 0.5 * square;
    if (logPrior !== undefined) for (let k = 0; k < numBases; k++) prior[n * padded + k] = logPrior[n * numBases + k];
  }
  const outBytes = 8 * padded;
  const rowBytes = 4 * paddedWidth;
  const priorBytes = logPrior === undefined ? 0 : outBytes;

  const step = ({ bases, variances, weights, rowLikelihoods, statistics }: EmState): number => {
    for (let k = 0; k < numBases; k++) {
      let norm = 0;
      for (let a = 0; a < width; a++) {
        const value = bases[k * width + a];
        norm += value * value;
        basesByColumn[a * padded + k] = value;
      }
      scales[k] = 1 / variances[k];
      constants[k] = -0.5 * width * (LOG_TWO_PI + Math.log(variances[k])) - 0.5 * norm * scales[k];
      if (logPrior === undefined) constants[k] += Math.log(weights[k]);
    }
    for (const sum of [countsIn, squaresIn, sumsIn]) sum.fill(0);
    let total = 0;
    for (let first = 0; first < numRows; first += BLOCK_ROWS) {
      const last = Math.min(numRows, first + BLOCK_ROWS);
      const [r, rEnd] = [at.rows + first * outBytes, at.rows + last * outBytes];
      const f = at.features + first * rowBytes;
      for (let pair = 0; pair < numPairs; pair += MOST_PAIRS) {
        const [columns, numColumns] = [16 * pair, Math.min(MOST_PAIRS, numPairs - pair)];
        run[`dots${numColumns}`](f, at.bases + columns, r + columns, rEnd + columns, 4 * width, rowBytes, outBytes);
      }
      if (clamped !== undefined) {
        for (let n = first; n < last; n++) {
          const held = clamped[n];
          if (held < 0) continue;
          const value = constants[held] + scales[held] * (rows[n * padded + held] - halves[n]);
          rowLikelihoods[n] = value + (logPrior === undefined ? 0 : prior[n * padded + held]);
        }
      }
      const priorAt = at.prior + first * priorBytes;
      const halvesAt = at.halves + 8 * first;
      const statsAt = at.stats + 16 * first;
      run['softmax'](r, rEnd, priorAt, priorBytes, at.constants, at.scales, halvesAt, outBytes, statsAt);
      for (let n = first; n < last; n++) {
        const held = clamped === undefined ? -1 : clamped[n];
        if (held >= 0) {
          total += clampWeight * rowLikelihoods[n];
          rows.fill(0, n * padded, (n + 1) * padded);
          rows[n * padded + held] = clampWeight;
        } else total += rowLikelihoods[n] = stats[2 * n] + Math.log(stats[2 * n + 1]);
      }
      run['moments'](r, rEnd, halvesAt, at.counts, at.squareSums, outBytes);
      for (let k = 0; k < numBases; k += MOST_BASES) {
        const kernel = run[`sums${Math.min(MOST_BASES, numBases - k)}`];
        for (let a = 0; a < paddedWidth; a += 4) {
          const sumsAt = at.sums + 8 * (k * paddedWidth + a);
          kernel(f + 4 * a, r + 8 * k, rEnd + 8 * k, sumsAt, outBytes, rowBytes, 8 * paddedWidth);
        }
      }
    }
    const { counts, sums, squareSums } = statistics;
    for (let k = 0; k < numBases; k++) {
      counts[k] = countsIn[k];
      squareSums[k] = 2 * squaresIn[k];
      for (let a = 0; a < width; a++) sums[k * width + a] = sumsIn[k * paddedWidth + a];
    }
    return total;
  };
  const writeResponsibilities = (): void => {
    for (let n = 0; n < numRows; n++) {
      for (let k = 0; k < numBases; k++) responsibilities[n * numBases + k] = rows[n * padded + k];
      if (clamped !== undefined && clamped[n] >= 0) responsibilities[n * numBases + clamped[n]] = 1;
    }
  };
  return { step, writeResponsibilities };
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

function logPriors(prior: ArrayLike<number>, beta: number): Float64Array {
  const logs = new Float64Array(prior.length);
  for (let i = 0; i < logs.length; i++) logs[i] = beta * Math.log(prior[i] + PROBABILITY_EPSILON);
  return logs;
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
