/** extremal: labelled count, orbits and the first tuples of the complete list. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { binomial } from '../binomial.ts';
import { reportSolution } from '../report.ts';
import { solveCancellably } from '../solve-in-worker.ts';
import type { Problem, Solution } from '../types.ts';
import { certificateArtifact, solutionJson } from './max.ts';
import { problemFromParams } from './problem-params.ts';
import type { ProblemParams } from './problem-params.ts';

interface ExtremalParams extends ProblemParams {
  readonly list: number;
  readonly maxNodes: number;
}

/** Sets per tuple above which members are named by their rule only. */
const MAX_LISTED_SETS = 20_000n;

export async function run(params: ExtremalParams, context: VerbContext): Promise<VerbResult> {
  const { problem, notes } = problemFromParams(params);
  const isListable = countSets(problem) <= MAX_LISTED_SETS;
  const { solution, tuples: listed } = await solveCancellably(
    problem,
    {
      want: 'orbits',
      maxNodes: params.maxNodes,
      signal: context.signal,
      onProgress: (numNodes, best) => context.progress({ phase: 'search', done: numNodes, note: `best ${best}` }),
    },
    isListable ? params.list : 0,
  );
  const extra: string[] = [];
  if (!isListable) extra.push('The tuples are too long to list; the orbits name them by rule.');
  else if (solution.status === 'bounds' || solution.status === 'exact-mip')
    extra.push('No method lists the extremal tuples here; the value stands.');
  const noted: Solution = { ...solution, notes: [...notes, ...solution.notes, ...extra] };
  return {
    ok: true,
    value: {
      ...solutionJson(noted),
      orbits: noted.orbits?.map(({ kind, j, s, size }) => ({ kind, j, s, size: String(size) })),
      tuples: listed,
      isListComplete: solution.labelled !== undefined && BigInt(listed.length) === solution.labelled,
    },
    report: reportSolution(trimOrbits(noted), listed),
    artifacts: [certificateArtifact(noted)],
  };
}

function countSets(problem: Problem): bigint {
  return problem.sizes.reduce((sum, list) => sum + list.reduce((part, k) => part + binomial(problem.n, k), 0n), 0n);
}

/** Members of orbits are shown only where they are short. */
function trimOrbits(solution: Solution): Solution {
  if (countSets(solution.problem) <= MAX_LISTED_SETS || !solution.orbits) return solution;
  return { ...solution, orbits: solution.orbits.map((orbit) => ({ ...orbit, representative: () => [] })) };
}
