/** Reads, checks and normalises problems, and names their regime (which method is exact for them). */
import { binomial } from './binomial.ts';
import { familiesError } from './families-errors.ts';
import type { Problem, ProblemJson, Regime } from './types.ts';

export interface ProblemInput {
  readonly n: number;
  readonly sizes: readonly (readonly number[])[];
  readonly t?: number;
  readonly weights?: readonly (readonly bigint[])[];
  readonly objective?: 'sum' | 'product';
  readonly selfIntersecting?: readonly number[];
  readonly conflicts?: readonly (readonly [number, number])[];
  readonly allowEmpty?: boolean;
}

/** Vertices of the disjointness graph up to which the exact search is used. */
export const MAX_SEARCH_VERTICES = 256;
/** Largest n of the lex-initial mixed-integer program. */
export const MAX_MIP_POINTS = 14;

/** Reads `3|1,2` or `2-4|1`: families separated by |, sizes by commas, ranges by -.
 *  @throws TF-FAMILIES-001 if a size is not an integer or a family is empty */
export function parseSizes(text: string): number[][] {
  return text.split('|').map((family, index) => {
    const parts = family.split(/[\s,]+/).filter((part) => part !== '');
    if (parts.length === 0) throw malformed('at least one size', 'none', `sets[${index}]`);
    return parts.flatMap((part) => {
      const match = /^(\d+)(?:-(\d+))?$/.exec(part);
      if (!match) throw malformed('sizes like 3 or 2-4', JSON.stringify(part), `sets[${index}]`);
      const start = Number(match[1]);
      const end = Number(match[2] ?? match[1]);
      if (end < start || end > 1e6) throw malformed('a range that rises', JSON.stringify(part), `sets[${index}]`);
      return Array.from({ length: end - start + 1 }, (_, offset) => start + offset);
    });
  });
}

/** Checks and normalises: sizes ascending and distinct, size 0 dropped where nothing can meet the empty set.
 *  @returns the problem and the notes on what was changed
 *  @throws TF-FAMILIES-001, TF-FAMILIES-002 */
export function normaliseProblem(input: ProblemInput): { readonly problem: Problem; readonly notes: string[] } {
  const { n, t = 1, objective = 'sum', allowEmpty = false } = input;
  const notes: string[] = [];
  if (!Number.isInteger(n) || n < 1) throw malformed('n to be an integer of at least 1', String(n), 'n');
  if (!Number.isInteger(t) || t < 1 || t > n) throw malformed(`t to be an integer in 1..${n}`, String(t), 't');
  const m = input.sizes.length;
  if (m === 0) throw malformed('at least one family', 'none', 'sets');
  const sizes: number[][] = [];
  const weights: bigint[][] = [];
  for (const [i, list] of input.sizes.entries()) {
    if (list.length === 0) throw malformed('at least one size', 'none', `sets[${i}]`);
    for (const k of list)
      if (!Number.isInteger(k) || k < 0 || k > n)
        throw malformed(`sizes to be integers in 0..${n}`, String(k), `sets[${i}]`);
    const weightOf = layerWeights(input, i);
    let distinct = [...new Set(list)].sort((a, b) => a - b);
    if (distinct.length < list.length) notes.push(`family ${i}: repeated sizes were dropped`);
    if (distinct[0] === 0 && (m > 1 || input.selfIntersecting?.includes(i))) {
      distinct = distinct.slice(1);
      notes.push(`family ${i}: size 0 was dropped, since the empty set meets nothing`);
      if (distinct.length === 0)
        throw familiesError('TF-FAMILIES-002', {
          subject: 'normaliseProblem',
          expected: 'a size of at least 1',
          actual: '0 only',
          location: `sets[${i}]`,
          hints: ['The empty set meets nothing; give a positive size.'],
        });
    }
    sizes.push(distinct);
    weights.push(distinct.map((k) => weightOf.get(k)!));
  }
  for (const i of input.selfIntersecting ?? []) assertFamily(i, m, 'selfIntersecting');
  for (const [i, j] of input.conflicts ?? []) {
    assertFamily(i, m, 'conflicts');
    assertFamily(j, m, 'conflicts');
    if (i === j) throw malformed('a pair of different families', `${i},${j}`, 'conflicts');
  }
  const conflicts = input.conflicts && distinctPairs(input.conflicts);
  const allPairs = conflicts !== undefined && conflicts.length === (m * (m - 1)) / 2;
  return {
    notes,
    problem: {
      n,
      sizes,
      t,
      objective,
      allowEmpty,
      selfIntersecting: [...new Set(input.selfIntersecting)].sort((a, b) => a - b),
      ...(input.weights && weights.some((list) => list.some((w) => w !== 1n)) ? { weights } : {}),
      ...(conflicts && !allPairs ? { conflicts } : {}),
    },
  };
}

