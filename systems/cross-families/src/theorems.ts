/** Catalogue of related theorems (spec §2.9): hypotheses as tests, values as exact numbers, status in words. */
import { binomial, gaussianBinomial } from './binomial.ts';
import { closedForm, uniformMixed } from './closed-form.ts';
import { familiesError } from './families-errors.ts';
import { nearestNameHints } from '@tenfold/core/base';
import { normaliseProblem } from './problem.ts';
import { primeOfFieldOrder } from './q-analogue.ts';
import type { Problem } from './types.ts';

/** Numbers of a theorem; each names its meaning in the entry. */
export interface TheoremInput {
  readonly n: number;
  readonly k?: number | undefined;
  readonly l?: number | undefined;
  readonly m?: number | undefined;
  readonly t?: number | undefined;
  readonly q?: number | undefined;
  readonly sizes?: readonly (readonly number[])[] | undefined;
}

export interface Theorem {
  readonly id: string;
  readonly statement: string;
  readonly source: string;
  readonly status: 'proved in literature' | 'derived here' | 'checked up to small n';
  /** Numbers it needs besides n. */
  readonly needs: readonly ('k' | 'l' | 'm' | 't' | 'q' | 'sizes')[];
  /** Hypotheses that fail, in words. */
  hypotheses(input: Required<TheoremInput>): string[];
  value(input: Required<TheoremInput>): bigint;
  /** The same question for the exact solver, where it has one. */
  problem?(input: Required<TheoremInput>): Problem;
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const sumTo = (top: number, term: (i: number) => bigint): bigint => {
  let total = 0n;
  for (let i = 1; i <= top; i++) total += term(i);
  return total;
};
const unless = (condition: boolean, text: string): string[] => (condition ? [] : [text]);
const upTo = (top: number): number[] => Array.from({ length: top }, (_, index) => index + 1);
const problemOf = (input: Parameters<typeof normaliseProblem>[0]): Problem => normaliseProblem(input).problem;

/** Σ over sizes of the k-sets with at least t elements in [r]. */
function manyInside(n: number, sizes: readonly number[], r: number, t: number): bigint {
  let total = 0n;
  for (const k of sizes) for (let x = t; x <= Math.min(r, k); x++) total += binomial(r, x) * binomial(n - r, k - x);
  return total;
}

export const theorems: readonly Theorem[] = [
  {
    id: 'NON-UNIFORM',
    statement: 'non-empty cross-intersecting F_1..F_m with sizes in R_i, n ≥ K1 + K2: max{STAR, max_j BALL(j, s_j)}',
    source: 'Jia, Xiang, Xiao, Zhang, arXiv 2411.18426, Theorem 1.6, as reconstructed and machine-checked here',
    status: 'derived here',
    needs: ['sizes'],
    hypotheses: ({ n, sizes }) => {
      const top = sizes.map((list) => Math.max(...list)).sort((a, b) => b - a);
      return [
        ...unless(sizes.length >= 2, 'at least two families'),
        ...unless(n >= (top[0] ?? 0) + (top[1] ?? 0), 'n ≥ K1 + K2'),
      ];
    },
    value: ({ n, sizes }) => closedForm(problemOf({ n, sizes })).value,
    problem: ({ n, sizes }) => problemOf({ n, sizes }),
  },
  {
    id: 'UNIFORM-MIXED',
    statement:
      'uniform k1 ≥ … ≥ kt, k1 + k3 ≤ n < k1 + k2: max{Σ C(n−1,ki−1), Σ_{i≤2}[C(n,ki) − C(n−kt,ki)] + Σ_{i≥3} C(n−kt,ki−kt)}',
    source: 'Huang, Peng, arXiv 2310.17859',
    status: 'proved in literature',
    needs: ['sizes'],
    hypotheses: ({ n, sizes }) => {
      const k = sizes.map((list) => Math.max(...list)).sort((a, b) => b - a);
      return [
        ...unless(sizes.length >= 3 && sizes.every((list) => list.length === 1), 'at least three uniform families'),
        ...unless(n >= (k[0] ?? 0) + (k[2] ?? 0) && n < (k[0] ?? 0) + (k[1] ?? 0), 'k1 + k3 ≤ n < k1 + k2'),
      ];
    },
    value: ({ n, sizes }) => uniformMixed(problemOf({ n, sizes })).value,
    problem: ({ n, sizes }) => problemOf({ n, sizes }),
  },
  {
    id: 'EKR',
    statement: 'intersecting F of k-sets, n ≥ 2k: C(n−1, k−1)',
    source: 'Erdős, Ko, Rado 1961',
    status: 'proved in literature',
    needs: ['k'],
    hypotheses: ({ n, k }) => unless(n >= 2 * k, 'n ≥ 2k'),
    value: ({ n, k }) => binomial(n - 1, k - 1),
    problem: ({ n, k }) => problemOf({ n, sizes: [[k]], selfIntersecting: [0] }),
  },
  {
    id: 'HM67',
    statement: 'two non-empty cross-intersecting families of k-sets, n ≥ 2k: C(n,k) − C(n−k,k) + 1',
    source: 'Hilton, Milner 1967',
    status: 'proved in literature',
    needs: ['k'],
    hypotheses: ({ n, k }) => unless(n >= 2 * k, 'n ≥ 2k'),
    value: ({ n, k }) => binomial(n, k) - binomial(n - k, k) + 1n,
    problem: ({ n, k }) => problemOf({ n, sizes: [[k], [k]] }),
  },
  {
    id: 'HILTON77',
    statement: 'm cross-intersecting families of k-sets, some may be empty, n ≥ 2k: max{C(n,k), m·C(n−1,k−1)}',
    source: 'Hilton 1977',
    status: 'proved in literature',
    needs: ['k', 'm'],
    hypotheses: ({ n, k, m }) => [...unless(n >= 2 * k, 'n ≥ 2k'), ...unless(m >= 2, 'm ≥ 2')],
    value: ({ n, k, m }) => larger(binomial(n, k), BigInt(m) * binomial(n - 1, k - 1)),
    problem: ({ n, k, m }) => problemOf({ n, sizes: Array.from({ length: m }, () => [k]), allowEmpty: true }),
  },
  {
    id: 'FT92',
    statement: 'non-empty cross-intersecting families of k- and l-sets, k ≥ l, n ≥ k + l: C(n,k) − C(n−l,k) + 1',
    source: 'Frankl, Tokushige 1992',
    status: 'proved in literature',
    needs: ['k', 'l'],
    hypotheses: ({ n, k, l }) => [...unless(k >= l && l >= 1, 'k ≥ l ≥ 1'), ...unless(n >= k + l, 'n ≥ k + l')],
    value: ({ n, k, l }) => binomial(n, k) - binomial(n - l, k) + 1n,
    problem: ({ n, k, l }) => problemOf({ n, sizes: [[k], [l]] }),
  },
  {
    id: 'SFQ22',
    statement:
      'm non-empty cross-intersecting families of k-sets, n ≥ 2k: max{C(n,k) − C(n−k,k) + m − 1, m·C(n−1,k−1)}',
    source: 'Shi, Frankl, Qian 2022',
    status: 'proved in literature',
    needs: ['k', 'm'],
    hypotheses: ({ n, k, m }) => [...unless(n >= 2 * k, 'n ≥ 2k'), ...unless(m >= 2, 'm ≥ 2')],
    value: ({ n, k, m }) =>
      larger(binomial(n, k) - binomial(n - k, k) + BigInt(m) - 1n, BigInt(m) * binomial(n - 1, k - 1)),
    problem: ({ n, k, m }) => problemOf({ n, sizes: Array.from({ length: m }, () => [k]) }),
  },
  {
    id: 'UNIFORM',
    statement: 'uniform k1 ≥ … ≥ km, n ≥ k1 + k2: max{C(n,k1) − C(n−km,k1) + Σ_{i≥2} C(n−km,ki−km), Σ C(n−1,ki−1)}',
    source: 'Huang, Peng, Wang, arXiv 2306.03473; Zhang, Feng, arXiv 2306.04330',
    status: 'proved in literature',
    needs: ['sizes'],
    hypotheses: ({ n, sizes }) => {
      const k = sizes.map((list) => Math.max(...list)).sort((a, b) => b - a);
      return [
        ...unless(sizes.length >= 2 && sizes.every((list) => list.length === 1), 'at least two uniform families'),
        ...unless(n >= (k[0] ?? 0) + (k[1] ?? 0), 'n ≥ k1 + k2'),
      ];
    },
    value: ({ n, sizes }) => {
      const k = sizes.map((list) => list[0]!).sort((a, b) => b - a);
      const s = k[k.length - 1]!;
      const star = k.reduce((sum, size) => sum + binomial(n - 1, size - 1), 0n);
      const ball = k
        .slice(1)
        .reduce((sum, size) => sum + binomial(n - s, size - s), binomial(n, k[0]!) - binomial(n - s, k[0]!));
      return larger(star, ball);
    },
    problem: ({ n, sizes }) => problemOf({ n, sizes }),
  },
  {
    id: 'BF22',
    statement: 'R = [1..r], S = [1..s], r ≤ s, any n: 1 + Σ_{i≤s} (C(n,i) − C(n−r,i)); r = k, s = l',
    source: 'Borg, Feghali 2022',
    status: 'proved in literature',
    needs: ['k', 'l'],
    hypotheses: ({ n, k, l }) => [...unless(k >= 1 && k <= l, '1 ≤ r ≤ s'), ...unless(l <= n, 's ≤ n')],
    value: ({ n, k, l }) => 1n + sumTo(l, (i) => binomial(n, i) - binomial(n - k, i)),
    problem: ({ n, k, l }) => problemOf({ n, sizes: [upTo(k), upTo(l)] }),
  },
  {
    id: 'LLSY24',
    statement:
      'two non-empty cross-t-intersecting families with sizes R and S, t ≤ min(R ∪ S), r + s − t < n (maxima): the larger of one set against all sets that share t elements with it',
    source: 'arXiv 2401.00253',
    status: 'proved in literature',
    needs: ['sizes', 't'],
    hypotheses: ({ n, sizes, t }) => {
      const [r, s] = sizes.map((list) => Math.max(...list));
      return [
        ...unless(sizes.length === 2, 'two families'),
        ...unless(t <= Math.min(...sizes.flat()), 't ≤ all sizes'),
        ...unless((r ?? 0) + (s ?? 0) - t < n, 'r + s − t < n'),
      ];
    },
    value: ({ n, sizes, t }) => {
      const [R, S] = sizes as [number[], number[]];
      return larger(1n + manyInside(n, S, Math.max(...R), t), 1n + manyInside(n, R, Math.max(...S), t));
    },
    problem: ({ n, sizes, t }) => problemOf({ n, sizes, t }),
  },
  {
    id: 'FLWW25',
    statement:
      'm non-empty cross-t-intersecting families of any subsets: max{Σ_{k≥t} C(n,k) + m − 1, m·M(n,t)} with Katona’s M(n,t)',
    source: 'Frankl, Wang 2021; arXiv 2508.19725',
    status: 'proved in literature',
    needs: ['m', 't'],
    hypotheses: ({ n, m, t }) => [...unless(m >= 2, 'm ≥ 2'), ...unless(t >= 1 && t <= n, '1 ≤ t ≤ n')],
    value: ({ n, m, t }) => {
      let all = 0n;
      for (let k = t; k <= n; k++) all += binomial(n, k);
      return larger(all + BigInt(m) - 1n, BigInt(m) * katona(n, t));
    },
    problem: ({ n, m, t }) => problemOf({ n, sizes: Array.from({ length: m }, () => upTo(n)), t }),
  },
  {
    id: 'PROD',
    statement: 'product of two cross-intersecting families of k- and l-sets, n ≥ 2·max(k,l): C(n−1,k−1)·C(n−1,l−1)',
    source: 'Pyber 1986; Matsumoto, Tokushige 1989',
    status: 'proved in literature',
    needs: ['k', 'l'],
    hypotheses: ({ n, k, l }) => unless(n >= 2 * Math.max(k, l), 'n ≥ 2·max(k, l)'),
    value: ({ n, k, l }) => binomial(n - 1, k - 1) * binomial(n - 1, l - 1),
    problem: ({ n, k, l }) => problemOf({ n, sizes: [[k], [l]], objective: 'product' }),
  },
  {
    id: 'BORG14',
    statement: 'product, R = [1..r], S = [1..s]: Σ_{i≤r} C(n−1,i−1) · Σ_{j≤s} C(n−1,j−1); r = k, s = l',
    source: 'Borg 2014',
    status: 'checked up to small n',
    needs: ['k', 'l'],
    hypotheses: ({ n, k, l }) => unless(k >= 1 && l >= 1 && Math.max(k, l) <= n, '1 ≤ r, s ≤ n'),
    value: ({ n, k, l }) => sumTo(k, (i) => binomial(n - 1, i - 1)) * sumTo(l, (i) => binomial(n - 1, i - 1)),
    problem: ({ n, k, l }) => problemOf({ n, sizes: [upTo(k), upTo(l)], objective: 'product' }),
  },
  {
    id: 'ZW24',
    statement: 'product of two cross-t-intersecting families of k-sets, t ≥ 3, n ≥ (t+1)(k−t+1): C(n−t,k−t)²',
    source: 'arXiv 2410.22792',
    status: 'proved in literature',
    needs: ['k', 't'],
    hypotheses: ({ n, k, t }) => [
      ...unless(t >= 3, 't ≥ 3'),
      ...unless(k >= t, 'k ≥ t'),
      ...unless(n >= (t + 1) * (k - t + 1), 'n ≥ (t+1)(k−t+1)'),
    ],
    value: ({ n, k, t }) => binomial(n - t, k - t) ** 2n,
  },
  {
    id: 'AK97',
    statement: 't-intersecting family of k-sets: the largest Frankl family {A : |A ∩ [t+2r]| ≥ t + r}',
    source: 'Ahlswede, Khachatrian 1997',
    status: 'proved in literature',
    needs: ['k', 't'],
    hypotheses: ({ n, k, t }) => [...unless(t >= 1 && t <= k, '1 ≤ t ≤ k'), ...unless(n >= 2 * k - t, 'n ≥ 2k − t')],
    value: ({ n, k, t }) => {
      let best = 0n;
      for (let r = 0; t + 2 * r <= n; r++) best = larger(best, manyInside(n, [k], t + 2 * r, t + r));
      return best;
    },
    problem: ({ n, k, t }) => problemOf({ n, sizes: [[k]], t, selfIntersecting: [0] }),
  },
  {
    id: 'WZ13',
    statement: 'subspaces of F_q^n of dimensions a ≤ b, n ≥ a + b: [n,b] − q^{ab} [n−a,b] + 1; a = k, b = l',
    source: 'Wang, Zhang 2013',
    status: 'proved in literature',
    needs: ['k', 'l', 'q'],
    hypotheses: ({ n, k, l, q }) => [
      ...unless(k >= 1 && k <= l, '1 ≤ a ≤ b'),
      ...unless(n >= k + l, 'n ≥ a + b'),
      ...unless(primeOfFieldOrder(q) !== undefined, 'q is a power of a prime'),
    ],
    value: ({ n, k, l, q }) =>
      gaussianBinomial(n, l, BigInt(q)) - BigInt(q) ** BigInt(k * l) * gaussianBinomial(n - k, l, BigInt(q)) + 1n,
  },
];

/** Katona's bound: largest family of subsets of [n] that meet pairwise in t elements. */
export function katona(n: number, t: number): bigint {
  let total = 0n;
  if ((n + t) % 2 === 0) {
    for (let k = (n + t) / 2; k <= n; k++) total += binomial(n, k);
    return total;
  }
  for (let k = (n + t + 1) / 2; k <= n; k++) total += binomial(n, k);
  return total + binomial(n - 1, (n + t - 1) / 2);
}

/** @throws TF-FAMILIES-006 with the nearest ids */
export function theoremOf(id: string): Theorem {
  const found = theorems.find((theorem) => theorem.id === id.toUpperCase());
  if (found) return found;
  throw familiesError('TF-FAMILIES-006', {
    subject: 'theoremOf',
    expected: 'a theorem of the catalogue',
    actual: `"${id}"`,
    hints: nearestNameHints(
      id.toUpperCase(),
      theorems.map((theorem) => theorem.id),
    ),
  });
}

/** Value of a theorem. @throws TF-FAMILIES-006 with the hypotheses that fail or the numbers that are missing */
export function applyTheorem(theorem: Theorem, input: TheoremInput): bigint {
  const missing = theorem.needs.filter((name) => input[name] === undefined);
  const failed = missing.length > 0 ? missing.map((name) => `${name} is given`) : theorem.hypotheses(complete(input));
  if (failed.length > 0)
    throw familiesError('TF-FAMILIES-006', {
      subject: theorem.id,
      expected: failed.join(' and '),
      actual: `n = ${input.n}${theorem.needs.map((name) => `, ${name} = ${JSON.stringify(input[name])}`).join('')}`,
      hints: ['Outside its hypotheses the value would mean nothing; use max.'],
    });
  return theorem.value(complete(input));
}

export function complete(input: TheoremInput): Required<TheoremInput> {
  const { k = 0, l = 0, m = 0, t = 1, q = 2, sizes = [] } = input;
  return { n: input.n, k, l, m, t, q, sizes };
}
