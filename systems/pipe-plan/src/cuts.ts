/** What crosses between two layers: the main output and every live skip, each tensor once. */
import type { Backbone } from './types.ts';

/** Bytes per sample over the cut before layer `cut` (1 .. L−1).
 *  A skip that starts at the layer before the cut is the main output itself and is not counted twice. */
export function cutBytes(
  { layers, skips }: Backbone,
  cut: number,
): { readonly forward: number; readonly backward: number } {
  let forward = layers[cut - 1]!.outputBytesPerSample;
  // Gradients come back only as far as something before the cut is trained.
  const isTrained = layers.slice(0, cut).some(({ kind }) => kind === 'trainable');
  let backward = isTrained ? forward : 0;
  const mainOf = (layer: number): string => `main output ${layer}`;
  const seen = new Set<string>([mainOf(cut - 1)]);
  for (const { from, to, bytesPerSample, tensor = mainOf(from), hasGradient = true } of skips) {
    if (from >= cut || to < cut || seen.has(tensor)) continue;
    seen.add(tensor);
    forward += bytesPerSample;
    if (hasGradient && isTrained) backward += bytesPerSample;
  }
  return { forward, backward };
}
