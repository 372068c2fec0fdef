/** The two regularisers of disks: normals that agree with the depth, and weights gathered at one depth a ray.
 *  L = w_n mean(1 − N · n(D / A) A) + w_d mean(A M₂ − M₁²), the coverage of the first held fixed.  Source: 2DGS (arXiv 2403.17888). */
import { createReals } from '../reals.ts';
import { SURFEL_CHANNELS } from '../splat/surfel-composite.ts';
import type { PinholeCamera, Reals } from '../types.ts';
import { depthGradientFromNormals, normalsFromDepth } from './depth-normals.ts';

const { normal: NORMAL, depth: DEPTH, mapped: MAPPED, mappedSquare: SQUARE, count: CHANNELS } = SURFEL_CHANNELS;
/** Pixels that are covered less than this have no depth. */
const MIN_COVERAGE = 0.05;

export interface SurfelLossWeights {
  readonly normal: number;
  readonly distortion: number;
}

/** @param extra  [H, W, 6] composited channels @param transmittance  [H, W]
 *  Mutates: extraGradient [H, W, 6] and alphaGradient [H, W], overwritten. @returns the loss */
export function writeSurfelLoss(
  camera: PinholeCamera,
  extra: Reals,
  transmittance: Reals,
  weights: SurfelLossWeights,
  extraGradient: Reals,
  alphaGradient: Reals,
): number {
  const numPixels = transmittance.length;
  extraGradient.fill(0);
  alphaGradient.fill(0);
  const depths = createReals(extra, numPixels);
  for (let p = 0; p < numPixels; p++) {
    const coverage = 1 - transmittance[p];
    depths[p] = coverage > MIN_COVERAGE ? extra[p * CHANNELS + DEPTH] / coverage : 0;
  }
  const normals = normalsFromDepth(camera, depths);
  const byNormals = createReals(extra, 3 * numPixels);
  const [normalShare, distortionShare] = [weights.normal / numPixels, weights.distortion / numPixels];
  let loss = 0;
  for (let p = 0; p < numPixels; p++) {
    const at = p * CHANNELS;
    const coverage = 1 - transmittance[p];
    let agreement = 0;
    for (let k = 0; k < 3; k++) {
      agreement += extra[at + NORMAL + k] * normals[3 * p + k] * coverage;
      extraGradient[at + NORMAL + k] = -normalShare * coverage * normals[3 * p + k];
      byNormals[3 * p + k] = -normalShare * coverage * extra[at + NORMAL + k];
    }
    const [first, second] = [extra[at + MAPPED], extra[at + SQUARE]];
    loss += normalShare * (1 - agreement) + distortionShare * (coverage * second - first * first);
    alphaGradient[p] = distortionShare * second;
    extraGradient[at + MAPPED] = -2 * distortionShare * first;
    extraGradient[at + SQUARE] = distortionShare * coverage;
  }
  const byDepth = depthGradientFromNormals(camera, depths, byNormals);
  for (let p = 0; p < numPixels; p++) {
    if (depths[p] === 0) continue;
    const coverage = 1 - transmittance[p];
    extraGradient[p * CHANNELS + DEPTH] = byDepth[p] / coverage;
    alphaGradient[p] -= (byDepth[p] * depths[p]) / coverage;
  }
  return loss;
}
