/** The image loss (1 − λ) L1 + λ (1 − SSIM) over unmasked pixels, and the loss that the benchmark's code really uses. */
import type { Reals } from '../types.ts';
import { computeSsim, SSIM_RADIUS } from './ssim.ts';

/** `correct` masks both terms; `euvs-released` has no gradient of L1, because the released code detaches it. */
export type LossProfile = 'correct' | 'euvs-released';

export interface ImageLoss {
  readonly value: number;
  /** [H, W, 3] */
  readonly gradient: Float32Array;
}

export interface ImageSize {
  readonly widthPx: number;
  readonly heightPx: number;
}

export interface LossOptions {
  /** [H, W] 1 = counts; absent: all */
  readonly mask?: Uint8Array | undefined;
  /** λ in 0..1 */
  readonly ssimWeight: number;
  readonly profile: LossProfile;
}

/** Math (correct): L1 = Σ mask |d| / (3 Σ mask); masked pixels of the target are replaced by the render before SSIM, so they
 *  pass no gradient of their own, and the map is averaged over unmasked pixels.
 *  Math (euvs-released): λ (1 − mean SSIM(mask x, mask y) · mean mask) plus a constant.  Mutates: nothing. */
export function computeImageLoss(
  render: Reals,
  target: Float32Array,
  size: ImageSize,
  options: LossOptions,
): ImageLoss {
  const gradient = new Float32Array(target.length);
  const value = writeImageLossRows(
    render,
    target,
    size,
    options,
    countOpen(options.mask, target.length / 3),
    0,
    size.heightPx,
    gradient,
  );
  return { value, gradient };
}

export function countOpen(mask: Uint8Array | undefined, numPixels: number): number {
  if (mask === undefined) return numPixels;
  let count = 0;
  for (let p = 0; p < numPixels; p++) if (mask[p] !== 0) count++;
  return count;
}

/** The share of rows [start, end) in the loss, and the gradient there. Bands of rows add up to the whole image to rounding.
 *  @param numOpen  unmasked pixels of the whole image. Mutates: these rows of `gradient`. */
export function writeImageLossRows(
  render: Reals,
  target: Float32Array,
  { widthPx, heightPx }: ImageSize,
  { mask, ssimWeight, profile }: LossOptions,
  numOpen: number,
  start: number,
  end: number,
  gradient: Float32Array,
): number {
  const rowLength = 3 * widthPx;
  const isReleased = profile === 'euvs-released';
  gradient.fill(0, start * rowLength, end * rowLength);
  if (numOpen === 0) return 0;
  let l1 = 0;
  const l1Step = isReleased ? 0 : (1 - ssimWeight) / (3 * numOpen);
  for (let p = start * widthPx; p < end * widthPx; p++) {
    if (mask !== undefined && mask[p] === 0) continue;
    for (let k = 3 * p; k < 3 * p + 3; k++) {
      const difference = render[k] - target[k];
      l1 += Math.abs(difference);
      gradient[k] = difference > 0 ? l1Step : difference < 0 ? -l1Step : 0;
    }
  }
  l1 /= 3 * numOpen;
  if (ssimWeight === 0) return l1;
  // The gradient of a row needs the map of 5 rows around it, and these need 5 more.
  const from = Math.max(0, start - 2 * SSIM_RADIUS);
  const to = Math.min(heightPx, end + 2 * SSIM_RADIUS);
  const first = Float64Array.from(render.subarray(from * rowLength, to * rowLength));
  const second = Float64Array.from(target.subarray(from * rowLength, to * rowLength));
  if (mask) {
    for (let p = 0; p < first.length / 3; p++) {
      if (mask[from * widthPx + p] !== 0) continue;
      for (let k = 3 * p; k < 3 * p + 3; k++) {
        if (isReleased) first[k] = second[k] = 0;
        else second[k] = first[k];
      }
    }
  }
  const ssim = computeSsim(first, second, widthPx, to - from);
  const length = 3 * widthPx * heightPx;
  const byMap = new Float64Array(first.length);
  const share = isReleased ? (3 * numOpen) / length : 1;
  const step = isReleased ? (-ssimWeight * share) / length : -ssimWeight / (3 * numOpen);
  let sum = 0;
  for (let p = 0; p < first.length / 3; p++) {
    if (!isReleased && mask !== undefined && mask[from * widthPx + p] === 0) continue;
    const row = from + Math.floor(p / widthPx);
    const isOwn = row >= start && row < end;
    for (let k = 3 * p; k < 3 * p + 3; k++) {
      if (isOwn) sum += ssim.map[k];
      byMap[k] = step;
    }
  }
  // The map of the outermost 5 rows of a cut lacks its neighbours; no own row depends on it.
  if (from > 0) byMap.fill(0, 0, SSIM_RADIUS * rowLength);
  if (to < heightPx) byMap.fill(0, byMap.length - SSIM_RADIUS * rowLength);
  const ssimGradient = new Float32Array(first.length);
  ssim.gradient(byMap, ssimGradient);
  const offset = from * rowLength;
  for (let p = start * widthPx; p < end * widthPx; p++) {
    if (mask !== undefined && mask[p] === 0) continue;
    for (let k = 3 * p; k < 3 * p + 3; k++) gradient[k] += ssimGradient[k - offset];
  }
  const mean = sum / (isReleased ? length : 3 * numOpen);
  const rowShare = (end - start) / heightPx;
  return (1 - ssimWeight) * l1 + ssimWeight * (rowShare - mean * share);
}
