/** Dates relative to a reference day: today, last year, two weeks ago, next Monday, this month, in March. */
import { civilFromDay, dayFromCivil, daysInMonth, isCivil, weekdayOf, type Day } from './day-number.ts';
import { boundsOfDay, boundsOfMonth, boundsOfYear, type SpanBounds } from './span.ts';

export interface RelativeDate {
  readonly start: number;
  readonly end: number;
  readonly bounds: SpanBounds;
}

const NUMBERS: Readonly<Record<string, number>> = {
  a: 1,
  an: 1,
  one: 1,
  two: 2,
  three: 3,
  four: 4,
  five: 5,
  six: 6,
  seven: 7,
  eight: 8,
  nine: 9,
  ten: 10,
  eleven: 11,
  twelve: 12,
  twenty: 20,
  thirty: 30,
};
const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
const MONTHS = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
];
const MONTH_PATTERN =
  'jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?';
const WEEKDAY_PATTERN =
  'mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:rs(?:day)?)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?';
const COUNT = `\\d{1,3}|${Object.keys(NUMBERS).join('|')}`;

type Rule = readonly [RegExp, (match: RegExpExecArray, ref: Day) => SpanBounds | undefined];

const RULES: readonly Rule[] = [
  [/\bthe day after tomorrow\b/gi, (_, ref) => dayBounds(ref + 2)],
  [/\bthe day before yesterday\b/gi, (_, ref) => dayBounds(ref - 2)],
  [/\b(?:today|this day)\b/gi, (_, ref) => dayBounds(ref)],
  [/\b(?:tomorrow|the next day|next day)\b/gi, (_, ref) => dayBounds(ref + 1)],
  [/\b(?:yesterday|the last day|last day)\b/gi, (_, ref) => dayBounds(ref - 1)],
  [
    new RegExp(
      `\\b(${COUNT}) (day|week|month|year|decade)s? (ago|before now|from now|later|from today|before today|hence)\\b`,
      'gi',
    ),
    (match, ref) =>
      shifted(ref, countOf(match[1]!) * (/ago|before/i.test(match[3]!) ? -1 : 1), match[2]!.toLowerCase()),
  ],
  [
    new RegExp(`\\bin (?:the next )?(${COUNT}) (day|week|month|year)s?\\b`, 'gi'),
    (match, ref) => shifted(ref, countOf(match[1]!), match[2]!.toLowerCase()),
  ],
  [
    new RegExp(`\\b(?:the )?(last|past|previous|next|coming) (${COUNT}) (day|week|month|year)s\\b`, 'gi'),
    (match, ref) => {
      const sign = /next|coming/i.test(match[1]!) ? 1 : -1;
      const other = shifted(ref, sign * countOf(match[2]!), match[3]!.toLowerCase())!;
      return sign < 0 ? { lo: other.lo, hi: ref - 1, gran: 'mixed' } : { lo: ref + 1, hi: other.hi, gran: 'mixed' };
    },
  ],
  [
    /\b(?:the )?(last|past|previous|this|current|next|coming|following) (week|month|year|quarter|decade|century|weekend)\b/gi,
    (match, ref) => unitBounds(match[2]!.toLowerCase(), stepOf(match[1]!), ref),
  ],
  [
    /\b(?:year to date|ytd)\b/gi,
    (_, ref) => ({ lo: dayFromCivil(civilFromDay(ref).year, 1, 1), hi: ref, gran: 'mixed' }),
  ],
  [
    new RegExp(`\\b(last|past|previous|this|next|on|upcoming)? ?(${WEEKDAY_PATTERN})\\b(?! \\d)`, 'gi'),
    (match, ref) => {
      const target = WEEKDAYS.findIndex((day) => day.startsWith(match[2]!.toLowerCase().slice(0, 3)));
      const monday = ref - weekdayOf(ref);
      const word = (match[1] ?? '').toLowerCase();
      if (word === 'this') return dayBounds(monday + target);
      if (word === 'next') return dayBounds(monday + 7 + target);
      if (word === 'last' || word === 'past' || word === 'previous') return dayBounds(monday - 7 + target);
      const ahead = (target - weekdayOf(ref) + 7) % 7;
      return dayBounds(ref + (ahead === 0 ? 7 : ahead));
    },
  ],
  [
    new RegExp(`\\b(?:(last|this|next) |in |this )?(${MONTH_PATTERN})\\b(?!\\.? ?,? ?\\d)`, 'g'),
    (match, ref) => monthBounds(match[2]!, stepOf(match[1] ?? ''), ref),
  ],
  [
    new RegExp(`\\b(?:(last|next|this) )(${MONTH_PATTERN})\\b`, 'gi'),
    (match, ref) => monthBounds(match[2]!, stepOf(match[1] ?? ''), ref),
  ],
  [
    new RegExp(`\\b(${MONTH_PATTERN})\\.?(?:-|/| )(?:the )?(\\d{1,2})(?:st|nd|rd|th)?\\b(?!,? ?\\d)`, 'gi'),
    (match, ref) => yearlessDay(match[1]!, Number(match[2]), ref),
  ],
  [
    new RegExp(`\\b(\\d{1,2})(?:st|nd|rd|th)?(?: of|-)? ?(${MONTH_PATTERN})\\b(?!,? ?\\d{4})`, 'gi'),
    (match, ref) => yearlessDay(match[2]!, Number(match[1]), ref),
  ],
];

