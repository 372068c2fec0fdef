/** One-shot scores. Larger is kept, two of four.
 *  Wanda: |W_ij| · ‖X_j‖₂ (Sun et al. 2023, arXiv 2306.11695).
 *  RIA: (|W_ij| / Σ_row + |W_ij| / Σ_column) · ‖X_j‖₂^½ (Zhang et al., ICLR 2024). */
import { maskFromScores } from '../mask/mask24.ts';
import type { Mask24 } from '../types.ts';

/** ‖X_j‖₂ from the diagonal of XᵀX. */
export function columnNorms(gram: Float64Array, n: number): Float64Array {
  return Float64Array.from({ length: n }, (_, j) => Math.sqrt(Math.max(0, gram[j * n + j]!)));
}

export function wandaMask(weights: Float32Array, shape: readonly [number, number], norms: Float64Array): Mask24 {
  const [rows, width] = shape;
  const scores = new Float64Array(weights.length);
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < width; j++) scores[row * width + j] = Math.abs(weights[row * width + j]!) * norms[j]!;
  }
  return maskFromScores(shape, scores);
}

export function riaMask(weights: Float32Array, shape: readonly [number, number], norms: Float64Array): Mask24 {
  const [rows, width] = shape;
  const rowSums = new Float64Array(rows);
  const columnSums = new Float64Array(width);
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < width; j++) {
      const size = Math.abs(weights[row * width + j]!);
      rowSums[row] = rowSums[row]! + size;
      columnSums[j] = columnSums[j]! + size;
    }
  }
  const scores = new Float64Array(weights.length);
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < width; j++) {
      const size = Math.abs(weights[row * width + j]!);
      const relative =
        (rowSums[row] === 0 ? 0 : size / rowSums[row]!) + (columnSums[j] === 0 ? 0 : size / columnSums[j]!);
      scores[row * width + j] = relative * Math.sqrt(norms[j]!);
    }
  }
  return maskFromScores(shape, scores);
}
