/** Exact derivative of compositing: every list is walked far to near, recovering T_i = T_{i+1} / (1 − α_i).
 *  v_α = v_C · (c T − S / (1 − α)) + (v_A − v_C · bg) T_end / (1 − α), S = colour behind. */
import { createReals } from '../reals.ts';
import type { Reals } from '../types.ts';
import type { CompositeInput, CompositeTarget } from './composite.ts';
import { expOfNegative, MAX_EXPONENT } from './exponential.ts';
import { SPAN_SLACK } from './limits.ts';
import { MIN_ALPHA } from './project.ts';
import { addCompositeGradientSimd } from './simd-composite.ts';
import { findTileKernels } from './simd-records.ts';
import { TILE_PX } from './tile-lists.ts';

const PIXELS = TILE_PX * TILE_PX;

/** Gradients of the loss by the outputs of compositing. */
export interface CompositeGradient {
  /** [H, W, 3] */ readonly rgb: Reals;
  /** [H, W] by the coverage A = 1 − T */ readonly alpha?: Reals;
  /** [H, W, E] */ readonly extra?: Reals;
}

export interface ProjectionGradient {
  /** [N, 2] */ readonly uv: Reals;
  /** [N, 2] Σ over pixels of |v_u|, |v_v| */ readonly absoluteUv: Reals;
  /** [N, 3] by a, b, c where b stands once in σ */ readonly conics: Reals;
  /** [N] */ readonly opacities: Reals;
  /** [N, 3] */ readonly colors: Reals;
  /** [N, E] */ readonly extra: Reals;
}

export function createProjectionGradient(like: Reals, count: number, numExtra: number): ProjectionGradient {
  const reals = (length: number) => createReals(like, length);
  return {
    uv: reals(2 * count),
    absoluteUv: reals(2 * count),
    conics: reals(3 * count),
    opacities: reals(count),
    colors: reals(3 * count),
    extra: reals(numExtra * count),
  };
}

/** Gradient by the projection. Mutates: nothing. */
export function compositeGradient(
  input: CompositeInput,
  composite: CompositeTarget,
  gradient: CompositeGradient,
): ProjectionGradient {
  const result = createProjectionGradient(input.projection.uv, input.projection.count, input.numExtra);
  addCompositeGradient(input, composite, gradient, result, 0, 1);
  return result;
}

/** Adds the gradient of tiles part, part + numParts, …, of float32 scenes by SIMD where there is any. Mutates: result. */
export function addCompositeGradient(
  input: CompositeInput,
  composite: CompositeTarget,
  gradient: CompositeGradient,
  result: ProjectionGradient,
  part: number,
  numParts: number,
): void {
  const kernels = findTileKernels(input);
  if (kernels) addCompositeGradientSimd(kernels, input, composite, gradient, result, part, numParts);
  else addCompositeGradientScalar(input, composite, gradient, result, part, numParts);
}

