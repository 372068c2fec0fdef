/** TVQ dev: questions for dates over the pool of all distinct evidence of the set. Only the question's text and its
 *  creation date reach `ask`; gold evidence and time span are used for scoring alone. */
import { readFileSync } from 'node:fs';
import {
  annotateDates,
  boundsOfDay,
  boundsOfYear,
  civilFromDay,
  daysInMonth,
  eventSpan,
  stateSpan,
  statedSpans,
  type Day,
  type TimeSpan,
} from '../time/index.ts';
import type { EvidenceStore, NewEvidence, Source } from '../store/types.ts';
import { namesIn } from '../ingest/names.ts';
import { ask, type QaContext } from '../answer/ask.ts';

export interface TvqRow {
  readonly Id: number;
  readonly Question: string;
  readonly source: Source;
  readonly evidence: string;
  readonly timespan: readonly [number, number];
  readonly Answer: readonly { readonly AnswerArgument: string }[];
  readonly 'Question creation date': string;
}

export function readTvq(file: string): TvqRow[] {
  return JSON.parse(readFileSync(file, 'utf8')) as TvqRow[];
}

/** All distinct evidence of the set as one pool. Titles are percent-decoded.
 *  @param qualifiers  `text`: only the time that a text states; `own`: facts of the knowledge base keep the interval of
 *  their record, since the benchmark's text of a fact often leaves its date qualifiers out */
export async function loadPool(
  store: EvidenceStore,
  rows: readonly TvqRow[],
  qualifiers: 'text' | 'own',
): Promise<number> {
  const pool = new Map<string, NewEvidence>();
  for (const [index, row] of rows.entries()) {
    const key = `${row.source} ${row.evidence}`;
    if (pool.has(key)) continue;
    const text = decodeTitle(row.evidence);
    const comma = titleEnd(text);
    const subject = comma > 0 ? text.slice(0, comma) : text;
    const spans =
      qualifiers === 'own' && row.source === 'kb' ? [spanOfRecord(row.timespan)] : statedSpans(text, subject);
    pool.set(key, {
      source: row.source,
      doc: 'tvq',
      locator: `row ${index + 1}`,
      text,
      subject,
      entities: [subject, ...namesIn(text)],
      spans,
    });
  }
  await store.add([...pool.values()]);
  await store.addEntities([...new Set([...pool.values()].map((item) => item.subject!))].map((label) => ({ label })));
  await store.finishLoad();
  return pool.size;
}

function spanOfRecord([from, to]: readonly [number, number]): TimeSpan {
  const [lo, hi] = [mended(from), mended(to)];
  const civil = (value: number) => [Math.floor(value / 10_000), Math.floor(value / 100) % 100, value % 100] as const;
  const start = lo % 10_000 === 101 ? boundsOfYear(civil(lo)[0]) : boundsOfDay(...civil(lo));
  const end = hi % 10_000 === 1231 ? boundsOfYear(civil(hi)[0]) : boundsOfDay(...civil(hi));
  return (to === OPEN_END ? stateSpan(start, undefined) : stateSpan(start, end)) ?? eventSpan(start);
}

/** The title ends at the first comma outside brackets. */
function titleEnd(text: string): number {
  const open = text.indexOf('(');
  const comma = text.indexOf(', ');
  if (open < 0 || comma < open) return comma;
  const close = text.indexOf('), ', open);
  return close < 0 ? comma : close + 1;
}

function decodeTitle(text: string): string {
  const comma = text.indexOf(', ');
  const title = comma > 0 ? text.slice(0, comma) : text;
  if (!title.includes('%')) return text;
  try {
    return decodeURIComponent(title) + text.slice(title.length);
  } catch {
    return text;
  }
}

export interface TvqResult {
  readonly total: number;
  readonly right: number;
  readonly answered: number;
  /** The gold date is a boundary of some date that the gold evidence's text states. */
  readonly reachable: number;
  readonly rightOfReachable: number;
  readonly wrong: readonly {
    readonly id: number;
    readonly question: string;
    readonly wanted: string;
    readonly got: string;
    readonly cited: string;
    readonly gold: string;
  }[];
}

export async function evaluateTvq(
  context: QaContext,
  rows: readonly TvqRow[],
  onProgress?: (done: number) => void,
): Promise<TvqResult> {
  let right = 0;
  let answered = 0;
  let reachable = 0;
  let rightOfReachable = 0;
  const wrong: TvqResult['wrong'][number][] = [];
  for (const [index, row] of rows.entries()) {
    const result = await ask(context, row.Question, {
      refDate: row['Question creation date'],
      mode: 'off',
      minCoverage: 0.2,
    });
    const [top] = result.answers;
    const wanted = new Set(row.Answer.map((answer) => answer.AnswerArgument));
    const isRight = top !== undefined && wanted.has(top.id);
    if (top) answered++;
    if (isRight) right++;
    const stated = annotateDates(row.evidence).some(({ span, parts }) =>
      [span.s0, span.e0, ...parts.map((part) => part.lo)].some((day) => wanted.has(timestamp(day))),
    );
    if (stated) reachable++;
    if (stated && isRight) rightOfReachable++;
    if (!isRight)
      wrong.push({
        id: row.Id,
        question: row.Question,
        wanted: [...wanted].join(' '),
        got: top?.id ?? result.abstained?.code ?? '',
        cited: top?.support[0]?.evidence.text ?? '',
        gold: row.evidence,
      });
    if (index % 200 === 0) onProgress?.(index);
  }
  return { total: rows.length, right, answered, reachable, rightOfReachable, wrong };
}

/** The benchmark's mark of an end that is not there. */
export const OPEN_END = 20_501_231;

/** A date as YYYYMMDD; day 31 of a short month is its last day. */
export function mended(value: number): number {
  const year = Math.floor(value / 10_000);
  const month = Math.floor(value / 100) % 100;
  return year * 10_000 + month * 100 + Math.min(value % 100, daysInMonth(year, month));
}

function timestamp(day: Day): string {
  if (Math.abs(day) >= 1e9) return '';
  const { year, month, day: dayOfMonth } = civilFromDay(day);
  return `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(dayOfMonth).padStart(2, '0')}T00:00:00Z`;
}
