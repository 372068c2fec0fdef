/** Columns with mean 0 and variance 1; constant columns become 0. Missing values become the mean. */
import type { Features } from '../types.ts';

/** x ↦ (x − mean) · scale, per column. */
export interface Scaling {
  readonly mean: Float32Array;
  readonly scale: Float32Array;
}

/** @returns a new array, and what was done to the columns */
export function standardise({ numRows, width, data }: Features): { features: Features; scaling: Scaling } {
  const scaled = new Float32Array(data.length);
  const scaling: Scaling = { mean: new Float32Array(width), scale: new Float32Array(width) };
  for (let a = 0; a < width; a++) {
    let sum = 0;
    let count = 0;
    for (let i = a; i < data.length; i += width) {
      if (Number.isNaN(data[i])) continue;
      sum += data[i];
      count++;
    }
    const mean = count === 0 ? 0 : sum / count;
    let squares = 0;
    for (let i = a; i < data.length; i += width) if (!Number.isNaN(data[i])) squares += (data[i] - mean) ** 2;
    const deviation = Math.sqrt(squares / Math.max(count, 1));
    const scale = deviation > 1e-12 * Math.abs(mean) && deviation > 0 ? 1 / deviation : 0;
    scaling.mean[a] = mean;
    scaling.scale[a] = scale;
    for (let i = a; i < data.length; i += width) scaled[i] = Number.isNaN(data[i]) ? 0 : (data[i] - mean) * scale;
  }
  return { features: { numRows, width, data: scaled }, scaling };
}
