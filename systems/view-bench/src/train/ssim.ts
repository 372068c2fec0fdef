/** Structural similarity with an 11×11 Gaussian window (σ 1.5), zero padding, per channel, biased variances.
 *  S = (2μ₁μ₂ + C1)(2σ₁₂ + C2) / ((μ₁² + μ₂² + C1)(σ₁² + σ₂² + C2)).  Source: Wang et al. 2004. */

export const SSIM_RADIUS = 5;
const SIGMA = 1.5;
export const SSIM_C1 = 0.01 ** 2;
export const SSIM_C2 = 0.03 ** 2;
/** [11] taps of the window. */
export const SSIM_WINDOW = createWindow();

export interface SsimResult {
  /** [H, W, 3] */ readonly map: Float64Array;
  /** Adds dL/dx for a gradient by the map. */ gradient(byMap: Float64Array, target: Float32Array): void;
}

/** Map of SSIM of two interleaved RGB images and its gradient by the first. Rows outside the image count as zero.
 *  Cost: O(11 · pixels). Mutates: nothing. */
export function computeSsim(x: ArrayLike<number>, y: ArrayLike<number>, widthPx: number, heightPx: number): SsimResult {
  const length = 3 * widthPx * heightPx;
  const blur = createBlur(widthPx, heightPx);
  const product = (a: ArrayLike<number>, b: ArrayLike<number>) => {
    const out = new Float64Array(length);
    for (let k = 0; k < length; k++) out[k] = a[k] * b[k];
    return blur(out);
  };
  const mu1 = blur(Float64Array.from(x));
  const mu2 = blur(Float64Array.from(y));
  const [exx, eyy, exy] = [product(x, x), product(y, y), product(x, y)];
  const map = new Float64Array(length);
  for (let k = 0; k < length; k++) {
    const a1 = 2 * mu1[k] * mu2[k] + SSIM_C1;
    const a2 = 2 * (exy[k] - mu1[k] * mu2[k]) + SSIM_C2;
    const b1 = mu1[k] ** 2 + mu2[k] ** 2 + SSIM_C1;
    const b2 = exx[k] - mu1[k] ** 2 + eyy[k] - mu2[k] ** 2 + SSIM_C2;
    map[k] = (a1 * a2) / (b1 * b2);
  }
  const gradient = (byMap: Float64Array, target: Float32Array) => {
    const [byMu, byXx, byXy] = [new Float64Array(length), new Float64Array(length), new Float64Array(length)];
    for (let k = 0; k < length; k++) {
      const g = byMap[k];
      if (g === 0) continue;
      const m1 = mu1[k];
      const m2 = mu2[k];
      const a1 = 2 * m1 * m2 + SSIM_C1;
      const a2 = 2 * (exy[k] - m1 * m2) + SSIM_C2;
      const b1 = m1 * m1 + m2 * m2 + SSIM_C1;
      const b2 = exx[k] - m1 * m1 + eyy[k] - m2 * m2 + SSIM_C2;
      const s = map[k];
      byMu[k] = g * ((2 * m2 * (a2 - a1)) / (b1 * b2) - (2 * m1 * s) / b1 + (2 * m1 * s) / b2);
      byXx[k] = (-g * s) / b2;
      byXy[k] = (2 * g * a1) / (b1 * b2);
    }
    const [p, q, r] = [blur(byMu), blur(byXx), blur(byXy)];
    for (let k = 0; k < length; k++) target[k] += p[k] + 2 * x[k] * q[k] + y[k] * r[k];
  };
  return { map, gradient };
}

function createWindow(): Float64Array {
  const taps = Float64Array.from({ length: 2 * SSIM_RADIUS + 1 }, (_, k) =>
    Math.exp(-((k - SSIM_RADIUS) ** 2) / (2 * SIGMA * SIGMA)),
  );
  const sum = taps.reduce((total, tap) => total + tap, 0);
  return taps.map((tap) => tap / sum);
}

/** Separable, symmetric, zero-padded: its own adjoint. The symmetric taps are added before they are weighted. */
function createBlur(widthPx: number, heightPx: number): (image: Float64Array) => Float64Array {
  const rowLength = 3 * widthPx;
  const margin = 3 * SSIM_RADIUS;
  const padded = new Float64Array(rowLength + 2 * margin);
  const between = new Float64Array(rowLength * (heightPx + 2 * SSIM_RADIUS));
  const [w0, w1, w2, w3, w4, w5] = [
    SSIM_WINDOW[5],
    SSIM_WINDOW[4],
    SSIM_WINDOW[3],
    SSIM_WINDOW[2],
    SSIM_WINDOW[1],
    SSIM_WINDOW[0],
  ];
  return (image) => {
    const out = new Float64Array(image.length);
    for (let y = 0; y < heightPx; y++) {
      padded.set(image.subarray(y * rowLength, (y + 1) * rowLength), margin);
      const base = (y + SSIM_RADIUS) * rowLength;
      for (let k = 0; k < rowLength; k++) {
        const c = k + margin;
        between[base + k] =
          w0 * padded[c] +
          w1 * (padded[c - 3] + padded[c + 3]) +
          w2 * (padded[c - 6] + padded[c + 6]) +
          w3 * (padded[c - 9] + padded[c + 9]) +
          w4 * (padded[c - 12] + padded[c + 12]) +
          w5 * (padded[c - 15] + padded[c + 15]);
      }
    }
    const r = rowLength;
    for (let y = 0; y < heightPx; y++) {
      const base = y * rowLength;
      const middle = (y + SSIM_RADIUS) * rowLength;
      for (let k = 0; k < rowLength; k++) {
        const c = middle + k;
        out[base + k] =
          w0 * between[c] +
          w1 * (between[c - r] + between[c + r]) +
          w2 * (between[c - 2 * r] + between[c + 2 * r]) +
          w3 * (between[c - 3 * r] + between[c + 3 * r]) +
          w4 * (between[c - 4 * r] + between[c + 4 * r]) +
          w5 * (between[c - 5 * r] + between[c + 5 * r]);
      }
    }
    return out;
  };
}
