/** source: where a piece of evidence stands, with what stands around it in the same document. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { openSources } from '../corpus.ts';
import type { Evidence } from '../store/types.ts';
import { temporalError } from '../temporal-errors.ts';

interface SourceParams {
  readonly id: number;
  readonly db: string;
  readonly around: number;
}

export interface SourceView {
  readonly doc: string;
  readonly docTime?: string;
  readonly rows: readonly {
    readonly id: number;
    readonly locator: string;
    readonly text: string;
    readonly isCited: boolean;
  }[];
}

export async function run(params: SourceParams, context: VerbContext): Promise<VerbResult> {
  const store = await openSources(params.db, context.workingFolder);
  try {
    const ids = Array.from({ length: 2 * params.around + 1 }, (_, k) => params.id - params.around + k);
    const found = await store.get(ids);
    const cited = found.find((evidence) => evidence.id === params.id);
    if (!cited)
      throw temporalError('TF-TEMPORAL-011', {
        subject: 'source',
        expected: `a piece of evidence with a number up to ${await store.count()}`,
        actual: String(params.id),
      });
    const view = viewOf(cited, found);
    return {
      ok: true,
      value: view,
      report: {
        title: `${view.doc.replace(/^.*\//, '')}, ${cited.locator}`,
        verdict: { tone: 'info', text: cited.text },
        blocks: [
          {
            kind: 'table',
            caption: view.doc,
            columns: [
              { key: 'locator', label: 'place' },
              { key: 'text', label: 'evidence' },
              { key: 'mark', label: '' },
            ],
            rows: view.rows.map(({ locator, text, isCited }) => ({ locator, text, mark: isCited ? 'cited' : '' })),
          },
        ],
      },
    };
  } finally {
    await store.close();
  }
}

/** Evidence of one document lies together in the order of reading. */
function viewOf(cited: Evidence, found: readonly Evidence[]): SourceView {
  return {
    doc: cited.doc,
    ...(cited.docTime ? { docTime: cited.docTime } : {}),
    rows: found
      .filter((evidence) => evidence.doc === cited.doc)
      .map(({ id, locator, text }) => ({ id, locator, text, isCited: id === cited.id })),
  };
}
