/** The image loss (1 − λ) L1 + λ (1 − SSIM) over unmasked pixels, and the loss that the benchmark's code really uses. */
import type { Reals } from '../types.ts';
import { computeSsim } from './ssim.ts';

/** `correct` masks both terms; `euvs-released` has no gradient of L1, because the released code detaches it. */
export type LossProfile = 'correct' | 'euvs-released';

export interface ImageLoss {
  readonly value: number;
  /** [H, W, 3] */
  readonly gradient: Float32Array;
}

/** @param mask  [H, W] 1 = counts; absent: all
 *  @param ssimWeight  λ in 0..1
 *  Math (correct): L1 = Σ mask |d| / (3 Σ mask); masked pixels of the target are replaced by the render before SSIM, so they
 *  pass no gradient of their own, and the map is averaged over unmasked pixels.
 *  Math (euvs-released): λ (1 − mean SSIM(mask x, mask y) · mean mask) plus a constant.  Mutates: nothing. */
export function computeImageLoss(
  render: Reals,
  target: Float32Array,
  size: { readonly widthPx: number; readonly heightPx: number },
  {
    mask,
    ssimWeight,
    profile,
  }: { readonly mask?: Uint8Array | undefined; readonly ssimWeight: number; readonly profile: LossProfile },
): ImageLoss {
  const { widthPx, heightPx } = size;
  const length = target.length;
  const gradient = new Float32Array(length);
  let numOpen = 0;
  for (let p = 0; p < length / 3; p++) if (mask === undefined || mask[p] !== 0) numOpen++;
  if (numOpen === 0) return { value: 0, gradient };
  const isOpen = (k: number) => mask === undefined || mask[Math.floor(k / 3)] !== 0;
  const isReleased = profile === 'euvs-released';
  let l1 = 0;
  const l1Step = isReleased ? 0 : (1 - ssimWeight) / (3 * numOpen);
  for (let k = 0; k < length; k++) {
    if (!isOpen(k)) continue;
    const difference = render[k] - target[k];
    l1 += Math.abs(difference);
    gradient[k] = Math.sign(difference) * l1Step;
  }
  l1 /= 3 * numOpen;
  if (ssimWeight === 0) return { value: l1, gradient };
  let first: ArrayLike<number> = render;
  let second: ArrayLike<number> = target;
  if (mask) {
    first = isReleased ? Float64Array.from(render, (value, k) => (isOpen(k) ? value : 0)) : render;
    second = Float32Array.from(target, (value, k) => (isOpen(k) ? value : isReleased ? 0 : render[k]));
  }
  const ssim = computeSsim(first, second, widthPx, heightPx);
  const byMap = new Float64Array(length);
  const share = isReleased ? (3 * numOpen) / length : 1;
  const step = isReleased ? (-ssimWeight * share) / length : -ssimWeight / (3 * numOpen);
  let mean = 0;
  for (let k = 0; k < length; k++) {
    if (!isReleased && !isOpen(k)) continue;
    mean += ssim.map[k];
    byMap[k] = step;
  }
  mean /= isReleased ? length : 3 * numOpen;
  const ssimGradient = new Float32Array(length);
  ssim.gradient(byMap, ssimGradient);
  for (let k = 0; k < length; k++) if (isOpen(k)) gradient[k] += ssimGradient[k];
  return { value: (1 - ssimWeight) * l1 + ssimWeight * (1 - mean * share), gradient };
}
