/** Our annotator beside chrono-node and Microsoft's Recognizers, on the same texts in one run: gold intervals found
 *  exactly (TVQ dev, texts and infoboxes), and sentences a second. Needs TENFOLD_DATA. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as recognizers from '@microsoft/recognizers-text-date-time';
import * as chrono from 'chrono-node';
import { median } from '@tenfold/core/base';
import type { BenchRow } from '@tenfold/core/report';
import { OPEN_END, readTvq } from '../src/eval/tvq.ts';
import { ownIntervals, recoverSpans, type Interval } from '../src/eval/span-recovery.ts';
import { annotateDates, civilFromDay, daysInMonth, parseDate } from '../src/time/index.ts';

const REFERENCE = new Date(Date.UTC(2023, 6, 15, 12));
/** Recognizers reads about a hundred sentences a second: its speed is measured on these. */
const NUM_TIMED = 300;
const NUM_ROUNDS = 3;

export async function bench(): Promise<BenchRow[]> {
  const file = join(process.env['TENFOLD_DATA'] ?? '', 'temporal-qa/tvq-dev.json');
  if (!existsSync(file)) throw new Error('needs temporal-qa/tvq-dev.json in the folder that TENFOLD_DATA names');
  const rows = readTvq(file).filter((row) => row.source !== 'kb');
  const model = new recognizers.DateTimeRecognizer('en-us').getDateTimeModel();
  const byRecognizers = (text: string): Interval[] =>
    model.parse(text, REFERENCE).flatMap((result) => intervalsOfRecognizers(result.resolution));
  const peers = { 'chrono-node': byChrono, Recognizers: byRecognizers };
  const texts = rows.slice(0, NUM_TIMED).map((row) => row.evidence);
  const table: BenchRow[] = [];
  const own = total(recoverSpans(rows, ownIntervals));
  for (const [name, intervalsOf] of Object.entries(peers)) {
    const theirs = total(recoverSpans(rows, intervalsOf));
    table.push({
      name: `gold intervals found exactly, ${name}`,
      ours: own.found / own.total,
      peer: theirs.found / theirs.total,
      unit: 'share',
      ratio: own.found / theirs.found,
      note: `${own.found} and ${theirs.found} of ${own.total} texts and infoboxes; the text states both ends in ${own.findable}`,
    });
  }
  for (const [name, read] of [
    ['chrono-node', (text: string) => chrono.parse(text, REFERENCE).length],
    ['Recognizers', (text: string) => model.parse(text, REFERENCE).length],
  ] as const) {
    const rates = { ours: [] as number[], theirs: [] as number[] };
    for (let round = 0; round < NUM_ROUNDS; round++) {
      rates.ours.push(rate(texts, (text) => annotateDates(text).length));
      rates.theirs.push(rate(texts, read));
    }
    const [ours, peer] = [median(rates.ours), median(rates.theirs)];
    table.push({
      name: `sentences read, ${name}`,
      ours,
      peer,
      unit: 'sentences/s',
      ratio: ours / peer,
      note: `${texts.length} texts`,
    });
  }
  return table;
}

function total(bySource: ReturnType<typeof recoverSpans>) {
  const sum = { total: 0, found: 0, findable: 0 };
  for (const tally of Object.values(bySource)) {
    sum.total += tally.total;
    sum.found += tally.found;
    sum.findable += tally.findable;
  }
  return sum;
}

/** Each result, its start alone and, where it is a range, from start to end; widened to the precision that is certain. */
function byChrono(text: string): Interval[] {
  return chrono.parse(text, REFERENCE).flatMap(({ start, end }) => {
    const from = boundsOfChrono(start);
    if (!end) return [from];
    const to = boundsOfChrono(end);
    return [from, to, [from[0], to[1]]] satisfies Interval[];
  });
}

function boundsOfChrono(part: chrono.ParsedComponents): Interval {
  const [year, month, day] = [part.get('year') ?? 0, part.get('month') ?? 1, part.get('day') ?? 1];
  if (part.isCertain('day')) return [year * 10_000 + month * 100 + day, year * 10_000 + month * 100 + day];
  if (part.isCertain('month'))
    return [year * 10_000 + month * 100 + 1, year * 10_000 + month * 100 + daysInMonth(year, month)];
  return [year * 10_000 + 101, year * 10_000 + 1231];
}

/** Their ranges end on an excluded day, but ranges of two days on the last one: both readings count. */
function intervalsOfRecognizers(resolution: Readonly<Record<string, unknown>> | null): Interval[] {
  const values = (resolution?.['values'] ?? []) as { value?: string; start?: string; end?: string }[];
  return values.flatMap(({ value, start, end }): Interval[] => {
    if (value !== undefined) return [[integer(value), integer(value)]];
    if (start === undefined) return [];
    if (end === undefined) return [[integer(start), OPEN_END]];
    return [
      [integer(start), integer(end)],
      [integer(start), integer(end, -1)],
    ];
  });
}

function integer(iso: string, shift = 0): number {
  const bounds = parseDate(iso.slice(0, 10));
  if (!bounds) return 0;
  const { year, month, day } = civilFromDay(bounds.lo + shift);
  return year * 10_000 + month * 100 + day;
}

function rate(texts: readonly string[], read: (text: string) => number): number {
  const from = performance.now();
  let found = 0;
  for (const text of texts) found += read(text);
  if (found === 0) throw new Error('an annotator found nothing');
  return (texts.length / (performance.now() - from)) * 1000;
}
