/** theorem: the catalogue, or one theorem's value, checked by the exact solver where that is possible. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { parseSizes } from '../problem.ts';
import { formatBig } from '../report.ts';
import { solve } from '../solve.ts';
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
  if (params.id === '' || params.n === undefined) return catalogue();
  const theorem = theoremOf(params.id);
  const { n, k, l, m, t, q } = params;
  const input = { n, k, l, m, t, q, ...(params.sets === '' ? {} : { sizes: parseSizes(params.sets) }) };
  const value = applyTheorem(theorem, input);
  const solution =
    params.check && theorem.problem
      ? await solve(theorem.problem(complete(input)), { signal: context.signal })
      : undefined;
  const isChecked = solution !== undefined && solution.status !== 'bounds';
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
        tone: agrees ? 'good' : 'bad',
        text: `${formatBig(value)} (${theorem.status})${isChecked ? `; the solver (${solution.status}) ${agrees ? 'agrees' : `finds ${solution.value}`}` : ''}.`,
      },
      blocks: [{ kind: 'text', text: `Source: ${theorem.source}.` }],
    },
  };
}

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
