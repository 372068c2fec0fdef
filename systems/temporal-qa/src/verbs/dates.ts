/** dates: the dates of a text as intervals, EDTF and TIMEX. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { IMPOSSIBLE_DATE } from '../ingest/types.ts';
import {
  annotateDates,
  annotateRelative,
  edtfFromSpan,
  eventSpan,
  impossibleDates,
  isoFromDay,
  parseSpan,
  timexFromSpan,
  type TimeSpan,
} from '../time/index.ts';

interface DatesParams {
  readonly text: string;
  readonly refDate: string;
}

export async function run(params: DatesParams, _context: VerbContext): Promise<VerbResult> {
  const impossible = impossibleDates(params.text);
  const found: { text: string; span: TimeSpan }[] = annotateDates(params.text).map(({ start, end, span }) => ({
    text: params.text.slice(start, end),
    span,
  }));
  if (params.refDate !== '')
    for (const { start, end, bounds } of annotateRelative(params.text, parseSpan(params.refDate).s0))
      found.push({ text: params.text.slice(start, end), span: eventSpan(bounds) });
  const rows = found.map(({ text, span }) => ({
    text,
    edtf: edtfFromSpan(span),
    timex: timexFromSpan(span),
    start: span.s0 === span.s1 ? isoFromDay(span.s0) : `${isoFromDay(span.s0)} … ${isoFromDay(span.s1)}`,
    end: span.e0 === span.e1 ? isoFromDay(span.e0) : `${isoFromDay(span.e0)} … ${isoFromDay(span.e1)}`,
    kind: span.kind,
  }));
  return {
    ok: rows.length > 0,
    value: rows,
    diagnostics: impossible.map((date) => ({
      severity: 'warning',
      code: IMPOSSIBLE_DATE,
      subject: 'dates',
      expected: 'a day of the calendar',
      actual: `"${date}"`,
    })),
    report: {
      title: 'Dates',
      verdict:
        rows.length > 0
          ? { tone: 'good', text: `${rows.length} ${rows.length === 1 ? 'date' : 'dates'} found.` }
          : {
              tone: 'warn',
              text: impossible.length > 0 ? 'The text states no day of the calendar.' : 'The text states no date.',
            },
      blocks: [
        {
          kind: 'table',
          columns: ['text', 'edtf', 'timex', 'start', 'end', 'kind'].map((key) => ({ key, label: key })),
          rows,
        },
      ],
    },
  };
}
