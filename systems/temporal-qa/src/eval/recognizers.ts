/** Microsoft's date cases: which of them our annotators resolve to the same days, and why not the others. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { annotateDates, annotateRelative, isoFromDay, parseDate } from '../time/index.ts';

interface Resolution {
  readonly date?: string;
  readonly startDate?: string;
  readonly endDate?: string;
}
interface Case {
  readonly Input: string;
  readonly Context?: { readonly ReferenceDateTime?: string };
  readonly Results: readonly {
    readonly Text: string;
    readonly Type?: string;
    readonly TypeName?: string;
    readonly Value?: {
      readonly Timex?: string;
      readonly FutureResolution?: Resolution;
      readonly PastResolution?: Resolution;
    };
  }[];
}

export interface RecognizersResult {
  readonly file: string;
  readonly total: number;
  readonly resolved: number;
  /** Misses by reason. */
  readonly reasons: Readonly<Record<string, number>>;
}

export function evaluateRecognizers(folder: string): RecognizersResult[] {
  return ['DateParser.json', 'DatePeriodParser.json'].map((name) => {
    const cases = JSON.parse(readFileSync(join(folder, name), 'utf8').replace(/^\uFEFF/, '')) as Case[];
    let total = 0;
    let resolved = 0;
    const reasons: Record<string, number> = {};
    for (const { Input, Context, Results } of cases) {
      for (const result of Results) {
        if (!result.Value) continue;
        total++;
        const ref = parseDate((Context?.ReferenceDateTime ?? '2016-11-07').slice(0, 10))?.lo ?? 0;
        const found = [
          ...annotateDates(Input).map(({ span }) => [isoFromDay(span.s0), isoFromDay(span.e1)]),
          ...annotateRelative(Input, ref).map(({ bounds }) => [isoFromDay(bounds.lo), isoFromDay(bounds.hi)]),
        ];
        const wanted = [result.Value.FutureResolution, result.Value.PastResolution]
          .filter((one) => one !== undefined)
          .map(daysOf);
        if (found.some(([from, to]) => wanted.some(([a, b]) => a === from && b === to))) resolved++;
        else {
          const reason = reasonOf(result.Value.Timex ?? '', result.Text, found.length > 0);
          reasons[reason] = (reasons[reason] ?? 0) + 1;
        }
      }
    }
    return { file: name, total, resolved, reasons };
  });
}

/** First and last day; their ranges end before the end date. */
function daysOf(resolution: Resolution): [string, string] {
  if (resolution.date !== undefined) return [resolution.date, resolution.date];
  const end = resolution.endDate === undefined ? undefined : parseDate(resolution.endDate);
  return [resolution.startDate ?? '..', end ? isoFromDay(end.lo - 1) : '..'];
}

function reasonOf(timex: string, text: string, foundOther: boolean): string {
  if (/-W|weekend|week/i.test(timex + text)) return 'numbered weeks and week arithmetic are not read';
  if (/^XXXX|XX-/.test(timex)) return 'no year in the text: appointment style, left to the caller';
  if (/P\d/.test(timex)) return 'a span counted from the reference day ends on another day than ours';
  if (/SP|SU|FA|WI/.test(timex)) return 'seasons are months with ours';
  return foundOther ? 'read as another interval' : 'not read';
}
