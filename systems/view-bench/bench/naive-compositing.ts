/** The plain loop: every pixel of a tile walks the whole list of the tile, forward, then backward. Same rules, same results. */
import type { CompositeInput } from '../src/splat/composite.ts';

export function naiveForwardBackward({ projection, lists, widthPx, heightPx }: CompositeInput, gradient: Float32Array) {
  const { uv, conics, opacities, colors, count } = projection;
  const rgb = new Float32Array(3 * widthPx * heightPx);
  const byUv = new Float32Array(2 * count);
  const byConics = new Float32Array(3 * count);
  const byOpacity = new Float32Array(count);
  const byColor = new Float32Array(3 * count);
  let numEvaluations = 0;
  for (let y = 0; y < heightPx; y++) {
    for (let x = 0; x < widthPx; x++) {
      const tile = (y >> 4) * lists.columns + (x >> 4);
      const p = 3 * (y * widthPx + x);
      let T = 1;
      let last = lists.starts[tile];
      for (let position = lists.starts[tile]; position < lists.starts[tile + 1]; position++) {
        const i = lists.ids[position];
        numEvaluations++;
        const dx = uv[2 * i] - x - 0.5;
        const dy = uv[2 * i + 1] - y - 0.5;
        const sigma = 0.5 * (conics[3 * i] * dx * dx + conics[3 * i + 2] * dy * dy) + conics[3 * i + 1] * dx * dy;
        if (sigma < 0) continue;
        const alpha = Math.min(0.99, opacities[i] * Math.exp(-sigma));
        if (alpha < 1 / 255) continue;
        const after = T * (1 - alpha);
        if (after < 1e-4) break;
        for (let k = 0; k < 3; k++) rgb[p + k] += colors[3 * i + k] * alpha * T;
        T = after;
        last = position + 1;
      }
      const [v0, v1, v2] = [gradient[p], gradient[p + 1], gradient[p + 2]];
      let behind = 0;
      for (let position = last - 1; position >= lists.starts[tile]; position--) {
        const i = lists.ids[position];
        numEvaluations++;
        const dx = uv[2 * i] - x - 0.5;
        const dy = uv[2 * i + 1] - y - 0.5;
        const [a, b, c] = [conics[3 * i], conics[3 * i + 1], conics[3 * i + 2]];
        const sigma = 0.5 * (a * dx * dx + c * dy * dy) + b * dx * dy;
        if (sigma < 0) continue;
        const fall = Math.exp(-sigma);
        const alpha = Math.min(0.99, opacities[i] * fall);
        if (alpha < 1 / 255) continue;
        T /= 1 - alpha;
        const weight = alpha * T;
        byColor[3 * i] += weight * v0;
        byColor[3 * i + 1] += weight * v1;
        byColor[3 * i + 2] += weight * v2;
        const shade = colors[3 * i] * v0 + colors[3 * i + 1] * v1 + colors[3 * i + 2] * v2;
        const byAlpha = shade * T - behind / (1 - alpha);
        behind += shade * weight;
        if (opacities[i] * fall > 0.99) continue;
        byOpacity[i] += fall * byAlpha;
        const g = -opacities[i] * fall * byAlpha;
        byConics[3 * i] += 0.5 * g * dx * dx;
        byConics[3 * i + 1] += g * dx * dy;
        byConics[3 * i + 2] += 0.5 * g * dy * dy;
        byUv[2 * i] += g * (a * dx + b * dy);
        byUv[2 * i + 1] += g * (b * dx + c * dy);
      }
    }
  }
  return { rgb, numEvaluations, byUv, byConics, byOpacity, byColor };
}
