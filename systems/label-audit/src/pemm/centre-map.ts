/** The class centres in two dimensions: classical scaling of their distances with the origin.
 *  Source: Torgerson 1952; the two largest eigenvectors of the doubly centred squared distances, by power iteration. */

export interface CentreMap {
  /** [K + 1] points; the last is the origin of feature space. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
  /** Share of the squared distances that the plane keeps, 0..1. */
  readonly explained: number;
}

const ITERATIONS = 200;

/** @param centres  [K, d] row-major */
export function centreMap(centres: ArrayLike<number>, numClasses: number): CentreMap {
  const width = centres.length / numClasses;
  const n = numClasses + 1;
  const at = (i: number, a: number) => (i < numClasses ? centres[i * width + a] : 0);
  const mean = Float64Array.from({ length: width }, (_, a) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += at(i, a);
    return sum / n;
  });
  // The doubly centred matrix of squared distances is the Gram matrix of the centred points.
  const gram = Array.from({ length: n }, (_, i) =>
    Float64Array.from({ length: n }, (__, j) => {
      let product = 0;
      for (let a = 0; a < width; a++) product += (at(i, a) - mean[a]) * (at(j, a) - mean[a]);
      return product;
    }),
  );
  const trace = gram.reduce((sum, row, i) => sum + row[i], 0);
  const axes = [0, 1].map((axis) => {
    const { value, vector } = largestEigenpair(gram, axis);
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) gram[i][j] -= value * vector[i] * vector[j];
    return { value, coordinates: vector.map((entry) => entry * Math.sqrt(Math.max(value, 0))) };
  });
  return {
    points: Array.from({ length: n }, (_, i) => ({ x: axes[0].coordinates[i], y: axes[1].coordinates[i] })),
    explained: trace > 0 ? (axes[0].value + axes[1].value) / trace : 0,
  };
}

function largestEigenpair(matrix: readonly Float64Array[], start: number): { value: number; vector: Float64Array } {
  const n = matrix.length;
  let vector = Float64Array.from({ length: n }, (_, i) => Math.cos(1 + i * (start + 1)));
  let value = 0;
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const next = Float64Array.from(matrix, (row) => row.reduce((sum, entry, j) => sum + entry * vector[j], 0));
    value = Math.hypot(...next);
    if (value === 0) break;
    vector = next.map((entry) => entry / value);
  }
  return { value, vector };
}
