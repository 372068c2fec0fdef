/** relate: which of Allen's relations two dates or intervals may have, and the verdicts of the signals. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import {
  edtfFromSpan,
  parseSpan,
  possibleRelations,
  relationsOf,
  verdictOf,
  windowOf,
  type Signal,
} from '../time/index.ts';

interface RelateParams {
  readonly a: string;
  readonly b: string;
}

const SIGNALS: readonly Signal[] = ['BEFORE', 'AFTER', 'OVERLAP', 'START', 'FINISH'];

export async function run(params: RelateParams, _context: VerbContext): Promise<VerbResult> {
  const a = parseSpan(params.a);
  const b = parseSpan(params.b);
  const relations = relationsOf(possibleRelations(a, b));
  const verdicts = SIGNALS.map((signal) => ({
    signal: signal.toLowerCase(),
    verdict: verdictOf(signal, a, windowOf(b)),
  }));
  return {
    ok: true,
    value: { a, b, relations, verdicts },
    report: {
      title: `${edtfFromSpan(a)} and ${edtfFromSpan(b)}`,
      verdict: {
        tone: relations.length === 1 ? 'good' : 'info',
        text: relations.length === 1 ? `The first ${relations[0]} the second.` : `Possible: ${relations.join(', ')}.`,
      },
      blocks: [
        {
          kind: 'table',
          caption: 'Verdicts of the first against the second as a condition',
          columns: [
            { key: 'signal', label: 'signal' },
            { key: 'verdict', label: 'verdict' },
          ],
          rows: verdicts,
        },
      ],
    },
  };
}
