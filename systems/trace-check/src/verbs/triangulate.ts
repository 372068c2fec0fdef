/** triangulate: which of two runs is off, by a third. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { triangulateSteps } from '../check/triangulate.ts';
import { inTurns } from '../check/turns.ts';
import { withTraces } from './trace-folders.ts';

interface TriangulateParams {
  readonly a: string;
  readonly b: string;
  readonly oracle: string;
  readonly limit?: number;
}

const MAX_ROWS = 20;

export async function run({ a, b, oracle, limit }: TriangulateParams, context: VerbContext): Promise<VerbResult> {
  return withTraces([a, b, oracle], context, async ([first, second, third]) => {
    const result = await inTurns(triangulateSteps(first, second, third, limit), 'triangulate', context.signal);
    const isProven = result.rows.length === 0 && result.numCompared > 0 && result.numUnsure === 0;
    return {
      ok: isProven,
      value: result,
      report: {
        title: `${a}, ${b} and ${oracle}`,
        verdict: { tone: isProven ? 'good' : result.rows.length > 0 ? 'bad' : 'warn', text: result.text },
        blocks: [
          {
            kind: 'table',
            caption: `Disagreements in causal order (${Math.min(MAX_ROWS, result.rows.length)} of ${result.rows.length}; ${result.numCompared} tensors compared)`,
            columns: [
              { key: 'id', label: 'tensor' },
              { key: 'betweenAB', label: 'first to second' },
              { key: 'aToOracle', label: 'first to third' },
              { key: 'bToOracle', label: 'second to third' },
              { key: 'suspect', label: 'off' },
            ],
            rows: result.rows.slice(0, MAX_ROWS).map((row) => ({
              id: row.id,
              betweenAB: row.betweenAB.toExponential(2),
              aToOracle: row.aToOracle.toExponential(2),
              bToOracle: row.bToOracle.toExponential(2),
              suspect: row.suspect,
            })),
          },
        ],
      },
    };
  });
}
