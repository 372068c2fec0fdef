/** Strict date syntaxes: ISO 8601, EDTF level 1, Wikidata time values, xsd:dateTime of RDF dumps, Julian dates.
 *  Wikidata JSON counts −44 as 44 BC; RDF counts 1 BC as year 0, one off. */
import { temporalError } from '../temporal-errors.ts';
import { annotateDates } from './annotate.ts';
import {
  civilFromDay,
  dayFromCivil,
  dayFromJulian,
  daysInMonth,
  isCivil,
  julianFromDay,
  type Day,
} from './day-number.ts';
import {
  boundsOfDay,
  boundsOfMonth,
  boundsOfYear,
  eventSpan,
  stateSpan,
  type SpanBounds,
  type TimeSpan,
} from './span.ts';

/** Wikidata's code of the Julian calendar. */
const JULIAN_ITEM = 'Q1985786';
/** Widening of "~" in EDTF, in years, for year precision [ours]. */
const APPROX_YEARS = 5;

export interface ParsedDate {
  readonly bounds: SpanBounds;
  /** The value was given in the Julian calendar. */
  readonly julian?: boolean;
}

/** Bounds of a single date in EDTF level 0/1 or ISO: `1994`, `1994-03`, `1994-03-17`, `-0043`, `199X`, `19XX`,
 *  `2004-##-##`, `1510~`, `Y-17000`, `1994-21` (spring), `2001-02-03T00:00:00Z`.
 *  @returns undefined if it is not such a date or not a day of the calendar */