/** The same one pixel at a time, in float64; sums of one Gaussian stay in registers over a tile. */
export function addCompositeGradientScalar(
  input: CompositeInput,
  composite: CompositeTarget,
  gradient: CompositeGradient,
  result: ProjectionGradient,
  part: number,
  numParts: number,
): void {
  const { projection, lists, widthPx, heightPx, background, maxAlpha, extra, numExtra } = input;
  const { uv, conics, opacities, colors, extents, reaches } = projection;
  const T = new Float64Array(PIXELS);
  const S = new Float64Array(PIXELS);
  const tail = new Float64Array(PIXELS);
  const lasts = new Uint32Array(PIXELS);
  const vC = gradient.rgb;
  const vExtra = gradient.extra;
  const sumExtra = new Float64Array(Math.max(1, numExtra));
  for (let tile = part; tile < lists.columns * lists.rows; tile += numParts) {
    const x0 = (tile % lists.columns) * TILE_PX;
    const y0 = Math.floor(tile / lists.columns) * TILE_PX;
    const xEnd = Math.min(x0 + TILE_PX, widthPx);
    const yEnd = Math.min(y0 + TILE_PX, heightPx);
    let lastOfTile = 0;
    // S holds v_C · (colour behind), already projected on the pixel's gradient: one number instead of C.
    S.fill(0);
    for (let y = y0; y < yEnd; y++) {
      for (let x = x0; x < xEnd; x++) {
        const pixel = (y - y0) * TILE_PX + x - x0;
        const source = y * widthPx + x;
        T[pixel] = composite.transmittance[source];
        lasts[pixel] = composite.lasts[source];
        lastOfTile = Math.max(lastOfTile, lasts[pixel]);
        let rest = gradient.alpha ? gradient.alpha[source] : 0;
        for (let k = 0; k < 3; k++) rest -= vC[3 * source + k] * background[k];
        tail[pixel] = rest * T[pixel];
      }
    }
    for (let position = lastOfTile - 1; position >= lists.starts[tile]; position--) {
      const i = lists.ids[position];
      const u = uv[2 * i];
      const v = uv[2 * i + 1];
      const a = conics[3 * i];
      const b = conics[3 * i + 1];
      const c = conics[3 * i + 2];
      const opacity = opacities[i];
      const red = colors[3 * i];
      const green = colors[3 * i + 1];
      const blue = colors[3 * i + 2];
      let [sumU, sumV, absU, absV, sumA, sumB, sumC, sumO] = [0, 0, 0, 0, 0, 0, 0, 0];
      let [sumRed, sumGreen, sumBlue] = [0, 0, 0];
      if (numExtra > 0) sumExtra.fill(0);
      const reach = reaches[i] + SPAN_SLACK;
      const halfY = extents[2 * i + 1];
      const rowStart = Math.max(y0, Math.ceil(v - halfY - 0.5));
      const rowEnd = Math.min(yEnd, Math.floor(v + halfY - 0.5) + 1);
      for (let y = rowStart; y < rowEnd; y++) {
        const dy = v - y - 0.5;
        const disc = b * b * dy * dy - a * (c * dy * dy - reach);
        if (disc < 0) continue;
        const half = Math.sqrt(disc) / a;
        const middle = u - 0.5 + (b * dy) / a;
        const start = Math.max(x0, Math.ceil(middle - half - SPAN_SLACK));
        const end = Math.min(xEnd, Math.floor(middle + half + SPAN_SLACK) + 1);
        const row = (y - y0) * TILE_PX - x0;
        const constant = 0.5 * c * dy * dy;
        const slope = b * dy;
        for (let x = start; x < end; x++) {
          const pixel = row + x;
          if (position >= lasts[pixel]) continue;
          const dx = u - x - 0.5;
          const sigma = 0.5 * a * dx * dx + constant + slope * dx;
          if (sigma < 0 || sigma > MAX_EXPONENT) continue;
          const fall = expOfNegative(sigma);
          const unclamped = opacity * fall;
          const alpha = Math.min(maxAlpha, unclamped);
          if (alpha < MIN_ALPHA) continue;
          const source = 3 * (y * widthPx + x);
          const open = 1 / (1 - alpha);
          const before = T[pixel] * open;
          T[pixel] = before;
          const weight = alpha * before;
          const gradRed = vC[source];
          const gradGreen = vC[source + 1];
          const gradBlue = vC[source + 2];
          sumRed += weight * gradRed;
          sumGreen += weight * gradGreen;
          sumBlue += weight * gradBlue;
          let shade = red * gradRed + green * gradGreen + blue * gradBlue;
          if (vExtra) {
            const base = (y * widthPx + x) * numExtra;
            for (let e = 0; e < numExtra; e++) {
              sumExtra[e] += weight * vExtra[base + e];
              shade += extra![i * numExtra + e] * vExtra[base + e];
            }
          }
          const behind = S[pixel];
          S[pixel] = behind + shade * weight;
          if (unclamped > maxAlpha) continue;
          const gradAlpha = shade * before + (tail[pixel] - behind) * open;
          sumO += fall * gradAlpha;
          const g = -unclamped * gradAlpha;
          sumA += 0.5 * g * dx * dx;
          sumB += g * dx * dy;
          sumC += 0.5 * g * dy * dy;
          const gu = g * (a * dx + b * dy);
          const gv = g * (b * dx + c * dy);
          sumU += gu;
          sumV += gv;
          absU += Math.abs(gu);
          absV += Math.abs(gv);
        }
      }
      result.uv[2 * i] += sumU;
      result.uv[2 * i + 1] += sumV;
      result.absoluteUv[2 * i] += absU;
      result.absoluteUv[2 * i + 1] += absV;
      result.conics[3 * i] += sumA;
      result.conics[3 * i + 1] += sumB;
      result.conics[3 * i + 2] += sumC;
      result.opacities[i] += sumO;
      result.colors[3 * i] += sumRed;
      result.colors[3 * i + 1] += sumGreen;
      result.colors[3 * i + 2] += sumBlue;
      for (let e = 0; e < numExtra; e++) result.extra[i * numExtra + e] += sumExtra[e];
    }
  }
}
