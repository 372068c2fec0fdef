/** A small dense simplex for the strategy programs of exhaustive search: thousands of programs of a few dozen columns,
 *  too many for a call into WebAssembly each. Bland's rule after a while, so that it ends. Doubles; the winner is
 *  certified exactly afterwards. */

export interface DenseProgram {
  /** rows[i] · x ≤ right[i]; right may be negative only for rows fixed by the start basis. */
  readonly rows: readonly Float64Array[];
  readonly right: Float64Array;
  readonly cost: Float64Array;
  /** Column that is basic in each row at the start, after pivoting in this order; −1 keeps the slack. */
  readonly start: Int32Array;
  /** The first so many rows are equations: their slacks stay 0. */
  readonly numEquations: number;
}

export interface DenseOptimum {
  readonly value: number;
  readonly x: Float64Array;
  /** ≤ 0 for ≤ rows. */
  readonly duals: Float64Array;
}

const EPSILON = 1e-11;
const MAX_PIVOTS = 5000;
const PIVOTS_BEFORE_BLAND = 200;

/** Minimises cost · x over x ≥ 0. @returns undefined if it fails (unbounded, or out of pivots) */
export function minimiseDense({ rows, right, cost, start, numEquations }: DenseProgram): DenseOptimum | undefined {
  const m = rows.length;
  const n = cost.length;
  const width = n + m + 1;
  const tableau = rows.map((row, i) => {
    const wide = new Float64Array(width);
    wide.set(row);
    wide[n + i] = 1;
    wide[width - 1] = right[i]!;
    return wide;
  });
  const objective = new Float64Array(width);
  objective.set(cost);
  const basis = Int32Array.from({ length: m }, (_, i) => n + i);
  const pivot = (row: number, column: number): void => {
    const lead = tableau[row]!;
    const inverse = 1 / lead[column]!;
    for (let c = 0; c < width; c++) lead[c]! *= inverse;
    for (let i = 0; i <= m; i++) {
      if (i === row) continue;
      const other = i === m ? objective : tableau[i]!;
      const factor = other[column]!;
      if (factor === 0) continue;
      for (let c = 0; c < width; c++) other[c]! -= factor * lead[c]!;
    }
    basis[row] = column;
  };
  for (let row = 0; row < m; row++) if (start[row]! >= 0) pivot(row, start[row]!);
  for (let count = 0; count < MAX_PIVOTS; count++) {
    let column = -1;
    let most = -EPSILON;
    for (let c = 0; c < n + m; c++) {
      if (objective[c]! >= most || (c >= n && c < n + numEquations)) continue;
      column = c;
      if (count >= PIVOTS_BEFORE_BLAND) break;
      most = objective[c]!;
    }
    if (column < 0) {
      const duals = new Float64Array(m);
      for (let i = 0; i < m; i++) duals[i] = -objective[n + i]!;
      const x = new Float64Array(n);
      for (let i = 0; i < m; i++) if (basis[i]! < n) x[basis[i]!] = tableau[i]![width - 1]!;
      return { value: -objective[width - 1]!, x, duals };
    }
    let row = -1;
    let least = Infinity;
    for (let i = 0; i < m; i++) {
      const entry = tableau[i]![column]!;
      if (entry <= EPSILON) continue;
      const ratio = tableau[i]![width - 1]! / entry;
      if (ratio < least - EPSILON || (ratio < least + EPSILON && row >= 0 && basis[i]! < basis[row]!)) {
        least = ratio;
        row = i;
      }
    }
    if (row < 0) return undefined;
    pivot(row, column);
  }
  return undefined;
}
