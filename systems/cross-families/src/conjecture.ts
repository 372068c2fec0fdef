/** Conjecture explorer: compares a formula with exact values over a grid, stops at the first counterexample and makes it
 *  smaller while it still fails (drop families, drop sizes, lower n). */
import { throwIfCancelled, yieldToEventLoop } from '@tenfold/core/base';
import type { Rng } from '@tenfold/core/base';
import type { Formula } from './conjecture-formula.ts';
import { normaliseProblem, regimeOf } from './problem.ts';
import { solve } from './solve.ts';
import { sizeMultisets } from './theorem-check.ts';
import type { Problem, Solution } from './types.ts';

export interface ConjectureGrid {
  readonly minN: number;
  readonly maxN: number;
  readonly minFamilies: number;
  readonly maxFamilies: number;
  readonly generator: 'uniform' | 'intervals' | 'all' | 'random';
  /** Which instances: those with n ≥ K1 + K2, the uniform mixed range, the others, or all. */
  readonly range: 'in' | 'mixed' | 'out' | 'all';
  /** What the formula claims: the maximum, or the number of labelled extremal tuples. */
  readonly target: 'value' | 'labelled';
  /** Instances of the random generator. */
  readonly samples: number;
}

export interface Counterexample {
  readonly problem: Problem;
  readonly truth: bigint;
  readonly claimed: bigint;
  readonly solution: Solution;
}

export interface Exploration {
  readonly numChecked: number;
  readonly numUnknown: number;
  readonly first: Counterexample | undefined;
  /** After making it smaller. */
  readonly smallest: Counterexample | undefined;
}

export interface ExploreOptions {
  readonly rng: Rng;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (done: number, current: Problem) => void;
}

export async function exploreConjecture(
  formula: Formula,
  grid: ConjectureGrid,
  options: ExploreOptions,
): Promise<Exploration> {
  let numChecked = 0;
  let numUnknown = 0;
  for (const problem of instances(grid, options.rng)) {
    if (!isInGrid(problem, grid)) continue;
    if (numChecked % 32 === 0) {
      throwIfCancelled(options.signal, 'exploreConjecture');
      options.onProgress?.(numChecked, problem);
      await yieldToEventLoop();
    }
    const outcome = await refute(formula, problem, grid);
    if (outcome === 'unknown') {
      numUnknown++;
      continue;
    }
    numChecked++;
    if (outcome === undefined) continue;
    return { numChecked, numUnknown, first: outcome, smallest: await shrink(formula, grid, outcome) };
  }
  return { numChecked, numUnknown, first: undefined, smallest: undefined };
}

async function refute(
  formula: Formula,
  problem: Problem,
  grid: ConjectureGrid,
): Promise<Counterexample | 'unknown' | undefined> {
  const solution = await solve(problem, { want: grid.target === 'labelled' ? 'count' : 'value' });
  const truth = grid.target === 'labelled' ? solution.labelled : solution.value;
  if (truth === undefined || solution.status === 'bounds') return 'unknown';
  const claimed = formula.evaluate(problem);
  return claimed === truth ? undefined : { problem, truth, claimed, solution };
}

async function shrink(formula: Formula, grid: ConjectureGrid, start: Counterexample): Promise<Counterexample> {
  let current = start;
  for (let isSmaller = true; isSmaller;) {
    isSmaller = false;
    for (const candidate of smallerProblems(current.problem)) {
      if (!isInGrid(candidate, grid)) continue;
      const outcome = await refute(formula, candidate, grid);
      if (outcome === undefined || outcome === 'unknown') continue;
      current = outcome;
      isSmaller = true;
      break;
    }
  }
  return current;
}

function* smallerProblems({ n, sizes }: Problem): Generator<Problem> {
  const make = (points: number, lists: readonly (readonly number[])[]): Problem =>
    normaliseProblem({ n: points, sizes: lists }).problem;
  if (sizes.length > 2)
    for (let i = 0; i < sizes.length; i++)
      yield make(
        n,
        sizes.filter((_, p) => p !== i),
      );
  for (const [i, list] of sizes.entries())
    if (list.length > 1)
      for (const k of list)
        yield make(
          n,
          sizes.map((other, p) => (p === i ? other.filter((x) => x !== k) : other)),
        );
  if (n > Math.max(...sizes.flat())) yield make(n - 1, sizes);
}

function isInGrid(problem: Problem, grid: ConjectureGrid): boolean {
  if (grid.range === 'all') return true;
  const regime = regimeOf(problem);
  if (grid.range === 'in') return regime === 'theorem';
  return grid.range === 'mixed' ? regime === 'uniform-mixed' : regime !== 'theorem';
}

function* instances(grid: ConjectureGrid, rng: Rng): Generator<Problem> {
  const draw = rng.fork('conjecture');
  if (grid.generator === 'random') {
    for (let sample = 0; sample < grid.samples; sample++) {
      const n = grid.minN + draw.integer(grid.maxN - grid.minN + 1);
      const m = grid.minFamilies + draw.integer(grid.maxFamilies - grid.minFamilies + 1);
      const sizes = Array.from({ length: m }, () => {
        const list = Array.from({ length: n }, (_, index) => index + 1).filter(() => draw.uniform() < 0.4);
        return list.length > 0 ? list : [1 + draw.integer(n)];
      });
      yield normaliseProblem({ n, sizes }).problem;
    }
    return;
  }
  for (let n = grid.minN; n <= grid.maxN; n++)
    for (let m = grid.minFamilies; m <= grid.maxFamilies; m++)
      for (const sizes of sizeMultisets(n, m)) {
        if (grid.generator === 'uniform' && sizes.some((list) => list.length > 1)) continue;
        if (grid.generator === 'intervals' && sizes.some((list) => list[list.length - 1]! - list[0]! >= list.length))
          continue;
        yield normaliseProblem({ n, sizes }).problem;
      }
}

/** Ready examples: a formula that holds, two that fail. */
export const exampleConjectures: Readonly<
  Record<string, { readonly formula: string; readonly grid: Partial<ConjectureGrid> }>
> = {
  theorem: { formula: 'max(star, balls)', grid: { range: 'in', generator: 'all' } },
  'largest-family': { formula: 'max(star, ball(jmax, s(jmax)))', grid: { range: 'in', generator: 'all' } },
  'mixed-count': {
    formula: 'if(star >= mixed, n, 0) + if(mixed >= star, if(last >= 2, binom(n, last), 0), 0)',
    grid: { range: 'mixed', generator: 'uniform', target: 'labelled', minFamilies: 3, maxFamilies: 4 },
  },
};