export function parseDate(source: string): SpanBounds | undefined {
  let text = source.trim();
  let approx = false;
  while (/[~?%]$/.test(text)) {
    approx ||= !text.endsWith('?');
    text = text.slice(0, -1);
  }
  const masked = /^(-?\d{2,3})(X{1,2})(?:-XX){0,2}$/i.exec(text) ?? /^(-?\d{2})(uu)$/.exec(text);
  if (masked) {
    const width = 10 ** masked[2]!.length;
    if (masked[1]!.replace('-', '').length + masked[2]!.length !== 4) return undefined;
    const first = Number(masked[1]) * width;
    const [from, to] = first < 0 ? [first - width + 1, first] : [first, first + width - 1];
    return { lo: dayFromCivil(from, 1, 1), hi: dayFromCivil(to, 12, 31), gran: width === 10 ? 'decade' : 'century' };
  }
  const match =
    /^(?:Y(-?\d{1,6})|([+-]?\d{4,6}))(?:-(\d{2}|##|XX)(?:-(\d{2}|##|XX))?)?(?:T[\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?$/.exec(
      text,
    );
  if (!match) return undefined;
  const year = Number(match[1] ?? match[2]);
  const month = /^\d+$/.test(match[3] ?? '') ? Number(match[3]) : 0;
  const day = /^\d+$/.test(match[4] ?? '') ? Number(match[4]) : 0;
  const bounds = boundsOf(year, month, day);
  if (!bounds || !approx || bounds.gran !== 'year') return bounds && approx ? { ...bounds, approx } : bounds;
  return {
    lo: dayFromCivil(year - APPROX_YEARS, 1, 1),
    hi: dayFromCivil(year + APPROX_YEARS, 12, 31),
    gran: 'year',
    approx,
  };
}

function boundsOf(year: number, month: number, day: number): SpanBounds | undefined {
  if (month === 0) return boundsOfYear(year);
  if (month >= 21 && month <= 24) {
    const first = (month - 20) * 3;
    const lastYear = month === 24 ? year + 1 : year;
    const lastMonth = month === 24 ? 2 : first + 2;
    return {
      lo: dayFromCivil(year, first, 1),
      hi: dayFromCivil(lastYear, lastMonth, daysInMonth(lastYear, lastMonth)),
      gran: 'season',
      approx: true,
    };
  }
  if (month > 12) return undefined;
  if (day === 0) return boundsOfMonth(year, month);
  return isCivil(year, month, day) ? boundsOfDay(year, month, day) : undefined;
}

/** A date or interval: EDTF (`1994/2008`, `1994/..`, `../1996`), or free text (`44 BC`, `March 1990`).
 *  @throws TF-TEMPORAL-001 if nothing can be read */
export function parseSpan(source: string): TimeSpan {
  const span = findSpan(source);
  if (span) return span;
  throw temporalError('TF-TEMPORAL-001', {
    subject: 'parseSpan',
    expected: 'a date or interval like 1994, 1994-03-17, 1994/2008, 1994/.. or 44 BC',
    actual: `"${source.slice(0, 60)}"`,
  });
}

/** As parseSpan, but undefined where nothing can be read. */
export function findSpan(source: string): TimeSpan | undefined {
  const single = parseDate(source);
  if (single) return eventSpan(single);
  const slash = source.split('/');
  if (slash.length === 2) {
    const [from, to] = slash.map((part) => part.trim());
    const isOpen = (part: string) => part === '' || part === '..' || part === '*';
    const start = isOpen(from!) ? undefined : parseDate(from!);
    const end = isOpen(to!) ? undefined : parseDate(to!);
    if ((start || isOpen(from!)) && (end || isOpen(to!)) && (start ?? end)) return stateSpan(start, end);
  }
  return annotateDates(source)[0]?.span;
}

/** Bounds of a Wikidata time value, by its precision (11 day, 10 month, 9 year, 8 decade, 7 century, 6 millennium).
 *  @param time  like `+1994-00-00T00:00:00Z` or `-0044-03-15T00:00:00Z` (44 BC)
 *  @returns undefined for impossible dates; Julian values are converted and marked */
export function parseWikidataTime(time: string, precision: number, calendar = ''): ParsedDate | undefined {
  const match = /^([+-])(\d{1,16})-(\d{2})-(\d{2})T/.exec(time);
  if (!match) return undefined;
  const magnitude = Number(match[2]);
  const year = match[1] === '-' ? 1 - magnitude : magnitude;
  const month = Number(match[3]);
  const day = Number(match[4]);
  if (Math.abs(year) > 2_000_000) return undefined;
  if (precision >= 9 || precision < 6) {
    const julian = calendar.endsWith(JULIAN_ITEM);
    const isDay = precision >= 11 && day > 0 && month > 0;
    if (julian && isDay) {
      if (month > 12 || day > (month === 2 && year % 4 === 0 ? 29 : daysInMonth(2001, month))) return undefined;
      const value = dayFromJulian(year, month, day);
      return { bounds: { lo: value, hi: value, gran: 'day' }, julian };
    }
    const bounds = boundsOf(year, precision >= 10 ? month : 0, isDay ? day : 0);
    return bounds && { bounds, ...(julian ? { julian } : {}) };
  }
  // Precision 8 names the decade by any of its years; 7 the century by its last year or any.
  const width = precision === 8 ? 10 : precision === 7 ? 100 : 1000;
  const from = precision === 8 ? Math.floor(year / width) * width : Math.floor((year - 1) / width) * width + 1;
  return {
    bounds: {
      lo: dayFromCivil(from, 1, 1),
      hi: dayFromCivil(from + width - 1, 12, 31),
      gran: precision === 8 ? 'decade' : 'century',
    },
  };
}

/** Bounds of an RDF literal `-0043-03-15T00:00:00Z` (astronomical year: 44 BC); dumps write unknown parts as 01. */
export function parseXsdDateTime(literal: string): SpanBounds | undefined {
  return parseDate(literal);
}

/** `15 March 44 BC (Julian)`-style text of a day in the Julian calendar. */
export function julianText(day: Day): string {
  const { year, month, day: dayOfMonth } = julianFromDay(day);
  return `${dayOfMonth} ${MONTH_NAMES[month - 1]} ${yearText(year)} (Julian)`;
}

export function yearText(year: number): string {
  if (year <= 0) return `${1 - year} BC`;
  // short years need their era to be read as years again
  return year < 1000 ? `${year} AD` : String(year);
}

const MONTH_NAMES = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

/** A person's words for a date: `17 March 1994`, `March 1994`, `1994`, `the 1990s`, `44 BC`. */
export function boundsText(lo: Day, hi: Day): string {
  const a = civilFromDay(lo);
  const b = civilFromDay(hi);
  if (lo === hi) return `${a.day} ${MONTH_NAMES[a.month - 1]} ${yearText(a.year)}`;
  if (a.day === 1 && b.day === daysInMonth(b.year, b.month)) {
    if (a.year === b.year && a.month === 1 && b.month === 12) return yearText(a.year);
    if (a.year === b.year && a.month === b.month) return `${MONTH_NAMES[a.month - 1]} ${yearText(a.year)}`;
    if (a.month === 1 && b.month === 12 && a.year % 10 === 0 && b.year === a.year + 9) return `the ${a.year}s`;
    if (a.month === 1 && b.month === 12) return `${yearText(a.year)} to ${yearText(b.year)}`;
  }
  return `${boundsText(lo, lo)} to ${boundsText(hi, hi)}`;
}

/** Timestamp of a date as benchmarks write it: the first day of its bounds. */
export function timestampOf(lo: Day): string {
  const { year, month, day } = civilFromDay(lo);
  const width = year < 0 ? `-${String(-year).padStart(4, '0')}` : String(year).padStart(4, '0');
  return `${width}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}T00:00:00Z`;
}

/** TIMEX3 value of a span: a date with its precision, or a pair of dates. */
export function timexFromSpan(span: TimeSpan): string {
  if (span.kind === 'event') {
    const text = parseTimex(span.s0, span.e1);
    if (text) return text;
  }
  const dayText = (day: Day) => timestampOf(day).slice(0, -10);
  if (span.kind === 'event') return `(${dayText(span.s0)},${dayText(span.e1)})`;
  const start = span.openStart ? '' : (parseTimex(span.s0, span.s1) ?? dayText(span.s0));
  const end = span.openEnd ? '' : (parseTimex(span.e0, span.e1) ?? dayText(span.e1));
  return `(${start},${end})`;
}

function parseTimex(lo: Day, hi: Day): string | undefined {
  const iso = timestampOf(lo).slice(0, -10);
  const a = civilFromDay(lo);
  if (lo === hi) return iso;
  const b = civilFromDay(hi);
  if (a.day !== 1 || b.day !== daysInMonth(b.year, b.month)) return undefined;
  if (a.year === b.year && a.month === b.month) return iso.slice(0, -3);
  if (a.month !== 1 || b.month !== 12) return undefined;
  if (a.year === b.year) return iso.slice(0, -6);
  // digits of years before 1 count backwards
  if (a.year < 0) return undefined;
  if (a.year % 10 === 0 && b.year === a.year + 9) return `${iso.slice(0, -7)}X`;
  return a.year % 100 === 0 && b.year === a.year + 99 ? `${iso.slice(0, -8)}XX` : undefined;
}
