/** Day numbers: proleptic Gregorian days, 0 = 1970-01-01, with astronomical years (0 = 1 BC, −43 = 44 BC).
 *  Integer arithmetic on 400-year eras; nothing here touches the Date class, so no zone and no two-digit years. */

/** Days since 1970-01-01. */
export type Day = number;

export interface Civil {
  /** Astronomical: 0 is 1 BC. */
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

/** Stands for "no bound"; finite, so that typed arrays and SQLite integers hold it. */
export const DAY_MIN: Day = -1_000_000_000;
export const DAY_MAX: Day = 1_000_000_000;

const DAYS_PER_ERA = 146_097;
/** Days from 0000-03-01 to 1970-01-01. */
const EPOCH_SHIFT = 719_468;
const MONTH_LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

export function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

export function daysInMonth(year: number, month: number): number {
  return month === 2 && isLeapYear(year) ? 29 : MONTH_LENGTHS[month - 1]!;
}

export function isCivil(year: number, month: number, day: number): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month);
}

/** Day number of a Gregorian date. The date must be valid (see isCivil). Cost: O(1), no allocation. */
export function dayFromCivil(year: number, month: number, day: number): Day {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * DAYS_PER_ERA + dayOfEra - EPOCH_SHIFT;
}

export function civilFromDay(dayNumber: Day): Civil {
  const z = dayNumber + EPOCH_SHIFT;
  const era = Math.floor(z / DAYS_PER_ERA);
  const dayOfEra = z - era * DAYS_PER_ERA;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return { year, month, day: dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1 };
}

/** Day number of a Julian-calendar date: 4 October 1582 (Julian) is the day before 15 October 1582 (Gregorian). */
export function dayFromJulian(year: number, month: number, day: number): Day {
  const y = month <= 2 ? year - 1 : year;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return 365 * y + Math.floor(y / 4) + dayOfYear - EPOCH_SHIFT - 2;
}

/** The date that the Julian calendar shows on a day. */
export function julianFromDay(dayNumber: Day): Civil {
  const z = dayNumber + EPOCH_SHIFT + 2;
  const cycle = Math.floor(z / 1461);
  const dayOfCycle = z - cycle * 1461;
  const yearOfCycle = Math.floor((dayOfCycle - Math.floor(dayOfCycle / 1460)) / 365);
  const dayOfYear = dayOfCycle - 365 * yearOfCycle;
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const year = cycle * 4 + yearOfCycle + (month <= 2 ? 1 : 0);
  return { year, month, day: dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1 };
}

/** 0 = Monday … 6 = Sunday. */
export function weekdayOf(dayNumber: Day): number {
  return (((dayNumber + 3) % 7) + 7) % 7;
}

/** ISO 8601 with an astronomical year: `1994-03-17`, `-0043-03-15`, `+12345-01-01`; `..` for no bound. */
export function isoFromDay(dayNumber: Day): string {
  if (dayNumber <= DAY_MIN || dayNumber >= DAY_MAX) return '..';
  const { year, month, day } = civilFromDay(dayNumber);
  return `${isoYear(year)}-${pad(month, 2)}-${pad(day, 2)}`;
}

export function isoYear(year: number): string {
  if (year < 0) return `-${pad(-year, 4)}`;
  return year > 9999 ? `+${year}` : pad(year, 4);
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0');
}
