/** Depth hypotheses chosen for all pixels together: semi-global matching. A hypothesis costs one less its correlation, a step to the next one
 *  between neighbouring pixels little, a jump more, and less where the photograph has an edge; costs are summed along eight paths through the
 *  image (H. Hirschmüller, "Stereo processing by semiglobal matching and mutual information", 2008). */

/** From a pixel to the next one on the path. */
const PATHS = [
  [1, 0],
  [-1, 0],
  [0, 1],
  [0, -1],
  [1, 1],
  [-1, -1],
  [1, -1],
  [-1, 1],
] as const;
/** Of a change by one hypothesis. */
const STEP_COST = 0.15;
/** Of a larger change, where both pixels are equally grey; falls with their difference, never below that of a step and a half. */
const JUMP_COST = 1.5;
const EDGE_FALL = 10;
const LEAST_JUMP_COST = 1.5 * STEP_COST;
/** Of a hypothesis that no window with texture judges. */
const UNKNOWN_COST = 0.6;
/** What the nearest hypothesis costs more than the farthest: without texture far is likelier than near. */
const NEAR_COST = 0.1;

/** @param scores  K times [H, W] correlation, −1 where unknown @param grey  [H, W] 0..1
 *  @returns [H, W] index of the chosen hypothesis, with the fraction of the parabola through the summed costs. Cost: O(8 · pixels · hypotheses). Mutates: nothing. */
export function chooseHypotheses(
  scores: readonly Float32Array[],
  grey: Float32Array,
  widthPx: number,
  heightPx: number,
): Float32Array {
  const K = scores.length;
  const last = Math.max(1, K - 1);
  const numPixels = widthPx * heightPx;
  const cost = new Float32Array(numPixels * K);
  scores.forEach((score, k) => {
    const near = NEAR_COST * (1 - k / last);
    for (let p = 0; p < numPixels; p++) cost[p * K + k] = (score[p] === -1 ? UNKNOWN_COST : 1 - score[p]) + near;
  });
  const total = new Float32Array(numPixels * K);
  const path = new Float32Array(numPixels * K);
  for (const [dx, dy] of PATHS) addPath(cost, grey, [widthPx, heightPx, K], [dx, dy], path, total);
  const chosen = new Float32Array(numPixels);
  for (let p = 0; p < numPixels; p++) {
    const base = p * K;
    let best = 0;
    for (let k = 1; k < K; k++) if (total[base + k] < total[base + best]) best = k;
    chosen[p] = best;
    if (best === 0 || best === K - 1) continue;
    const [before, here, after] = [total[base + best - 1], total[base + best], total[base + best + 1]];
    const bend = before - 2 * here + after;
    if (bend > 0) chosen[p] += (0.5 * (before - after)) / bend;
  }
  return chosen;
}

/** Mutates: path (scratch) and total. */
function addPath(
  cost: Float32Array,
  grey: Float32Array,
  [width, height, K]: readonly [number, number, number],
  [dx, dy]: readonly [number, number],
  path: Float32Array,
  total: Float32Array,
): void {
  const lowest = new Float32Array(width * height);
  for (let row = 0; row < height; row++) {
    const y = dy >= 0 ? row : height - 1 - row;
    for (let column = 0; column < width; column++) {
      const x = dx >= 0 ? column : width - 1 - column;
      const p = y * width + x;
      const base = p * K;
      const [fromX, fromY] = [x - dx, y - dy];
      let least = Infinity;
      if (fromX < 0 || fromY < 0 || fromX >= width || fromY >= height) {
        for (let k = 0; k < K; k++) {
          const value = (path[base + k] = cost[base + k]);
          if (value < least) least = value;
        }
      } else {
        const from = fromY * width + fromX;
        const before = from * K;
        const low = lowest[from];
        const jump = low + Math.max(LEAST_JUMP_COST, JUMP_COST / (1 + EDGE_FALL * Math.abs(grey[p] - grey[from])));
        for (let k = 0; k < K; k++) {
          let reached = path[before + k];
          if (k > 0 && path[before + k - 1] + STEP_COST < reached) reached = path[before + k - 1] + STEP_COST;
          if (k < K - 1 && path[before + k + 1] + STEP_COST < reached) reached = path[before + k + 1] + STEP_COST;
          if (jump < reached) reached = jump;
          const value = (path[base + k] = cost[base + k] + reached - low);
          if (value < least) least = value;
        }
      }
      lowest[p] = least;
      for (let k = base; k < base + K; k++) total[k] += path[k];
    }
  }
}
