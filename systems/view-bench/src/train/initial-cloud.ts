/** The first cloud: one isotropic Gaussian a point, as large as its three nearest neighbours are far. */
import { createCloud } from '../cloud.ts';
import { logitFromProbability } from '../reals.ts';
import { SH_C0 } from '../splat/spherical-harmonics.ts';
import type { GaussianCloud, PointCloud } from '../types.ts';

const FIRST_OPACITY = 0.1;
const MIN_SQUARED_DISTANCE = 1e-7;
const NUM_NEIGHBOURS = 3;

/** @param scaleShare  size of a Gaussian by that distance. Cost: O(N · window) on average, neighbours searched along the longest axis. */
export function cloudFromPoints(points: PointCloud, shDegree: number, scaleShare = 1): GaussianCloud {
  const count = points.positions.length / 3;
  const cloud = createCloud(count, shDegree);
  const width = cloud.sh.length / Math.max(1, count);
  const squared = meanSquaredNeighbourDistances(points.positions);
  for (let i = 0; i < count; i++) {
    cloud.quats[4 * i] = 1;
    cloud.opacityLogits[i] = logitFromProbability(FIRST_OPACITY);
    const logScale = 0.5 * Math.log(Math.max(MIN_SQUARED_DISTANCE, squared[i])) + Math.log(scaleShare);
    for (let k = 0; k < 3; k++) {
      cloud.means[3 * i + k] = points.positions[3 * i + k];
      cloud.logScales[3 * i + k] = logScale;
      cloud.sh[i * width + k] = (points.colors[3 * i + k] / 255 - 0.5) / SH_C0;
    }
  }
  return cloud;
}

/** [N] mean of squared distances to the three nearest other points. */
function meanSquaredNeighbourDistances(positions: Float64Array): Float64Array {
  const count = positions.length / 3;
  const axis = longestAxis(positions);
  const order = Uint32Array.from({ length: count }, (_, i) => i).sort(
    (i, j) => positions[3 * i + axis] - positions[3 * j + axis],
  );
  const result = new Float64Array(count);
  for (let rank = 0; rank < count; rank++) {
    const i = order[rank];
    const best = [Infinity, Infinity, Infinity];
    for (const direction of [-1, 1]) {
      for (let other = rank + direction; other >= 0 && other < count; other += direction) {
        const j = order[other];
        if ((positions[3 * j + axis] - positions[3 * i + axis]) ** 2 > best[2]) break;
        let distance = 0;
        for (let k = 0; k < 3; k++) distance += (positions[3 * j + k] - positions[3 * i + k]) ** 2;
        if (distance >= best[2]) continue;
        best[2] = distance;
        best.sort((a, b) => a - b);
      }
    }
    const found = best.filter(Number.isFinite);
    result[i] = found.reduce((sum, value) => sum + value, 0) / Math.max(1, Math.min(NUM_NEIGHBOURS, found.length));
  }
  return result;
}

function longestAxis(positions: Float64Array): number {
  const spans = [0, 1, 2].map((axis) => {
    let [low, high] = [Infinity, -Infinity];
    for (let i = axis; i < positions.length; i += 3) {
      low = Math.min(low, positions[i]);
      high = Math.max(high, positions[i]);
    }
    return high - low;
  });
  return spans.indexOf(Math.max(...spans));
}