function layerWeights(input: ProblemInput, i: number): Map<number, bigint> {
  const sizes = input.sizes[i]!;
  const list = input.weights?.[i];
  if (input.weights && (!list || list.length !== sizes.length))
    throw malformed(`${sizes.length} weights, one a size`, String(list?.length ?? 0), `weights[${i}]`);
  const weightOf = new Map<number, bigint>();
  for (const [p, k] of sizes.entries()) {
    const weight = list?.[p] ?? 1n;
    if (weight < 0n) throw malformed('weights of at least 0', String(weight), `weights[${i}]`);
    weightOf.set(k, weight);
  }
  return weightOf;
}

function distinctPairs(pairs: readonly (readonly [number, number])[]): [number, number][] {
  const seen = new Map<string, [number, number]>();
  for (const [a, b] of pairs) seen.set(`${Math.min(a, b)},${Math.max(a, b)}`, [Math.min(a, b), Math.max(a, b)]);
  return [...seen.values()].sort((p, q) => p[0] - q[0] || p[1] - q[1]);
}

function assertFamily(i: number, m: number, field: string): void {
  if (!Number.isInteger(i) || i < 0 || i >= m) throw malformed(`a family number in 0..${m - 1}`, String(i), field);
}

function malformed(expected: string, actual: string, location: string): Error {
  return familiesError('TF-FAMILIES-001', { subject: 'normaliseProblem', expected, actual, location });
}

/** True if families i and j must cross-intersect. */
export function mustMeet(problem: Problem, i: number, j: number): boolean {
  if (i === j) return problem.selfIntersecting.includes(i);
  return (
    problem.conflicts === undefined || problem.conflicts.some(([a, b]) => (a === i && b === j) || (a === j && b === i))
  );
}

/** Weight of a layer; 1 where no weights are given. */
export function layerWeight(problem: Problem, i: number, k: number): bigint {
  return problem.weights?.[i]?.[problem.sizes[i]!.indexOf(k)] ?? 1n;
}

/** True if two layers can hold sets that fail to meet in t elements: k + l ≤ n + t − 1. */
export function layersConflict(problem: Problem, i: number, k: number, j: number, l: number): boolean {
  return mustMeet(problem, i, j) && k + l <= problem.n + problem.t - 1;
}

/** The question of the paper: sum, t = 1, non-empty, every pair of different families, no inner condition. */
export function isPlain(problem: Problem): boolean {
  return (
    problem.t === 1 &&
    problem.objective === 'sum' &&
    !problem.allowEmpty &&
    problem.conflicts === undefined &&
    problem.selfIntersecting.length === 0
  );
}

/** Largest sizes k_i of the families. */
export function maxima(problem: Problem): number[] {
  return problem.sizes.map((list) => list[list.length - 1]!);
}

/** Number of vertices of the disjointness graph once layers without a conflicting partner are set aside. */
export function countSearchVertices(problem: Problem): bigint {
  let total = 0n;
  for (const [i, list] of problem.sizes.entries())
    for (const k of list) if (layerHasPartner(problem, i, k)) total += binomial(problem.n, k);
  return total;
}

/** True if some layer constrains the layer (i, k). */
export function layerHasPartner(problem: Problem, i: number, k: number): boolean {
  return problem.sizes.some((list, j) => list.some((l) => layersConflict(problem, i, k, j, l)));
}

/** Names the regime (spec §2.7): which exact method fits. */
export function regimeOf(problem: Problem): Regime {
  const m = problem.sizes.length;
  const anyConflict = problem.sizes.some((list, i) => list.some((k) => layerHasPartner(problem, i, k)));
  if (!anyConflict) return 'trivial';
  const sorted = maxima(problem).sort((a, b) => b - a);
  if (isPlain(problem) && m >= 2) {
    if (problem.n >= sorted[0]! + sorted[1]!) return 'theorem';
    const uniform = problem.sizes.every((list) => list.length === 1);
    if (uniform && m >= 3 && problem.n >= sorted[0]! + sorted[2]! && problem.weights === undefined)
      return 'uniform-mixed';
  }
  if (countSearchVertices(problem) <= BigInt(MAX_SEARCH_VERTICES)) return 'small';
  if (problem.t === 1 && problem.n <= MAX_MIP_POINTS) return 'medium';
  return 'large';
}

/** The JSON form used in certificates. */
export function problemToJson(problem: Problem): ProblemJson {
  return {
    n: problem.n,
    sizes: problem.sizes,
    ...(problem.t === 1 ? {} : { t: problem.t }),
    ...(problem.weights ? { weights: problem.weights.map((list) => list.map(String)) } : {}),
    ...(problem.objective === 'sum' ? {} : { objective: problem.objective }),
    ...(problem.selfIntersecting.length ? { selfIntersecting: problem.selfIntersecting } : {}),
    ...(problem.conflicts ? { conflicts: problem.conflicts } : {}),
    ...(problem.allowEmpty ? { allowEmpty: true } : {}),
  };
}
