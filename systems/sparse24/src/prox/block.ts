/** One block of four: the 2:4 regulariser, the proximal objective and its optimality conditions.
 *  R(w) = e3(|w|), the third elementary symmetric polynomial: zero exactly where at most two entries are non-zero.
 *  f(w) = ½‖w − z‖² + λ R(w).   Source: ProxSparse (arXiv 2502.00258); Kübler et al. (arXiv 2501.18015). */

/** e3 of the absolute values. @param w  at least `at + 4` numbers */
export function regulariser(w: ArrayLike<number>, at = 0): number {
  const a = Math.abs(w[at]!);
  const b = Math.abs(w[at + 1]!);
  const c = Math.abs(w[at + 2]!);
  const d = Math.abs(w[at + 3]!);
  return a * b * (c + d) + c * d * (a + b);
}

/** f(w) for one block. */
export function proxObjective(w: ArrayLike<number>, z: ArrayLike<number>, lambda: number, at = 0): number {
  let distance = 0;
  for (let i = at; i < at + 4; i++) distance += (w[i]! - z[i]!) ** 2;
  return distance / 2 + lambda * regulariser(w, at);
}

/** Largest violation of w_i = max(0, z_i − λ e2(|w| without i)) in signs of z; zero at every stationary point.
 *  Math: e2 is the sum of pairwise products of the other three. */
export function kktResidual(w: ArrayLike<number>, z: ArrayLike<number>, lambda: number, at = 0): number {
  let worst = 0;
  for (let i = 0; i < 4; i++) {
    const a = Math.abs(w[at + ((i + 1) & 3)]!);
    const b = Math.abs(w[at + ((i + 2) & 3)]!);
    const c = Math.abs(w[at + ((i + 3) & 3)]!);
    const target = Math.max(0, Math.abs(z[at + i]!) - lambda * (a * b + a * c + b * c));
    worst = Math.max(worst, Math.abs(Math.abs(w[at + i]!) - target));
  }
  return worst;
}
