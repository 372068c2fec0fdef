/** Chooses the method by regime and answers with value, status, extremal tuples and certificate (spec §2.7). */
import { throwIfCancelled } from '@tenfold/core/base';
import { binomial } from './binomial.ts';
import { certificate, mipBound } from './certificate.ts';
import { closedForm, layerSum, uniformMixed } from './closed-form.ts';
import { bestConstruction, densityUpperBound } from './density-bound.ts';
import { konigCovers } from './exact/konig.ts';
import { MAX_ORBIT_POINTS, orbitsOfTuples } from './exact/orbits.ts';
import { searchExact } from './exact/search.ts';
import type { SearchOutcome } from './exact/search.ts';
import { ballRules, extremalInRange, extremalUniformMixed, mixedRules, starRules } from './extremal.ts';
import { firstPoints } from './point-sets.ts';
import type { ExtremalSet } from './extremal.ts';
import { familiesError } from './families-errors.ts';
import { tuplesWithFreeFamilies, withFreeFamilies, withoutFreeFamilies } from './free-families.ts';
import { chooseLayers, countLayerColumns, MAX_LAYER_COLUMNS } from './layer-choice.ts';
import { solveProduct } from './solve-product.ts';
import { orbitKindOf } from './orbit-kind.ts';
import { countSearchVertices, MAX_SEARCH_VERTICES, maxima, mustMeet, regimeOf } from './problem.ts';
import type { FamilyRule, FamilyTuple, Orbit, Problem, Regime, Solution, UpperBound } from './types.ts';

export interface SolveOptions {
  /** What to compute besides the value; each includes the ones before. Default `value`. */
  readonly want?: 'value' | 'count' | 'orbits';
  /** Search nodes after which bounds are returned. Default 20 million. */
  readonly maxNodes?: number;
  /** Seconds a mixed-integer program may take. Default 60. */
  readonly timeLimitSec?: number;
  /** Labelled tuples up to which orbits are listed. Default 200,000. */
  readonly maxOrbitTuples?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (numNodes: number, best: number) => void;
}

const DEFAULT_MAX_NODES = 20_000_000;
const DEFAULT_TIME_LIMIT_SEC = 60;
const DEFAULT_MAX_ORBIT_TUPLES = 200_000;
/** Named in certificates: a search of the same version leaves the same log. */
export const SEARCH_VERSION = 'tenfold-search/3';

/** The maximum of a problem, by the first exact method that reaches it, else bounds.
 *  @throws TF-FAMILIES-002 if no tuple exists, TF-BASE-001 if cancelled before any bound is known */
export async function solve(problem: Problem, options: SolveOptions = {}): Promise<Solution> {
  assertFeasible(problem);
  const rest = withoutFreeFamilies(problem);
  if (rest) return withFreeFamilies(problem, rest, await solve(rest.core, options));
  const regime = regimeOf(problem);
  if (regime === 'trivial') return solveTrivial(problem);
  if (problem.objective === 'product') {
    const { timeLimitSec = DEFAULT_TIME_LIMIT_SEC, signal } = options;
    return solveProduct(problem, regime, { timeLimitSec, signal });
  }
  if (regime === 'theorem') return solveTheorem(problem, options);
  if (regime === 'uniform-mixed') return solveUniformMixed(problem, options);
  if (regime === 'small') return solveSmall(problem, regime, options);
  return solveByLayers(problem, regime, options);
}

function solveTrivial(problem: Problem): Solution {
  const rules: FamilyRule[] = problem.sizes.map((list) => ({ full: list }));
  const totals = problem.sizes.map((_, f) => layerSum(problem, (i, k) => (i === f ? binomial(problem.n, k) : 0n)));
  const value = totals.reduce((x, y) => (problem.objective === 'sum' ? x + y : x * y));
  const representative = (): FamilyTuple => fullTuple(problem);
  return {
    problem,
    status: 'exact-trivial',
    regime: 'trivial',
    value,
    upper: value,
    ...(problem.weights?.some((list) => list.includes(0n))
      ? {}
      : { labelled: 1n, numOrbits: 1n, orbits: [{ kind: 'full' as const, size: 1n, representative }] }),
    certificate: certificate(problem, value, value, rules, { type: 'theorem', id: 'all-layers-free' }),
    notes: ['No two layers can hold sets that fail to meet, so every layer is full.'],
  };
}

