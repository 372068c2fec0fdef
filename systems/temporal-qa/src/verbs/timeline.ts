/** timeline: dated evidence about a name in order, or what differs between two dates. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { openSources } from '../corpus.ts';
import { calendarOf, timelineOf } from '../timeline.ts';

interface TimelineParams {
  readonly name: string;
  readonly db: string;
  readonly from: string;
  readonly to: string;
}

export async function run(params: TimelineParams, context: VerbContext): Promise<VerbResult> {
  const store = await openSources(params.db, context.workingFolder);
  try {
    const isDiff = params.from !== '' && params.to !== '';
    const timeline = await timelineOf(store, params.name, isDiff ? { from: params.from, to: params.to } : undefined);
    const { rows, undated } = timeline;
    return {
      ok: rows.length > 0,
      value: timeline,
      artifacts: [
        { name: 'timeline.ics', mediaType: 'text/calendar', bytes: new TextEncoder().encode(calendarOf(timeline)) },
      ],
      report: {
        title: isDiff ? `${params.name}: ${params.from} against ${params.to}` : `Timeline of ${params.name}`,
        verdict:
          rows.length > 0
            ? { tone: 'good', text: `${rows.length} dated pieces of evidence, ${undated} undated.` }
            : { tone: 'warn', text: 'Nothing dated is known under this name.' },
        blocks: [
          {
            kind: 'table',
            columns: [
              ...(isDiff ? [{ key: 'change', label: 'change' }] : []),
              { key: 'time', label: 'time' },
              { key: 'evidence', label: 'evidence' },
              { key: 'source', label: 'source' },
            ],
            rows: rows.map(({ change, time, evidence, source }) => ({ change, time, evidence, source })),
          },
        ],
      },
    };
  } finally {
    await store.close();
  }
}
