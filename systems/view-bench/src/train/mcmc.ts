/** Splats as samples: dead Gaussians move to living ones, the number grows slowly, and means are shaken by noise.
 *  Source: Kheradmand et al. 2024, 3DGS as Markov chain Monte Carlo (arXiv 2404.09591), equations 8-9. */
import type { Rng } from '@tenfold/core/base';
import { createCloud, rowWidths } from '../cloud.ts';
import { rotationFromQuaternion } from '../camera.ts';
import { logitFromProbability, sigmoid } from '../reals.ts';
import type { CloudGradients, GaussianCloud } from '../types.ts';
import { PARAMETER_KINDS } from '../types.ts';

const DEAD_OPACITY = 0.005;
const NOISE_SCALE = 5e5;
const NOISE_STEEPNESS = 100;
/** Weight of mean opacity and of mean scale. */
export const REGULARISER = 0.01;
const MAX_COPIES = 51;

/** Adds the gradients of 0.01 · mean opacity and 0.01 · mean scale to rows [start, end). Mutates: gradients. */
export function addMcmcRegularisers(
  cloud: GaussianCloud,
  gradients: CloudGradients,
  start = 0,
  end = cloud.count,
): void {
  const { count, opacityLogits, logScales } = cloud;
  for (let i = start; i < end; i++) {
    const opacity = sigmoid(opacityLogits[i]);
    gradients.opacityLogits[i] += (REGULARISER * opacity * (1 - opacity)) / count;
  }
  for (let k = 3 * start; k < 3 * end; k++)
    gradients.logScales[k] += (REGULARISER * Math.exp(logScales[k])) / (3 * count);
}

/** m += Σ η · σ(−100 (o − 0.005)) · rate · 5e5, η standard normal. Mutates: cloud. */
export function addMcmcNoise(cloud: GaussianCloud, meansRate: number, rng: Rng): void {
  const { count, means, quats, logScales, opacityLogits } = cloud;
  for (let i = 0; i < count; i++) {
    const noise = [rng.normal(), rng.normal(), rng.normal()];
    const gate = sigmoid(-NOISE_STEEPNESS * (sigmoid(opacityLogits[i]) - DEAD_OPACITY));
    if (gate < 1e-12) continue;
    const Q = rotationFromQuaternion([...quats.subarray(4 * i, 4 * i + 4)]);
    const local = [0, 1, 2].map(
      (k) => Math.exp(2 * logScales[3 * i + k]) * (Q[k] * noise[0]! + Q[3 + k] * noise[1]! + Q[6 + k] * noise[2]!),
    );
    for (let k = 0; k < 3; k++) {
      const shift = Q[3 * k] * local[0]! + Q[3 * k + 1] * local[1]! + Q[3 * k + 2] * local[2]!;
      means[3 * i + k] += shift * gate * meansRate * NOISE_SCALE;
    }
  }
}

/** Moves dead rows onto living ones drawn by opacity, and shares the opacity. @returns rows that moved or shared. Mutates: cloud. */
export function relocateDead(cloud: GaussianCloud, rng: Rng): readonly number[] {
  const opacities = Float64Array.from(cloud.opacityLogits, sigmoid);
  const dead: number[] = [];
  opacities.forEach((opacity, i) => opacity <= DEAD_OPACITY && dead.push(i));
  for (const i of dead) opacities[i] = 0;
  if (dead.length === 0 || dead.length === cloud.count) return [];
  const targets = drawByWeight(opacities, dead.length, rng);
  shareOpacity(cloud, targets);
  const widths = rowWidths(cloud.shDegree);
  dead.forEach((row, k) => {
    for (const kind of PARAMETER_KINDS) {
      const width = widths[kind];
      cloud[kind].copyWithin(row * width, targets[k]! * width, (targets[k]! + 1) * width);
    }
  });
  return [...dead, ...new Set(targets)];
}

/** Adds copies of rows drawn by opacity until `count` rows stand. Mutates: the opacity and scale of drawn rows. */
export function growCloud(
  cloud: GaussianCloud,
  count: number,
  rng: Rng,
): { readonly cloud: GaussianCloud; readonly sources: Int32Array } {
  const numNew = Math.max(0, count - cloud.count);
  const sources = Int32Array.from({ length: cloud.count + numNew }, (_, r) => (r < cloud.count ? r : -1));
  if (numNew === 0) return { cloud, sources };
  const targets = drawByWeight(Float64Array.from(cloud.opacityLogits, sigmoid), numNew, rng);
  shareOpacity(cloud, targets);
  const grown = createCloud(cloud.count + numNew, cloud.shDegree, cloud.means);
  const widths = rowWidths(cloud.shDegree);
  for (const kind of PARAMETER_KINDS) {
    const width = widths[kind];
    grown[kind].set(cloud[kind]);
    targets.forEach((target, k) =>
      grown[kind].set(cloud[kind].subarray(target * width, (target + 1) * width), (cloud.count + k) * width),
    );
  }
  return { cloud: grown, sources };
}

/** Opacity and scale factor of each of n equal copies that together look like the one.
 *  Math: o' = 1 − (1 − o)^(1/n); factor = o / Σ_{i=1..n} Σ_{k<i} C(i−1, k) (−1)^k o'^{k+1} / √(k+1). */
export function splitOpacity(opacity: number, copies: number): { readonly opacity: number; readonly factor: number } {
  const n = Math.min(copies, MAX_COPIES);
  const part = 1 - (1 - opacity) ** (1 / n);
  let denominator = 0;
  for (let i = 1; i <= n; i++) {
    let choose = 1;
    for (let k = 0; k < i; k++) {
      denominator += (choose * (k % 2 === 0 ? 1 : -1) * part ** (k + 1)) / Math.sqrt(k + 1);
      choose = (choose * (i - 1 - k)) / (k + 1);
    }
  }
  return { opacity: part, factor: opacity / denominator };
}

function shareOpacity(cloud: GaussianCloud, targets: readonly number[]): void {
  const copies = new Map<number, number>();
  for (const target of targets) copies.set(target, (copies.get(target) ?? 1) + 1);
  for (const [row, number] of copies) {
    const { opacity, factor } = splitOpacity(sigmoid(cloud.opacityLogits[row]), number);
    cloud.opacityLogits[row] = logitFromProbability(Math.max(DEAD_OPACITY, opacity));
    for (let k = 0; k < 3; k++) cloud.logScales[3 * row + k] += Math.log(factor);
  }
}

function drawByWeight(weights: Float64Array, numDraws: number, rng: Rng): number[] {
  const cumulative = new Float64Array(weights.length);
  let total = 0;
  weights.forEach((weight, i) => (cumulative[i] = total += weight));
  return Array.from({ length: numDraws }, () => {
    const wanted = rng.uniform() * total;
    let [low, high] = [0, weights.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cumulative[middle] > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  });
}
