/** timeline: dated evidence about a name in order, or what differs between two dates. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { timeText } from '../answer/prune.ts';
import { openSources } from '../corpus.ts';
import { isoFromDay, parseSpan, verdictOf, windowOf } from '../time/index.ts';

interface TimelineParams {
  readonly name: string;
  readonly db: string;
  readonly from: string;
  readonly to: string;
}

const LIMIT = 2000;

export async function run(params: TimelineParams, context: VerbContext): Promise<VerbResult> {
  const store = await openSources(params.db, context.workingFolder);
  try {
    const evidence = await store.get(await store.withEntity(params.name, LIMIT));
    const dated = evidence
      .filter((item) => item.spans.length > 0)
      .toSorted((a, b) => a.spans[0]!.s0 - b.spans[0]!.s0 || a.id - b.id);
    const isDiff = params.from !== '' && params.to !== '';
    const holdsAt = (date: string) => {
      const window = windowOf(parseSpan(date));
      return dated.filter((item) =>
        item.spans.some((span) => span.kind === 'state' && verdictOf('OVERLAP', span, window) !== 'impossible'),
      );
    };
    const [before, after] = isDiff ? [holdsAt(params.from), holdsAt(params.to)] : [[], []];
    const rows = isDiff
      ? [
          ...before
            .filter((item) => !after.includes(item))
            .map((item) => ({ change: 'ended', time: timeText(item.spans[0]!), evidence: item.text })),
          ...after
            .filter((item) => !before.includes(item))
            .map((item) => ({ change: 'began', time: timeText(item.spans[0]!), evidence: item.text })),
          ...after
            .filter((item) => before.includes(item))
            .map((item) => ({ change: 'same', time: timeText(item.spans[0]!), evidence: item.text })),
        ]
      : dated.map((item) => ({ change: '', time: timeText(item.spans[0]!), evidence: item.text }));
    const calendar = [
      'BEGIN:VCALENDAR',
      'VERSION:2.0',
      'PRODID:-//tenfold//temporal-qa//EN',
      ...dated.flatMap(icsOf),
      'END:VCALENDAR',
      '',
    ].join('\r\n');
    return {
      ok: rows.length > 0,
      value: { name: params.name, rows, undated: evidence.length - dated.length },
      artifacts: [{ name: 'timeline.ics', mediaType: 'text/calendar', bytes: new TextEncoder().encode(calendar) }],
      report: {
        title: isDiff ? `${params.name}: ${params.from} against ${params.to}` : `Timeline of ${params.name}`,
        verdict:
          rows.length > 0
            ? {
                tone: 'good',
                text: `${rows.length} dated pieces of evidence, ${evidence.length - dated.length} undated.`,
              }
            : { tone: 'warn', text: 'Nothing dated is known under this name.' },
        blocks: [
          {
            kind: 'table',
            columns: [
              ...(isDiff ? [{ key: 'change', label: 'change' }] : []),
              { key: 'time', label: 'time' },
              { key: 'evidence', label: 'evidence' },
            ],
            rows,
          },
        ],
      },
    };
  } finally {
    await store.close();
  }
}

function icsOf(item: {
  readonly id: number;
  readonly text: string;
  readonly spans: readonly { readonly s0: number; readonly e1: number }[];
}): string[] {
  const { s0, e1 } = item.spans[0]!;
  if (Math.abs(s0) >= 1e9) return [];
  const date = (day: number) => isoFromDay(day).replaceAll('-', '');
  const end = Math.abs(e1) >= 1e9 ? s0 + 1 : e1 + 1;
  return [
    'BEGIN:VEVENT',
    `UID:${item.id}@temporal-qa`,
    `DTSTART;VALUE=DATE:${date(s0)}`,
    `DTEND;VALUE=DATE:${date(end)}`,
    `SUMMARY:${item.text.replaceAll(/([,;\\])/g, '\\$1').slice(0, 200)}`,
    'END:VEVENT',
  ];
}
