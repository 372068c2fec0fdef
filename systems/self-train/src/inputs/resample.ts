/** Square grey images from one size to another. */

/** Each target pixel is the mean of the area that it covers in the source.  Mutates: target [side, side]. */
export function resampleBox(source: Float32Array, sourceSide: number, target: Float32Array, targetSide: number): void {
  const ratio = sourceSide / targetSide;
  for (let y = 0; y < targetSide; y++) {
    for (let x = 0; x < targetSide; x++) {
      const [top, bottom, left, right] = [y * ratio, (y + 1) * ratio, x * ratio, (x + 1) * ratio];
      let sum = 0;
      for (let v = Math.floor(top); v < bottom && v < sourceSide; v++) {
        const height = Math.min(bottom, v + 1) - Math.max(top, v);
        for (let u = Math.floor(left); u < right && u < sourceSide; u++) {
          const area = height * (Math.min(right, u + 1) - Math.max(left, u));
          sum += area * source[v * sourceSide + u];
        }
      }
      target[y * targetSide + x] = sum / (ratio * ratio);
    }
  }
}
