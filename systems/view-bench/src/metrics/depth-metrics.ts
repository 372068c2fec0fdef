/** Depth scores over pixels whose true depth is known and below 300 m. */

export interface DepthScores {
  readonly absRel: number;
  readonly sqRel: number;
  readonly rmse: number;
  readonly rmseLog: number;
  /** Shares of pixels with max(d/g, g/d) below 1.25, 1.25², 1.25³. */
  readonly deltas: readonly [number, number, number];
}

const MAX_DEPTH_M = 300;
const LOG_OFFSET = 1e-6;

/** @param mask  [H, W] 0 = left out @returns null if no pixel is left */
export function computeDepthScores(depth: Float32Array, truth: Float32Array, mask?: Uint8Array): DepthScores | null {
  let [absRel, sqRel, squared, squaredLog, count] = [0, 0, 0, 0, 0];
  const hits = [0, 0, 0];
  for (let p = 0; p < truth.length; p++) {
    const [d, g] = [depth[p], truth[p]];
    if (!(g > 0) || g >= MAX_DEPTH_M || mask?.[p] === 0) continue;
    count++;
    absRel += Math.abs(d - g) / g;
    sqRel += (d - g) ** 2 / g;
    squared += (d - g) ** 2;
    squaredLog += (Math.log(Math.max(0, d) + LOG_OFFSET) - Math.log(g + LOG_OFFSET)) ** 2;
    const ratio = d > 0 ? Math.max(d / g, g / d) : Infinity;
    for (let k = 0; k < 3; k++) if (ratio < 1.25 ** (k + 1)) hits[k]++;
  }
  if (count === 0) return null;
  return {
    absRel: absRel / count,
    sqRel: sqRel / count,
    rmse: Math.sqrt(squared / count),
    rmseLog: Math.sqrt(squaredLog / count),
    deltas: [hits[0] / count, hits[1] / count, hits[2] / count],
  };
}
