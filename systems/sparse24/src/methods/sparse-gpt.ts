/** SparseGPT for one matrix: columns from left to right, the error of each pruned weight spread over those to its right.
 *  H = (2/N) XᵀX; columns never seen get H_jj = 1 and weight 0; 1 % of the mean diagonal is added; U upper with H⁻¹ = UᵀU.
 *  At every fourth column the two smallest of w² / U_jj² among the next four (already compensated) are pruned.
 *  Source: Frantar and Alistarh 2023 (arXiv 2301.00774), algorithm 1.
 *  Differs: errors are spread at once instead of in blocks of 128 columns; the sums are the same. */
import { CODE_BITS, maskFromScores } from '../mask/mask24.ts';
import type { Mask24 } from '../types.ts';
import { cholesky, inverseFromCholesky, upperCholesky } from './cholesky.ts';
import type { Pace } from './pace.ts';

const DAMPING = 0.01;

export interface SparseGptResult {
  readonly mask: Mask24;
  /** The compensated weights, pruned ones at zero. */
  readonly updated: Float32Array;
}

/** @param inputs.gram  XᵀX [in, in] @param inputs.numTokens  rows of X.   Mutates: nothing. */
export async function sparseGpt(
  weights: Float32Array,
  shape: readonly [number, number],
  { gram, numTokens }: { readonly gram: Float64Array; readonly numTokens: number },
  pace: Pace,
): Promise<SparseGptResult> {
  const [rows, n] = shape;
  const upper = await inverseFactor(gram, n, numTokens, pace);
  const w = Float64Array.from(weights);
  for (let j = 0; j < n; j++) if (gram[j * n + j] === 0) for (let row = 0; row < rows; row++) w[row * n + j] = 0;
  const codes = new Uint8Array((rows * n) / 4);
  const scores = new Float64Array(4);
  for (let row = 0; row < rows; row++) {
    await pace((n * n) / 4);
    const at = row * n;
    for (let column = 0; column < n; column += 4) {
      for (let i = 0; i < 4; i++) scores[i] = (w[at + column + i]! / upper[(column + i) * n + column + i]!) ** 2;
      const code = maskFromScores([1, 4], scores).codes[0]!;
      codes[(at + column) / 4] = code;
      for (let i = 0; i < 4; i++) {
        if (CODE_BITS[code]! & (1 << i)) continue;
        const j = column + i;
        const error = w[at + j]! / upper[j * n + j]!;
        for (let k = j; k < n; k++) w[at + k] = w[at + k]! - error * upper[j * n + k]!;
        w[at + j] = 0;
      }
    }
  }
  return { mask: { shape, codes }, updated: Float32Array.from(w) };
}

/** U with (H + damping)⁻¹ = UᵀU; the damping is multiplied by ten until the factor exists. */
async function inverseFactor(gram: Float64Array, n: number, numTokens: number, pace: Pace): Promise<Float64Array> {
  for (let damping = DAMPING; ; damping *= 10) {
    const h = Float64Array.from(gram, (value) => (2 * value) / numTokens);
    let mean = 0;
    for (let j = 0; j < n; j++) {
      if (h[j * n + j] === 0) h[j * n + j] = 1;
      mean += h[j * n + j]! / n;
    }
    for (let j = 0; j < n; j++) h[j * n + j] = h[j * n + j]! + damping * mean;
    const lower = await cholesky(h, n, pace);
    const upper = lower && (await upperCholesky(await inverseFromCholesky(lower, n, pace), n, pace));
    if (upper !== undefined) return upper;
  }
}
