/** The class centres in two dimensions: classical scaling of their distances with the origin.
 *  Source: Torgerson 1952; the two largest eigenvectors of the doubly centred squared distances, by power iteration. */

export interface CentreMap {
  /** [K + 1] points; the last is the origin of feature space. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
  /** Share of the squared distances that the plane keeps, 0..1. */
  readonly explained: number;
}

const ITERATIONS = 200;

/** @param distances  K norms, and the K(K−1)/2 pair distances i < j in order
 *  @param previous  map of an earlier epoch: axes are turned round where that brings the points nearer to it */
export function centreMap(
  { norms, pairDistances }: { readonly norms: readonly number[]; readonly pairDistances: readonly number[] },
  previous?: CentreMap,
): CentreMap {
  const numClasses = norms.length;
  const n = numClasses + 1;
  // Gram matrix from the origin, ⟨c_i, c_j⟩ = (‖c_i‖² + ‖c_j‖² − ‖c_i − c_j‖²) / 2, then moved to the mean of all points.
  const gram = Array.from({ length: n }, () => new Float64Array(n));
  let at = 0;
  for (let i = 0; i < numClasses; i++) {
    gram[i][i] = norms[i] ** 2;
    for (let j = i + 1; j < numClasses; j++) {
      gram[i][j] = gram[j][i] = (norms[i] ** 2 + norms[j] ** 2 - pairDistances[at++] ** 2) / 2;
    }
  }
  const rowMeans = gram.map((row) => row.reduce((sum, value) => sum + value, 0) / n);
  const mean = rowMeans.reduce((sum, value) => sum + value, 0) / n;
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) gram[i][j] += mean - rowMeans[i] - rowMeans[j];
  const trace = gram.reduce((sum, row, i) => sum + row[i], 0);
  const axes = [0, 1].map((axis) => {
    const { value, vector } = largestEigenpair(gram, axis);
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) gram[i][j] -= value * vector[i] * vector[j];
    return { value, coordinates: vector.map((entry) => entry * Math.sqrt(Math.max(value, 0))) };
  });
  const signs = axes.map(({ coordinates }, axis) => {
    if (previous === undefined) return 1;
    const overlap = coordinates.reduce((sum, value, i) => sum + value * previous.points[i][axis === 0 ? 'x' : 'y'], 0);
    return overlap < 0 ? -1 : 1;
  });
  return {
    points: Array.from({ length: n }, (_, i) => ({
      x: signs[0] * axes[0].coordinates[i],
      y: signs[1] * axes[1].coordinates[i],
    })),
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
