/** table: exact maxima over a grid of problems, as rows, CSV and LaTeX. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { throwIfCancelled, yieldToEventLoop } from '@tenfold/core/base';
import { familiesError } from '../families-errors.ts';
import { normaliseProblem, regimeOf } from '../problem.ts';
import { solveCancellably } from '../solve-in-worker.ts';
import { sizeMultisets } from '../theorem-check.ts';

interface TableParams {
  readonly minN: number;
  readonly maxN: number;
  readonly families: number;
  readonly uniform: boolean;
  readonly inRange: boolean;
  readonly maxNodes: number;
  readonly timeLimitSec: number;
}

interface TableRow {
  readonly n: number;
  readonly sizes: string;
  readonly value: string;
  readonly upper: string;
  readonly labelled: string;
  readonly status: string;
}

const MAX_ROWS = 3000;
const MS_BETWEEN_YIELDS = 50;

export async function run(params: TableParams, context: VerbContext): Promise<VerbResult> {
  const rows: TableRow[] = [];
  if (params.minN > params.maxN)
    throw familiesError('TF-FAMILIES-001', {
      subject: 'table',
      expected: 'minN of at most maxN',
      actual: `${params.minN} and ${params.maxN}`,
    });
  const { maxNodes, timeLimitSec } = params;
  const { signal } = context;
  let yieldedMs = -Infinity;
  for (const { n, sizes } of instances(params)) {
    // a signal is heard between turns of the event loop only
    if (context.clock.nowMs() - yieldedMs >= MS_BETWEEN_YIELDS) {
      await yieldToEventLoop();
      yieldedMs = context.clock.nowMs();
      if (signal.aborted) break;
    }
    const { problem } = normaliseProblem({ n, sizes });
    if (params.inRange && regimeOf(problem) !== 'theorem') continue;
    const name = sizes.map((list) => list.join(',')).join('|');
    const progress = { phase: 'problems', done: rows.length, note: `n = ${n}, ${name}` };
    context.progress(progress);
    const { solution } = await solveCancellably(problem, {
      want: 'count',
      maxNodes,
      timeLimitSec,
      signal,
      onProgress: (numNodes) => context.progress({ ...progress, note: `${progress.note}, ${numNodes} search nodes` }),
    });
    if (signal.aborted) break;
    rows.push({
      n,
      sizes: name,
      value: String(solution.value),
      upper: String(solution.upper),
      labelled: solution.labelled === undefined ? '' : String(solution.labelled),
      status: solution.status,
    });
    if (rows.length >= MAX_ROWS) break;
  }
  if (rows.length === 0) throwIfCancelled(signal, 'table');
  const numBounds = rows.filter((row) => row.status === 'bounds').length;
  const csv = `n,sizes,maximum,upper,labelled,status\n${rows.map((row) => `${row.n},"${row.sizes}",${row.value},${row.upper},${row.labelled},${row.status}`).join('\n')}\n`;
  const latex = `\\begin{tabular}{rlrrl}\n$n$ & sizes & maximum & tuples & status \\\\ \\hline\n${rows
    .map(
      (row) =>
        `${row.n} & $${row.sizes.replaceAll('|', ' \\mid ')}$ & ${row.value} & ${row.labelled} & ${row.status} \\\\`,
    )
    .join('\n')}\n\\end{tabular}\n`;
  const ending = signal.aborted
    ? ' The table was cancelled here.'
    : rows.length >= MAX_ROWS
      ? ' The table ends here.'
      : '';
  return {
    ok: true,
    value: rows,
    report: {
      title: `Maxima for n = ${params.minN}..${params.maxN}, ${params.families} families`,
      verdict: {
        tone: numBounds > 0 || signal.aborted ? 'warn' : 'good',
        text: `${rows.length} ${rows.length === 1 ? 'problem' : 'problems'}${numBounds > 0 ? `, of which ${numBounds} have bounds only (status bounds)` : ''}.${ending}`,
      },
      blocks: [
        {
          kind: 'table',
          columns: [
            { key: 'n', label: 'n', format: 'count' },
            { key: 'sizes', label: 'sizes' },
            { key: 'value', label: 'maximum' },
            ...(numBounds > 0 ? [{ key: 'upper', label: 'upper bound' }] : []),
            { key: 'labelled', label: 'tuples' },
            { key: 'status', label: 'status' },
          ],
          rows: rows.map((row) => ({ ...row })),
        },
      ],
    },
    artifacts: [
      { name: 'maxima.csv', mediaType: 'text/csv', bytes: new TextEncoder().encode(csv) },
      { name: 'maxima.tex', mediaType: 'text/plain', bytes: new TextEncoder().encode(latex) },
    ],
  };
}

function* instances({ minN, maxN, families, uniform }: TableParams): Generator<{ n: number; sizes: number[][] }> {
  for (let n = minN; n <= maxN; n++) for (const sizes of sizeMultisets(n, families, uniform)) yield { n, sizes };
}
