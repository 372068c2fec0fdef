/** One pass of EM over the features: responsibilities and likelihood of a state, and the sums that the next state needs. */
import { BLOCK_ROWS, createEmKernels, FIRST_FREE, MOST_BASES } from './em-kernels.ts';

const PROBABILITY_EPSILON = 1e-6;
const LOG_TWO_PI = Math.log(2 * Math.PI);
/** Exponent of what a clamped row cannot be: its share comes out as nothing. */
const NEVER = -1e300;

export interface EmState {
  readonly bases: Float64Array;
  readonly variances: Float64Array;
  readonly weights: Float64Array;
  readonly statistics: {
    readonly counts: Float64Array;
    readonly sums: Float64Array;
    readonly squareSums: Float64Array;
  };
}

/** Bases as given, variances to be set, equal weights. */
export function createState(
  width: number,
  { bases, numBases }: { readonly bases: ArrayLike<number>; readonly numBases: number },
): EmState {
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

export interface EmStep {
  /** @param responsibilities  [N, K] written if given.   Mutates: state.statistics.
   *  @returns LL of the state that it is given */
  step(state: EmState, responsibilities?: Float32Array): number;
  /** [N, …] log-likelihood of each row in the last step, nats. */
  readonly rowLikelihoods: Float64Array;
}

/** E-step fused with the sums that the M-step needs: one pass over the features. */
export function createStep(problem: {
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

/** Index of a row's first number in [block][basis][row]. */
function placeOf(n: number, numBases: number): number {
  const row = n & (BLOCK_ROWS - 1);
  return (n - row) * numBases + row;
}
