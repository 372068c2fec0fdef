/** table: exact maxima over a grid of problems, as rows, CSV and LaTeX. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { throwIfCancelled } from '@tenfold/core/base';
import { familiesError } from '../families-errors.ts';
import { normaliseProblem, regimeOf } from '../problem.ts';
import { solve } from '../solve.ts';
import { sizeMultisets } from '../theorem-check.ts';

interface TableParams {
  readonly minN: number;
  readonly maxN: number;
  readonly families: number;
  readonly uniform: boolean;
  readonly inRange: boolean;
}

const MAX_ROWS = 3000;
const TRIES_BETWEEN_CHECKS = 256;

export async function run(params: TableParams, context: VerbContext): Promise<VerbResult> {
  const rows: { n: number; sizes: string; value: string; labelled: string; status: string }[] = [];
  if (params.minN > params.maxN)
    throw familiesError('TF-FAMILIES-001', {
      subject: 'table',
      expected: 'minN of at most maxN',
      actual: `${params.minN} and ${params.maxN}`,
    });
  let numTried = 0;
  for (let n = params.minN; n <= params.maxN && rows.length < MAX_ROWS; n++)
    for (const sizes of sizeMultisets(n, params.families, params.uniform)) {
      if (numTried++ % TRIES_BETWEEN_CHECKS === 0) throwIfCancelled(context.signal, 'table');
      const { problem } = normaliseProblem({ n, sizes });
      if (params.inRange && regimeOf(problem) !== 'theorem') continue;
      const solution = await solve(problem, { want: 'count', signal: context.signal });
      rows.push({
        n,
        sizes: sizes.map((list) => list.join(',')).join('|'),
        value: String(solution.value),
        labelled: solution.labelled === undefined ? '' : String(solution.labelled),
        status: solution.status,
      });
      if (rows.length % 100 === 0) context.progress({ phase: 'instances', done: rows.length });
      if (rows.length >= MAX_ROWS) break;
    }
  const numBounds = rows.filter((row) => row.status === 'bounds').length;
  const csv = `n,sizes,maximum,labelled,status\n${rows.map((row) => `${row.n},"${row.sizes}",${row.value},${row.labelled},${row.status}`).join('\n')}\n`;
  const latex = `\\begin{tabular}{rlrrl}\n$n$ & sizes & maximum & tuples & status \\\\ \\hline\n${rows
    .map(
      (row) =>
        `${row.n} & $${row.sizes.replaceAll('|', ' \\mid ')}$ & ${row.value} & ${row.labelled} & ${row.status} \\\\`,
    )
    .join('\n')}\n\\end{tabular}\n`;
  return {
    ok: true,
    value: rows,
    report: {
      title: `Maxima for n = ${params.minN}..${params.maxN}, ${params.families} families`,
      verdict: {
        tone: numBounds > 0 ? 'warn' : 'good',
        text: `${rows.length} problems${numBounds > 0 ? `, of which ${numBounds} have lower bounds only (status bounds)` : ''}${rows.length >= MAX_ROWS ? ' (the table ends here)' : ''}.`,
      },
      blocks: [
        {
          kind: 'table',
          columns: [
            { key: 'n', label: 'n', format: 'count' },
            { key: 'sizes', label: 'sizes' },
            { key: 'value', label: 'maximum' },
            { key: 'labelled', label: 'tuples' },
            { key: 'status', label: 'status' },
          ],
          rows,
        },
      ],
    },
    artifacts: [
      { name: 'maxima.csv', mediaType: 'text/csv', bytes: new TextEncoder().encode(csv) },
      { name: 'maxima.tex', mediaType: 'text/plain', bytes: new TextEncoder().encode(latex) },
    ],
  };
}
