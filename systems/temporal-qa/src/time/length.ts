/** Lengths of time by the calendar: whole years and days, or the unit that is asked for. Bounds that are not days
 *  give a range. */
import { civilFromDay, dayFromCivil, daysInMonth, type Day } from './day-number.ts';

export type LengthUnit = 'days' | 'weeks' | 'months' | 'years';

/** A moment somewhere within the bounds. */
export interface MomentBounds {
  readonly lo: Day;
  readonly hi: Day;
}

/** Ranges shorter than this are told in days, where no unit is asked for. */
const DAYS_ARE_CLEARER = 730;

/** Whole months from one day to a later one: the 31st counts as the last day of a shorter month. */
export function wholeMonths(from: Day, to: Day): number {
  const a = civilFromDay(from);
  const b = civilFromDay(to);
  const months = (b.year - a.year) * 12 + b.month - a.month;
  return b.day >= Math.min(a.day, daysInMonth(b.year, b.month)) ? months : months - 1;
}

/** Whole years from one day to a later one, as ages are counted. */
export function wholeYears(from: Day, to: Day): number {
  return Math.floor(wholeMonths(from, to) / 12);
}

/** Words for the time from one moment to a later one: `77 years, 208 days`, `72 or 73 years`, `49 to 53 days`. */
export function lengthText(from: MomentBounds, to: MomentBounds, unit?: LengthUnit): string {
  const isExact = from.lo === from.hi && to.lo === to.hi;
  if (isExact && unit === undefined) return exactText(from.lo, to.lo);
  const most = to.hi - from.lo;
  const shown = unit ?? (most < DAYS_ARE_CLEARER ? 'days' : 'years');
  if (isExact && shown === 'years' && wholeYears(from.lo, to.lo) > 0) return exactText(from.lo, to.lo);
  return rangeText(lengthIn(shown, Math.min(from.hi, to.lo), to.lo), lengthIn(shown, from.lo, to.hi), shown);
}

function lengthIn(unit: LengthUnit, from: Day, to: Day): number {
  switch (unit) {
    case 'days':
      return to - from;
    case 'weeks':
      return Math.floor((to - from) / 7);
    case 'months':
      return wholeMonths(from, to);
    case 'years':
      return wholeYears(from, to);
  }
}

function rangeText(least: number, most: number, unit: LengthUnit): string {
  if (least === most) return counted(most, unit);
  return `${least} ${most === least + 1 ? 'or' : 'to'} ${counted(most, unit)}`;
}

function exactText(from: Day, to: Day): string {
  const years = wholeYears(from, to);
  if (years === 0) return counted(to - from, 'days');
  const rest = to - sameDayAfter(from, years);
  return rest === 0 ? counted(years, 'years') : `${counted(years, 'years')}, ${counted(rest, 'days')}`;
}

function sameDayAfter(day: Day, years: number): Day {
  const { year, month, day: dayOfMonth } = civilFromDay(day);
  return dayFromCivil(year + years, month, Math.min(dayOfMonth, daysInMonth(year + years, month)));
}

function counted(count: number, unit: LengthUnit): string {
  return `${count.toLocaleString('en')} ${count === 1 ? unit.slice(0, -1) : unit}`;
}