/** Relative dates of a text, longest first at each place, in order, not overlapping.
 *  A date without a year is the next one that is not before the reference day. */
export function annotateRelative(text: string, ref: Day): RelativeDate[] {
  const found: RelativeDate[] = [];
  for (const [pattern, boundsOfMatch] of RULES) {
    pattern.lastIndex = 0;
    for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
      const bounds = boundsOfMatch(match, ref);
      const start = match.index + (match[0].length - match[0].trimStart().length);
      const end = match.index + match[0].length;
      if (bounds && !found.some((other) => other.start < end && start < other.end)) found.push({ start, end, bounds });
    }
  }
  return found.toSorted((a, b) => a.start - b.start);
}

function dayBounds(day: Day): SpanBounds {
  return { lo: day, hi: day, gran: 'day' };
}

function countOf(word: string): number {
  return NUMBERS[word.toLowerCase()] ?? Number(word);
}

function stepOf(word: string): number {
  if (/last|past|previous/i.test(word)) return -1;
  return /next|coming|following/i.test(word) ? 1 : 0;
}

function shifted(ref: Day, count: number, unit: string): SpanBounds | undefined {
  if (unit === 'day') return dayBounds(ref + count);
  if (unit === 'week') return dayBounds(ref + 7 * count);
  const { year, month, day } = civilFromDay(ref);
  const total = year * 12 + month - 1 + count * (unit === 'month' ? 1 : unit === 'year' ? 12 : 120);
  const toYear = Math.floor(total / 12);
  const toMonth = total - toYear * 12 + 1;
  const value = dayFromCivil(toYear, toMonth, Math.min(day, daysInMonth(toYear, toMonth)));
  return dayBounds(value);
}

function unitBounds(unit: string, step: number, ref: Day): SpanBounds | undefined {
  const { year, month } = civilFromDay(ref);
  if (unit === 'year') return boundsOfYear(year + step);
  if (unit === 'month') {
    const total = year * 12 + month - 1 + step;
    return boundsOfMonth(Math.floor(total / 12), (((total % 12) + 12) % 12) + 1);
  }
  const monday = ref - weekdayOf(ref) + 7 * step;
  if (unit === 'week') return { lo: monday, hi: monday + 6, gran: 'mixed' };
  if (unit === 'weekend') return { lo: monday + 5, hi: monday + 6, gran: 'mixed' };
  if (unit === 'quarter') {
    const total = year * 4 + Math.floor((month - 1) / 3) + step;
    const first = (((total % 4) + 4) % 4) * 3 + 1;
    const inYear = Math.floor(total / 4);
    return { lo: dayFromCivil(inYear, first, 1), hi: boundsOfMonth(inYear, first + 2).hi, gran: 'mixed' };
  }
  const width = unit === 'decade' ? 10 : 100;
  const from = (Math.floor(year / width) + step) * width;
  return {
    lo: dayFromCivil(from, 1, 1),
    hi: dayFromCivil(from + width - 1, 12, 31),
    gran: unit === 'decade' ? 'decade' : 'century',
  };
}

function monthIndexOf(word: string): number {
  return MONTHS.findIndex((month) => month.startsWith(word.toLowerCase().slice(0, 3))) + 1;
}

function monthBounds(word: string, step: number, ref: Day): SpanBounds | undefined {
  if (step === 0 && /^[a-z]/.test(word)) return undefined;
  const { year, month } = civilFromDay(ref);
  const target = monthIndexOf(word);
  if (step !== 0) return boundsOfMonth(year + step, target);
  return boundsOfMonth(target < month ? year + 1 : year, target);
}

function yearlessDay(word: string, day: number, ref: Day): SpanBounds | undefined {
  const { year } = civilFromDay(ref);
  const month = monthIndexOf(word);
  if (!isCivil(2000, month, day)) return undefined;
  const thisYear = isCivil(year, month, day) ? dayFromCivil(year, month, day) : -1;
  if (thisYear >= ref) return boundsOfDay(year, month, day);
  for (let next = year + 1; next < year + 9; next++)
    if (isCivil(next, month, day)) return boundsOfDay(next, month, day);
  return undefined;
}
