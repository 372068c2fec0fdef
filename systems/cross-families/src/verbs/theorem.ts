/** theorem: the catalogue, or one theorem's value, checked by the exact solver where that is possible. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { familiesError } from '../families-errors.ts';
import { searchExact } from '../exact/search.ts';
import { chooseLayers, countLayerColumns } from '../layer-choice.ts';
import { countSearchVertices, MAX_MIP_POINTS, parseSizes } from '../problem.ts';
import { formatBig } from '../report.ts';
import { solve } from '../solve.ts';
import type { Problem, Status } from '../types.ts';
import { applyTheorem, complete, theoremOf, theorems } from '../theorems.ts';

interface TheoremParams {
  readonly id: string;
  readonly n?: number | undefined;
  readonly k?: number | undefined;
  readonly l?: number | undefined;
  readonly m?: number | undefined;
  readonly t?: number | undefined;
  readonly q?: number | undefined;
  readonly sets: string;
  readonly check: boolean;
}

export async function run(params: TheoremParams, context: VerbContext): Promise<VerbResult> {
  if (params.id === '') return catalogue();
  const theorem = theoremOf(params.id);
  if (params.n === undefined)
    throw familiesError('TF-FAMILIES-006', {
      subject: theorem.id,
      expected: `${['n', ...theorem.needs].join(', ')} to be given`,
      actual: 'no n',
    });
  const { n, k, l, m, t, q } = params;
  const input = { n, k, l, m, t, q, ...(params.sets === '' ? {} : { sizes: parseSizes(params.sets) }) };
  const value = applyTheorem(theorem, input);
  const problem = params.check ? theorem.problem?.(complete(input)) : undefined;
  const solution = problem && (await solveWithoutTheorem(problem, context));
  const isChecked = solution !== undefined && solution.status !== 'bounds';
  const unchecked = !params.check
    ? 'not compared with the solver'
    : problem
      ? 'too large for the solver, so not compared'
      : 'the solver has no such question, so not compared';
  const agrees = !isChecked || solution.value === value;
  return {
    ok: agrees,
    value: {
      id: theorem.id,
      value: String(value),
      ...(isChecked ? { solver: String(solution.value), method: solution.status } : {}),
    },
    report: {
      title: `${theorem.id}: ${theorem.statement}`,
      verdict: {
        tone: !agrees ? 'bad' : isChecked ? 'good' : 'info',
        text: `${formatBig(value)} (${theorem.status}); ${isChecked ? `the solver (${solution.status}) ${agrees ? 'agrees' : `finds ${solution.value}`}` : unchecked}.`,
      },
      blocks: [{ kind: 'text', text: `Source: ${theorem.source}.` }],
    },
  };
}

/** The maximum by a method that does not know the closed form, which would only be compared with itself.
 *  @returns undefined where it would take too long */
async function solveWithoutTheorem(
  problem: Problem,
  { signal }: VerbContext,
): Promise<{ readonly status: Status; readonly value: bigint } | undefined> {
  const solution = await solve(problem, { signal });
  if (solution.status !== 'exact-closed') return solution;
  if (countSearchVertices(problem) <= MAX_SEARCHED_SETS)
    return { status: 'exact-search', value: searchExact(problem, { counting: false, signal }).value };
  if (problem.n > MAX_MIP_POINTS || countLayerColumns(problem) > MAX_COLUMNS) return undefined;
  const { complete: isComplete, value } = await chooseLayers(problem, { timeLimitSec: TIME_LIMIT_SEC, signal });
  return isComplete ? { status: 'exact-mip', value } : undefined;
}

/** Sets up to which the search takes well under a second. */
const MAX_SEARCHED_SETS = 40n;
const MAX_COLUMNS = 3000;
const TIME_LIMIT_SEC = 20;

function catalogue(): VerbResult {
  return {
    ok: true,
    value: theorems.map(({ id, statement, source, status, needs }) => ({ id, statement, source, status, needs })),
    report: {
      title: 'Theorem catalogue',
      verdict: { tone: 'info', text: `${theorems.length} theorems; name one with --id and give its numbers.` },
      blocks: [
        {
          kind: 'table',
          columns: [
            { key: 'id', label: 'id' },
            { key: 'statement', label: 'statement' },
            { key: 'needs', label: 'numbers' },
            { key: 'status', label: 'status' },
            { key: 'source', label: 'source' },
          ],
          rows: theorems.map(({ id, statement, source, status, needs }) => ({
            id,
            statement,
            needs: ['n', ...needs].join(', '),
            status,
            source,
          })),
        },
      ],
    },
  };
}