function fullTuple(problem: Problem): FamilyTuple {
  return problem.sizes.map((list) => list.flatMap((k) => allSets(problem.n, k)));
}

function allSets(n: number, k: number): number[][] {
  const found: number[][] = [];
  const grow = (set: number[], next: number): void => {
    if (set.length === k) found.push(set);
    else for (let e = next; e <= n; e++) grow([...set, e], e + 1);
  };
  grow([], 1);
  return found;
}

function solveTheorem(problem: Problem, options: SolveOptions): Solution {
  const form = closedForm(problem);
  const rules = form.starWins
    ? starRules(problem, 1)
    : ballRules(problem, form.winningBalls[0]!, firstPoints(form.balls[form.winningBalls[0]!]!.s));
  const notes: string[] = [];
  const base = {
    problem,
    status: 'exact-closed' as const,
    regime: 'theorem' as const,
    value: form.value,
    upper: form.value,
    certificate: certificate(problem, form.value, form.value, rules, { type: 'theorem', id: 'non-uniform' }),
    notes,
  };
  if (wantsNothingMore(options)) return base;
  if (problem.weights === undefined) {
    const extremal = extremalInRange(problem);
    return { ...base, ...extremalFields(extremal), ...listedWorld(problem, extremal, options) };
  }
  if (countSearchVertices(problem) > BigInt(MAX_SEARCH_VERTICES)) {
    notes.push(
      'With weights the theorem names stars and balls; ties with other tuples are possible, so nothing is counted.',
    );
    return base;
  }
  const outcome = runSearch(problem, form.value, options);
  return { ...base, ...searchFields(problem, outcome, options, notes) };
}

function solveUniformMixed(problem: Problem, options: SolveOptions): Solution {
  const mixed = uniformMixed(problem);
  const rules = mixed.star === mixed.value ? starRules(problem, 1) : mixedRules(problem, firstPoints(mixed.centre));
  const notes: string[] = [];
  const base = {
    problem,
    status: 'exact-closed' as const,
    regime: 'uniform-mixed' as const,
    value: mixed.value,
    upper: mixed.value,
    certificate: certificate(problem, mixed.value, mixed.value, rules, { type: 'theorem', id: 'uniform-mixed' }),
    notes,
  };
  if (wantsNothingMore(options)) return base;
  const extremal = extremalUniformMixed(problem);
  if (extremal) return { ...base, ...extremalFields(extremal) };
  notes.push('Exceptional class: the two small families may be any intersecting family; the list comes from a search.');
  if (countSearchVertices(problem) > BigInt(MAX_SEARCH_VERTICES)) return base;
  return { ...base, ...searchFields(problem, runSearch(problem, mixed.value, options), options, notes) };
}

function solveSmall(problem: Problem, regime: Regime, options: SolveOptions): Solution {
  const outcome = runSearch(problem, lowerBound(problem), options);
  const notes: string[] = [];
  if (!outcome.complete) {
    const construction = bestConstruction(problem);
    const upper = smaller(densityUpperBound(problem), outcome.upper);
    notes.push(`The search ended after ${outcome.numNodes} nodes; the bounds are proved.`);
    return boundsSolution(problem, regime, construction, upper, notes);
  }
  const covers = konigCovers(problem, outcome.graph);
  const upper: UpperBound = covers
    ? { type: 'vertexCover', pairs: covers }
    : { type: 'search', nodes: outcome.numNodes, logHash: outcome.logHash, version: SEARCH_VERSION };
  const first = outcome.tuples().next();
  const rules: FamilyRule[] = first.done ? [] : first.value.map((sets) => ({ sets }));
  return {
    problem,
    status: 'exact-search',
    regime,
    value: outcome.value,
    upper: outcome.value,
    certificate: certificate(problem, outcome.value, outcome.value, rules, upper),
    notes,
    ...(wantsNothingMore(options) ? {} : searchFields(problem, outcome, options, notes)),
  };
}

