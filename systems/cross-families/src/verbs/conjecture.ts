/** conjecture: a formula against exact values over a grid; stops at the first counterexample and makes it smaller. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { nearestNameHints } from '@tenfold/core/base';
import { exampleConjectures, exploreConjecture } from '../conjecture.ts';
import type { ConjectureGrid } from '../conjecture.ts';
import { parseFormula } from '../conjecture-formula.ts';
import { familiesError } from '../families-errors.ts';
import { describeProblem, reportSolution } from '../report.ts';

interface ConjectureParams extends ConjectureGrid {
  readonly formula: string;
  readonly example: string;
}

export async function run(params: ConjectureParams, context: VerbContext): Promise<VerbResult> {
  const example = params.example === '' ? undefined : exampleConjectures[params.example];
  if (params.example !== '' && !example)
    throw familiesError('TF-FAMILIES-005', {
      subject: 'conjecture',
      expected: 'a ready example',
      actual: `"${params.example}"`,
      hints: nearestNameHints(params.example, Object.keys(exampleConjectures)),
    });
  const text = example?.formula ?? params.formula;
  const grid: ConjectureGrid = { ...params, ...example?.grid };
  const found = await exploreConjecture(parseFormula(text), grid, {
    rng: context.rng,
    signal: context.signal,
    onProgress: (done, current) => context.progress({ phase: 'instances', done, note: describeProblem(current) }),
  });
  const { smallest, numChecked, numUnknown } = found;
  const unknown = numUnknown > 0 ? ` ${numUnknown} instances had no exact answer.` : '';
  return {
    ok: smallest === undefined,
    value: {
      formula: text,
      numChecked,
      numUnknown,
      counterexample: smallest && {
        n: smallest.problem.n,
        sizes: smallest.problem.sizes,
        truth: String(smallest.truth),
        claimed: String(smallest.claimed),
        certificate: smallest.solution.certificate,
      },
    },
    report: {
      title: `Conjecture: ${grid.target} = ${text}`,
      verdict: smallest
        ? {
            tone: 'bad',
            text: `False: ${describeProblem(smallest.problem)} has ${smallest.truth}, the formula gives ${smallest.claimed}.${unknown}`,
          }
        : { tone: 'good', text: `No counterexample among ${numChecked} instances.${unknown}` },
      blocks: smallest ? reportSolution(smallest.solution).blocks : [],
    },
  };
}
