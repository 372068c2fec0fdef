/** PSNR and SSIM with masks, in two profiles: `correct`, and `euvs-released`, which repeats the released code. */
import type { RgbImage } from '../types.ts';
import { viewError } from '../view-errors.ts';
import { computeSsim, SSIM_RADIUS } from '../train/ssim.ts';

export type MetricProfile = 'correct' | 'euvs-released';

/** Peak signal-to-noise ratio in dB over unmasked pixels, peak 1, all channels together; Infinity for equal images.
 *  @param mask  [H, W] 0 = left out */
export function computePsnr(image: RgbImage, truth: RgbImage, mask?: Uint8Array): number {
  assertPair(image, truth, mask, 'computePsnr');
  let [sum, count] = [0, 0];
  for (let k = 0; k < truth.data.length; k++) {
    if (mask && mask[Math.floor(k / 3)] === 0) continue;
    sum += (image.data[k] - truth.data[k]) ** 2;
    count++;
  }
  return count === 0 ? NaN : -10 * Math.log10(sum / count);
}

/** PSNR of each channel. */
export function computeChannelPsnr(image: RgbImage, truth: RgbImage): readonly [number, number, number] {
  assertPair(image, truth, undefined, 'computeChannelPsnr');
  const sums = [0, 0, 0];
  for (let k = 0; k < truth.data.length; k++) sums[k % 3]! += (image.data[k] - truth.data[k]) ** 2;
  const [red, green, blue] = sums.map((sum) => -10 * Math.log10((3 * sum) / truth.data.length));
  return [red!, green!, blue!];
}

/** Mean SSIM. `correct`: over pixels whose whole window is unmasked (NaN if there is none).
 *  `euvs-released`: of mask-multiplied images over all pixels, so that masked pixels count as 1. */
export function computeMeanSsim(
  image: RgbImage,
  truth: RgbImage,
  { mask, profile = 'correct' }: { readonly mask?: Uint8Array | undefined; readonly profile?: MetricProfile } = {},
): number {
  assertPair(image, truth, mask, 'computeMeanSsim');
  const { widthPx, heightPx } = truth;
  const isReleased = profile === 'euvs-released';
  const masked = (data: Float32Array) =>
    mask && isReleased ? data.map((value, k) => (mask[Math.floor(k / 3)] === 0 ? 0 : value)) : data;
  const { map } = computeSsim(masked(image.data), masked(truth.data), widthPx, heightPx);
  const open = mask && !isReleased ? windowsOpen(mask, widthPx, heightPx) : undefined;
  let [sum, count] = [0, 0];
  for (let k = 0; k < map.length; k++) {
    if (open && open[Math.floor(k / 3)] === 0) continue;
    sum += map[k];
    count++;
  }
  return count === 0 ? NaN : sum / count;
}

/** [H, W] 1 where every pixel of the 11×11 window (inside the image) is unmasked. */
function windowsOpen(mask: Uint8Array, widthPx: number, heightPx: number): Uint8Array {
  const eroded = (source: Uint8Array, step: number, position: (p: number) => number, length: number) =>
    source.map((_, p) => {
      const at = position(p);
      for (let tap = -SSIM_RADIUS; tap <= SSIM_RADIUS; tap++) {
        if (at + tap >= 0 && at + tap < length && source[p + tap * step] === 0) return 0;
      }
      return 1;
    });
  const rows = eroded(mask, 1, (p) => p % widthPx, widthPx);
  return eroded(rows, widthPx, (p) => Math.floor(p / widthPx), heightPx);
}

/** @throws TF-VIEW-003 */
function assertPair(image: RgbImage, truth: RgbImage, mask: Uint8Array | undefined, subject: string): void {
  const numPixels = truth.widthPx * truth.heightPx;
  if (
    image.widthPx === truth.widthPx &&
    image.heightPx === truth.heightPx &&
    (mask?.length ?? numPixels) === numPixels
  ) {
    return;
  }
  throw viewError('TF-VIEW-003', {
    subject,
    expected: `image and mask of ${truth.widthPx} × ${truth.heightPx} pixels`,
    actual: `${image.widthPx} × ${image.heightPx}${mask ? ` and a mask of ${mask.length} pixels` : ''}`,
    hints: ['Give images and masks of the size of the camera.'],
  });
}
