/** Places sites in the plane so that distances resemble round-trip times: classical multidimensional scaling.
 *
 *  B = −½ J D² J with D the symmetrised times and J the centring matrix; the two leading eigenvectors, scaled by the roots
 *  of their eigenvalues, are the coordinates. Power iteration with deflation. */
import type { LatencyMatrix } from './latency-import.ts';

const NUM_STEPS = 300;

/** @returns one point a site, in ms; the picture may be turned or mirrored */
export function placeSites({ ms }: LatencyMatrix): { readonly x: number; readonly y: number }[] {
  const n = ms.length;
  const squared = ms.map((row, a) => Float64Array.from(row, (time, b) => ((time + ms[b]![a]!) / 2) ** 2));
  const rowMean = squared.map((row) => row.reduce((sum, value) => sum + value, 0) / n);
  const mean = rowMean.reduce((sum, value) => sum + value, 0) / n;
  const gram = squared.map((row, a) =>
    Float64Array.from(row, (value, b) => -0.5 * (value - rowMean[a]! - rowMean[b]! + mean)),
  );
  const axes: Float64Array[] = [];
  for (let axis = 0; axis < 2; axis++) {
    let vector = Float64Array.from({ length: n }, (_, a) => Math.sin(a * (axis + 1) + 1));
    let value = 0;
    for (let step = 0; step < NUM_STEPS; step++) {
      const next = Float64Array.from({ length: n }, (_, a) => gram[a]!.reduce((sum, g, b) => sum + g * vector[b]!, 0));
      for (const done of axes) {
        const along = dot(next, done) / (dot(done, done) || 1);
        for (let a = 0; a < n; a++) next[a]! -= along * done[a]!;
      }
      value = Math.sqrt(dot(next, next));
      if (value === 0) break;
      vector = next.map((entry) => entry / value);
    }
    axes.push(vector.map((entry) => entry * Math.sqrt(Math.max(0, value))));
  }
  return Array.from({ length: n }, (_, a) => ({ x: axes[0]![a]!, y: axes[1]![a]! }));
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, index) => sum + value * b[index]!, 0);
}
