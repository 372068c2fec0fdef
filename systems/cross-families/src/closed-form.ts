/** The main theorem as reconstructed and machine-checked (Jia, Xiang, Xiao, Zhang, arXiv 2411.18426, Theorem 1.6):
 *  for n ≥ K1 + K2 the maximum of Σ|F_i| is max{STAR, max_j BALL(j, s_j)} with s_j = min_{i≠j} k_i, and
 *    STAR      = Σ_i Σ_{k∈R_i} C(n−1, k−1)
 *    BALL(j,s) = Σ_{k∈R_j} [C(n,k) − C(n−s,k)] + Σ_{i≠j} Σ_{k∈R_i} C(n−s, k−s).
 *  With layer weights every binomial is multiplied by the weight of its layer. */
import { binomial } from './binomial.ts';
import { maxima } from './problem.ts';
import type { Problem } from './types.ts';

/** Weighted size of the star: all allowed sets through one point. */
export function starValue(problem: Problem): bigint {
  return layerSum(problem, (_, k) => binomial(problem.n - 1, k - 1));
}

/** Weighted size of the ball tuple: F_j meets [s], all other families contain [s]. Equals the star for s = 1. */
export function ballValue(problem: Problem, j: number, s: number): bigint {
  const { n } = problem;
  return layerSum(problem, (i, k) => (i === j ? binomial(n, k) - binomial(n - s, k) : binomial(n - s, k - s)));
}

/** s_j = min_{i≠j} k_i, the largest centre that every other family can contain. */
export function ballCentre(problem: Problem, j: number): number {
  return Math.min(...maxima(problem).filter((_, i) => i !== j));
}

export interface ClosedForm {
  readonly value: bigint;
  readonly star: bigint;
  /** Per family j the centre s_j and the value BALL(j, s_j). */
  readonly balls: readonly { readonly j: number; readonly s: number; readonly value: bigint }[];
  readonly starWins: boolean;
  /** Families j with s_j ≥ 2 whose ball reaches the maximum. */
  readonly winningBalls: readonly number[];
}

/** Evaluates the closed form. It is the maximum for n ≥ K1 + K2 and a lower bound elsewhere. */
export function closedForm(problem: Problem): ClosedForm {
  const star = starValue(problem);
  const balls = problem.sizes.map((_, j) => {
    const s = ballCentre(problem, j);
    return { j, s, value: ballValue(problem, j, s) };
  });
  let value = star;
  for (const ball of balls) if (ball.value > value) value = ball.value;
  return {
    value,
    star,
    balls,
    starWins: star === value,
    winningBalls: balls.filter((ball) => ball.s >= 2 && ball.value === value).map((ball) => ball.j),
  };
}

/** The uniform mixed theorem (Huang, Peng, arXiv 2310.17859): k1 ≥ … ≥ kt, k1 + k3 ≤ n < k1 + k2. */
export interface UniformMixed {
  readonly value: bigint;
  readonly star: bigint;
  readonly mixed: bigint;
  /** The smallest size kt, the centre of the mixed construction. */
  readonly centre: number;
  /** Family numbers from the largest size to the smallest. */
  readonly order: readonly number[];
  /** t = 4, k1 = k2, k3 = k4, n = k1 + k3: F_3 = F_4 is any non-empty intersecting family. */
  readonly exceptional: boolean;
}

export function uniformMixed(problem: Problem): UniformMixed {
  const { n } = problem;
  const sizes = maxima(problem);
  const order = sizes.map((_, i) => i).sort((a, b) => sizes[b]! - sizes[a]! || a - b);
  const k = order.map((i) => sizes[i]!);
  const centre = k[k.length - 1]!;
  const star = starValue(problem);
  let mixed = 0n;
  for (const [p, size] of k.entries())
    mixed += p < 2 ? binomial(n, size) - binomial(n - centre, size) : binomial(n - centre, size - centre);
  const exceptional = k.length === 4 && k[0] === k[1] && k[2] === k[3] && n === k[0]! + k[2]!;
  return { value: star > mixed ? star : mixed, star, mixed, centre, order, exceptional };
}

/** Σ over layers of weight × term(i, k). */
export function layerSum(problem: Problem, term: (i: number, k: number) => bigint): bigint {
  let total = 0n;
  for (const [i, list] of problem.sizes.entries())
    for (const [p, k] of list.entries()) total += (problem.weights?.[i]?.[p] ?? 1n) * term(i, k);
  return total;
}
