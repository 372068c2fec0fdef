/** The colour behind a cloud that spoils least where no Gaussian is: the mean of the training photographs, masked pixels left out.
 *  Over black, what no training view shows comes out dark. */
import type { Frame } from '../types.ts';

/** [3] in 0..1; black if every pixel is masked. */
export function meanColor(frames: readonly Frame[]): readonly [number, number, number] {
  let [red, green, blue, count] = [0, 0, 0, 0];
  for (const { image, staticMask } of frames) {
    for (let p = 0; p < image.data.length / 3; p++) {
      if (staticMask?.[p] === 0) continue;
      red += image.data[3 * p];
      green += image.data[3 * p + 1];
      blue += image.data[3 * p + 2];
      count++;
    }
  }
  const share = 1 / Math.max(1, count);
  return [red * share, green * share, blue * share];
}
