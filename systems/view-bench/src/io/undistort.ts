/** From the camera models of recordings to pinhole cameras: lens distortion is removed by resampling, K and size stay. */
import type { Intrinsics } from '../camera.ts';
import type { RgbImage } from '../types.ts';

/** Distortion of normalised image coordinates. */
export type Distortion =
  | { readonly kind: 'none' }
  /** x(1 + k1 r² + k2 r⁴ + k3 r⁶) with tangential p1, p2 */
  | { readonly kind: 'radial'; readonly k: readonly [number, number, number]; readonly p: readonly [number, number] }
  /** θ(1 + k1 θ² + k2 θ⁴ + k3 θ⁶ + k4 θ⁸) / r */
  | { readonly kind: 'fisheye'; readonly k: readonly [number, number, number, number] };

/** Where an undistorted direction lands in the distorted image. @returns normalised coordinates */
export function distort(x: number, y: number, distortion: Distortion): readonly [number, number] {
  if (distortion.kind === 'none') return [x, y];
  const squared = x * x + y * y;
  if (distortion.kind === 'fisheye') {
    const r = Math.sqrt(squared);
    if (r < 1e-12) return [x, y];
    const theta = Math.atan(r);
    const t = theta * theta;
    const [k1, k2, k3, k4] = distortion.k;
    const factor = (theta * (1 + t * (k1 + t * (k2 + t * (k3 + t * k4))))) / r;
    return [x * factor, y * factor];
  }
  const [k1, k2, k3] = distortion.k;
  const [p1, p2] = distortion.p;
  const factor = 1 + squared * (k1 + squared * (k2 + squared * k3));
  return [
    x * factor + 2 * p1 * x * y + p2 * (squared + 2 * x * x),
    y * factor + p1 * (squared + 2 * y * y) + 2 * p2 * x * y,
  ];
}

/** Bilinear; pixels that no recorded pixel covers are black. Mutates: nothing. */
export function undistortImage(image: RgbImage, intrinsics: Intrinsics, distortion: Distortion): RgbImage {
  if (distortion.kind === 'none') return image;
  const { widthPx, heightPx } = image;
  const { fx, fy, cx, cy } = intrinsics;
  const data = new Float32Array(image.data.length);
  for (let y = 0; y < heightPx; y++) {
    for (let x = 0; x < widthPx; x++) {
      const [dx, dy] = distort((x + 0.5 - cx) / fx, (y + 0.5 - cy) / fy, distortion);
      sampleBilinear(image, fx * dx + cx - 0.5, fy * dy + cy - 0.5, data, 3 * (y * widthPx + x));
    }
  }
  return { widthPx, heightPx, data };
}

function sampleBilinear(
  { widthPx, heightPx, data }: RgbImage,
  u: number,
  v: number,
  out: Float32Array,
  at: number,
): void {
  if (!(u > -1 && v > -1 && u < widthPx && v < heightPx)) return;
  const x0 = Math.floor(u);
  const y0 = Math.floor(v);
  for (let dy = 0; dy < 2; dy++) {
    for (let dx = 0; dx < 2; dx++) {
      const x = Math.min(widthPx - 1, Math.max(0, x0 + dx));
      const y = Math.min(heightPx - 1, Math.max(0, y0 + dy));
      const weight = (dx ? u - x0 : 1 - u + x0) * (dy ? v - y0 : 1 - v + y0);
      for (let k = 0; k < 3; k++) out[at + k] += weight * data[3 * (y * widthPx + x) + k];
    }
  }
}

/** Mean of the pixels under every smaller pixel (area filter). */
export function resizeImage(image: RgbImage, widthPx: number, heightPx: number): RgbImage {
  if (widthPx === image.widthPx && heightPx === image.heightPx) return image;
  const rows = resampleRows(image.data, image.widthPx, image.heightPx, widthPx);
  const turned = transpose(rows, widthPx, image.heightPx);
  const both = resampleRows(turned, image.heightPx, widthPx, heightPx);
  return { widthPx, heightPx, data: transpose(both, heightPx, widthPx) };
}

function resampleRows(data: Float32Array, width: number, height: number, newWidth: number): Float32Array {
  const out = new Float32Array(3 * newWidth * height);
  const ratio = width / newWidth;
  for (let x = 0; x < newWidth; x++) {
    const [from, to] = [x * ratio, (x + 1) * ratio];
    for (let source = Math.floor(from); source < Math.min(width, Math.ceil(to)); source++) {
      const weight = (Math.min(to, source + 1) - Math.max(from, source)) / ratio;
      for (let y = 0; y < height; y++) {
        for (let k = 0; k < 3; k++) out[3 * (y * newWidth + x) + k] += weight * data[3 * (y * width + source) + k];
      }
    }
  }
  return out;
}

function transpose(data: Float32Array, width: number, height: number): Float32Array {
  const out = new Float32Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let k = 0; k < 3; k++) out[3 * (x * height + y) + k] = data[3 * (y * width + x) + k];
    }
  }
  return out;
}

/** Nearest neighbour, as masks are resized. @returns 1 where the mask is at least half bright */
export function resizeMask(
  mask: Uint8Array,
  width: number,
  height: number,
  newWidth: number,
  newHeight: number,
): Uint8Array {
  return Uint8Array.from({ length: newWidth * newHeight }, (_, p) => {
    const x = Math.floor((((p % newWidth) + 0.5) * width) / newWidth);
    const y = Math.floor(((Math.floor(p / newWidth) + 0.5) * height) / newHeight);
    return mask[y * width + x] >= 128 ? 1 : 0;
  });
}
