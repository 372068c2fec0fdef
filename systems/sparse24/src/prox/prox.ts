/** The proximal operator of λ·R over a whole matrix, block by block.
 *
 *  `enum-alm` (official form): the best of the two largest alone, and of coordinate minimisation over three and over four
 *  entries. `exact` adds, where coordinate minimisation may stall, the minima found along a path (support-solver.ts); it is
 *  never worse. The optimum keeps signs and order of y, so blocks are solved on sorted absolute values.
 *  Source: ProxSparse (arXiv 2502.00258), algorithm 3.
 *  Differs: coordinate minimisation stops per block, not when the whole matrix has come to rest (same limit). */
import { sparseError } from '../sparse-errors.ts';
import { proxObjective } from './block.ts';
import { proxMatrix } from './prox-kernel.ts';
import { alternate, followPath, settle } from './support-solver.ts';

export type ProxSolver = 'enum-alm' | 'exact';

export interface ProxStats {
  /** Blocks by number of non-zero entries, 0…4. */
  readonly support: Float64Array;
  /** Blocks in which the path beat coordinate minimisation. */
  readonly numRefined: number;
}

/** Outside this band of λ·z₁ both solvers agree (checked by test): below, nothing is near a second basin; above, top-2 wins. */
const AMBIGUOUS_FROM = 0.35;
const AMBIGUOUS_TO = 3;

/** Sizes of support that are searched; two is closed form. */
const SUPPORTS = [3, 4] as const;

/** Times a hundred sweeps. */
const POLISH_ROUNDS = 200;

const sorted = new Float64Array(4);
const best = new Float64Array(4);
const candidate = new Float64Array(4);

/** Solves one block. @param y  [4] @param out  [4] written, may be y. @returns whether the path improved on enum-alm */
export function proxBlock(
  y: ArrayLike<number>,
  lambda: number,
  out: Float32Array | Float64Array,
  solver: ProxSolver = 'enum-alm',
  at = 0,
): boolean {
  const y0 = y[at]!;
  const y1 = y[at + 1]!;
  const y2 = y[at + 2]!;
  const y3 = y[at + 3]!;
  // A sorting network on |y| that carries the places along. Swaps by hand: destructuring allocates in the hot loop.
  let a = Math.abs(y0);
  let b = Math.abs(y1);
  let c = Math.abs(y2);
  let d = Math.abs(y3);
  let ia = 0;
  let ib = 1;
  let ic = 2;
  let id = 3;
  let larger = 0;
  let place = 0;
  if (a < b) {
    larger = b;
    b = a;
    a = larger;
    ia = 1;
    ib = 0;
  }
  if (c < d) {
    larger = d;
    d = c;
    c = larger;
    ic = 3;
    id = 2;
  }
  if (a < c) {
    larger = c;
    c = a;
    a = larger;
    place = ic;
    ic = ia;
    ia = place;
  }
  if (b < d) {
    larger = d;
    d = b;
    b = larger;
    place = id;
    id = ib;
    ib = place;
  }
  if (b < c) {
    larger = c;
    c = b;
    b = larger;
    place = ic;
    ic = ib;
    ib = place;
  }
  if (c === 0 || lambda === 0) {
    if (out !== y) {
      out[at] = y0;
      out[at + 1] = y1;
      out[at + 2] = y2;
      out[at + 3] = y3;
    }
    return false;
  }
  sorted[0] = a;
  sorted[1] = b;
  sorted[2] = c;
  sorted[3] = d;
  let wa = a;
  let wb = b;
  let wc = 0;
  let wd = 0;
  let value = (c * c + d * d) / 2;
  let isRefined = false;
  // Diagonally dominant on the whole box: f is convex there and has one minimum.
  const isConvex = 2 * lambda * (a + b + c) <= 1;
  if (isConvex) {
    candidate[0] = a;
    candidate[1] = b;
    candidate[2] = c;
    candidate[3] = d;
    settle(sorted, lambda, candidate);
    wa = candidate[0]!;
    wb = candidate[1]!;
    wc = candidate[2]!;
    wd = candidate[3]!;
  }
  if (!isConvex) {
    for (const k of SUPPORTS) {
      if (k === 4 && d === 0) break;
      alternate(sorted, lambda, k, candidate);
      const found = proxObjective(candidate, sorted, lambda);
      if (found < value) {
        value = found;
        wa = candidate[0]!;
        wb = candidate[1]!;
        wc = candidate[2]!;
        wd = candidate[3]!;
      }
    }
  }
  if (solver === 'exact' && !isConvex && lambda * a > AMBIGUOUS_FROM && lambda * c < AMBIGUOUS_TO) {
    for (const k of SUPPORTS) {
      if (k === 4 && d === 0) continue;
      if (!followPath(sorted, lambda, k, best)) continue;
      const found = proxObjective(best, sorted, lambda);
      if (found < value - 1e-13) {
        value = found;
        wa = best[0]!;
        wb = best[1]!;
        wc = best[2]!;
        wd = best[3]!;
        isRefined = true;
      }
    }
  }
  if (solver === 'exact' && wc > 0 && !isConvex) {
    // A hundred sweeps may stop short of rest; the descent goes on from where it stands.
    candidate[0] = wa;
    candidate[1] = wb;
    candidate[2] = wc;
    candidate[3] = wd;
    for (let round = 0; round < POLISH_ROUNDS && settle(sorted, lambda, candidate); round++);
    wa = candidate[0]!;
    wb = candidate[1]!;
    wc = candidate[2]!;
    wd = candidate[3]!;
  }
  out[at + ia] = y[at + ia]! < 0 ? -wa : wa;
  out[at + ib] = y[at + ib]! < 0 ? -wb : wb;
  out[at + ic] = y[at + ic]! < 0 ? -wc : wc;
  out[at + id] = y[at + id]! < 0 ? -wd : wd;
  return isRefined;
}

/** Replaces every block of a row-major matrix by its proximal point.
 *  @param w  [out, in] f32; `in` a multiple of 4, so that blocks never cross rows
 *  @param lambda  ≥ 0, in units of 1/|w| @param options.solver  default `enum-alm`
 *  @returns statistics.   Mutates: w.   Cost: O(numel), no allocation per block.
 *  @throws TF-SPARSE-005 if lambda is negative or NaN; TF-SPARSE-001 if the length is no multiple of 4 */
export function proxInPlace(
  w: Float32Array | Float64Array,
  lambda: number,
  { solver = 'enum-alm' }: { solver?: ProxSolver } = {},
): ProxStats {
  if (!(lambda >= 0))
    throw sparseError('TF-SPARSE-005', { subject: 'prox', expected: 'lambda ≥ 0', actual: String(lambda) });
  if (w.length % 4 !== 0)
    throw sparseError('TF-SPARSE-001', {
      subject: 'prox',
      expected: 'a multiple of 4 weights',
      actual: String(w.length),
    });
  const support = new Float64Array(5);
  let numRefined = 0;
  if (solver === 'enum-alm' && w instanceof Float32Array) {
    proxMatrix(w, lambda, support);
    return { support, numRefined };
  }
  for (let at = 0; at < w.length; at += 4) {
    if (proxBlock(w, lambda, w, solver, at)) numRefined++;
    let count = 0;
    for (let i = at; i < at + 4; i++) if (w[i] !== 0) count++;
    support[count] = support[count]! + 1;
  }
  return { support, numRefined };
}