async function solveByLayers(problem: Problem, regime: Regime, options: SolveOptions): Promise<Solution> {
  const construction = bestConstruction(problem);
  const density = densityUpperBound(problem);
  if (problem.t > 1 || countLayerColumns(problem) > MAX_LAYER_COLUMNS)
    return boundsSolution(problem, regime, construction, density, [
      problem.t > 1
        ? 'Lexicographic layers say nothing for t > 1, and the problem is too large to search.'
        : 'The problem is beyond the exact methods.',
    ]);
  throwIfCancelled(options.signal, 'solve');
  const { timeLimitSec = DEFAULT_TIME_LIMIT_SEC, signal } = options;
  const choice = await chooseLayers(problem, { timeLimitSec, signal });
  const rules = choice.prefix.map((sizes): FamilyRule => ({
    lexPrefix: Object.fromEntries([...sizes].map(([k, count]) => [k, String(count)])),
  }));
  const notes = ['The value comes from lexicographically first layers, which keep sizes and lose the list of tuples.'];
  if (choice.complete)
    return {
      problem,
      status: 'exact-mip',
      regime,
      value: choice.value,
      upper: choice.value,
      certificate: certificate(problem, choice.value, choice.value, rules, mipBound(choice)),
      notes,
    };
  const value = choice.value > construction.value ? choice.value : construction.value;
  const upper = smaller(density, choice.upper);
  return {
    problem,
    status: 'bounds',
    regime,
    value,
    upper,
    certificate: certificate(
      problem,
      value,
      upper,
      choice.value >= construction.value ? rules : construction.rules,
      upper === density ? { type: 'density' } : mipBound(choice),
    ),
    notes: [...notes, 'The program ended with a gap.'],
  };
}

function boundsSolution(
  problem: Problem,
  regime: Regime,
  construction: ReturnType<typeof bestConstruction>,
  upper: bigint,
  notes: readonly string[],
): Solution {
  const value = construction.value < 0n ? 0n : construction.value;
  const closed = value === upper;
  return {
    problem,
    status: 'bounds',
    regime,
    value,
    upper,
    certificate: certificate(problem, value, upper, construction.rules, { type: 'density' }),
    notes: closed ? [...notes, 'The bounds meet, so the value is exact.'] : notes,
  };
}

/** Proved bounds without any search: the best construction and the layer densities. */
export function boundsOnly(problem: Problem, note: string): Solution {
  const rest = withoutFreeFamilies(problem);
  if (rest) return withFreeFamilies(problem, rest, boundsOnly(rest.core, note));
  return boundsSolution(problem, regimeOf(problem), bestConstruction(problem), densityUpperBound(problem), [note]);
}

function runSearch(problem: Problem, floor: bigint, options: SolveOptions): SearchOutcome {
  return searchExact(problem, {
    counting: !wantsNothingMore(options),
    atLeast: Number(floor),
    maxNodes: options.maxNodes ?? DEFAULT_MAX_NODES,
    signal: options.signal,
    ...(options.onProgress ? { onProgress: options.onProgress } : {}),
  });
}

