/** The synthetic day and dusk street sets. */
import type { PixelSamples } from '../segmentation/types.ts';
import { lightScene } from './light.ts';
import { drawScene } from './scene.ts';

/** How dark the dusk set is by default, 0 day … 1 the end of dusk. */
export const DUSK = 0.4;

/** Scenes `first` … `first + count − 1` of the seed. @param darkness  0 is day */
export function drawStreets(
  darkness: number,
  { seed, first, count }: { readonly seed: number; readonly first: number; readonly count: number },
): PixelSamples & { readonly labels: Int32Array } {
  const scenes = Array.from({ length: count }, (_, i) => drawScene(seed, first + i));
  const { heightPx, widthPx } = scenes[0];
  const numPixels = heightPx * widthPx;
  const data = new Float32Array(count * 3 * numPixels);
  const labels = new Int32Array(count * numPixels);
  scenes.forEach((scene, i) => {
    data.set(lightScene(scene, darkness, seed, first + i), i * 3 * numPixels);
    labels.set(scene.classes, i * numPixels);
  });
  const daytime = darkness === 0 ? 'day' : 'dusk';
  return {
    name: `${daytime} streets`,
    heightPx,
    widthPx,
    x: { numRows: count, width: 3 * numPixels, data },
    labels,
    ids: scenes.map((_, i) => `${daytime}-${String(first + i).padStart(4, '0')}`),
  };
}