function searchFields(
  problem: Problem,
  outcome: SearchOutcome,
  options: SolveOptions,
  notes: string[],
): { labelled?: bigint; numOrbits?: bigint; orbits?: Orbit[] } {
  const { labelled } = outcome;
  if (labelled === undefined) return {};
  if (options.want !== 'orbits') return { labelled };
  if (problem.n > MAX_ORBIT_POINTS || labelled > BigInt(options.maxOrbitTuples ?? DEFAULT_MAX_ORBIT_TUPLES)) {
    notes.push(
      `Orbits are listed up to n = ${MAX_ORBIT_POINTS} and ${options.maxOrbitTuples ?? DEFAULT_MAX_ORBIT_TUPLES} tuples.`,
    );
    return { labelled };
  }
  const listed = orbitsOfTuples(problem, outcome.tuples());
  return {
    labelled,
    numOrbits: BigInt(listed.length),
    orbits: listed.map(({ size, representative }) => ({
      ...orbitKindOf(problem, representative),
      size,
      representative: () => representative,
    })),
  };
}

function extremalFields(extremal: ExtremalSet): { labelled: bigint; numOrbits?: bigint; orbits: readonly Orbit[] } {
  const { labelled, numOrbits, orbits } = extremal;
  return { labelled, orbits, ...(numOrbits === undefined ? {} : { numOrbits }) };
}

/** A world of powers of two is one entry of many orbits; where it is small the orbits are listed one by one. */
function listedWorld(problem: Problem, extremal: ExtremalSet, options: SolveOptions): { orbits?: Orbit[] } {
  const isWorld = extremal.numOrbits !== BigInt(extremal.orbits.length);
  const maxTuples = BigInt(options.maxOrbitTuples ?? DEFAULT_MAX_ORBIT_TUPLES);
  if (options.want !== 'orbits' || !isWorld || problem.n > MAX_ORBIT_POINTS || extremal.labelled > maxTuples) return {};
  return {
    orbits: orbitsOfTuples(problem, extremal.tuples()).map(({ size, representative }) => ({
      kind: extremal.orbits[0]!.kind,
      size,
      representative: () => representative,
    })),
  };
}

/** All extremal tuples, lazily; undefined where no method lists them. */
export function extremalTuples(problem: Problem, signal?: AbortSignal): Generator<FamilyTuple> | undefined {
  const rest = withoutFreeFamilies(problem);
  if (rest) {
    const tuples = extremalTuples(rest.core, signal);
    return tuples && tuplesWithFreeFamilies(problem, rest.kept, tuples);
  }
  const regime = regimeOf(problem);
  if (problem.objective === 'product') return undefined;
  if (regime === 'trivial') return [fullTuple(problem)].values() as Generator<FamilyTuple>;
  if (problem.weights === undefined && regime === 'theorem') return extremalInRange(problem).tuples();
  if (regime === 'uniform-mixed') {
    const extremal = extremalUniformMixed(problem);
    if (extremal) return extremal.tuples();
  }
  if (countSearchVertices(problem) > BigInt(MAX_SEARCH_VERTICES)) return undefined;
  return searchExact(problem, { counting: false, signal, atLeast: Number(lowerBound(problem)) }).tuples();
}

function lowerBound(problem: Problem): bigint {
  const { value } = bestConstruction(problem);
  return value < 0n ? 0n : value;
}

/** Every family needs a member, and members of families that must meet need t common elements. */
function assertFeasible(problem: Problem): void {
  if (problem.allowEmpty) return;
  const k = maxima(problem);
  for (let i = 0; i < k.length; i++)
    for (let j = 0; j < k.length; j++)
      if (mustMeet(problem, i, j) && Math.min(k[i]!, k[j]!) < problem.t)
        throw familiesError('TF-FAMILIES-002', {
          subject: 'solve',
          expected: `families ${i} and ${j} with sets of at least t = ${problem.t} elements`,
          actual: `largest sizes ${k[i]} and ${k[j]}`,
          location: `sets[${k[i]! < problem.t ? i : j}]`,
          hints: ['Lower t, or allow larger sets.'],
        });
}

function wantsNothingMore(options: SolveOptions): boolean {
  return options.want === undefined || options.want === 'value';
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
