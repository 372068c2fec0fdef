/** How long it was between two times, and how old somebody was: both times are asked for, the rest is the calendar. */
import {
  annotateDates,
  DAY_MAX,
  DAY_MIN,
  edtfFromSpan,
  isoFromDay,
  lengthText,
  type MomentBounds,
  type TimeSpan,
} from '../time/index.ts';
import type { Frame } from '../understand/frame.ts';
import { TODAY, type Gap } from '../understand/two-times.ts';
import { bornTime } from './compare.ts';
import { momentOf } from './moment.ts';
import type { Asker, Outcome, Trace } from './outcome.ts';
import { POSSESSIVE, PRONOUN } from './resolve-clause.ts';
import type { Support } from './types.ts';

/** A time with what proves it; a date of the question has no proof. */
interface Found {
  readonly text: string;
  readonly span: TimeSpan;
  readonly support: readonly Support[];
}

export async function gapBetween(asker: Asker, frame: Frame, depth: number, trace: Trace): Promise<Outcome> {
  const { kind, cuts } = frame.gap!;
  if (asker.today === undefined && cuts.some((cut) => cut.includes(TODAY)))
    return {
      code: 'E_UNDECIDED',
      message: 'The question counts up to today, and nothing says which day that is. Give --ref-date.',
    };
  const isKnown = (text: string) => text === TODAY || isDate(text) || asker.nameIn(text) !== undefined;
  const ordered = cuts.toSorted((a, b) => Number(b.every(isKnown)) - Number(a.every(isKnown)));
  let missing: string | undefined;
  for (const [first, second] of ordered) {
    const found = await (kind === 'age'
      ? ageTimes(asker, first, second, depth, trace)
      : timesOf(asker, first, second, depth, trace));
    if (found.length === 2) return lengthOf(found[0]!, found[1]!, frame.gap!);
    missing ??= found.length === 0 ? first : second;
  }
  return {
    code: 'E_SUBQUESTION',
    message:
      kind === 'age' && missing === ordered[0]![0]
        ? `No evidence says when “${asker.nameIn(missing) ?? missing}” was born, so no age can be told.`
        : `The time of “${missing}” was not found, so no length can be told.`,
  };
}

async function timesOf(asker: Asker, first: string, second: string, depth: number, trace: Trace): Promise<Found[]> {
  const [a, b] = [withName(asker, first, second), withName(asker, second, first)];
  const from = await timeOf(asker, a, depth, trace);
  if (!from) return [];
  const to = await timeOf(asker, b, depth, trace);
  return to ? [from, to] : [from];
}

async function ageTimes(asker: Asker, who: string, when: string, depth: number, trace: Trace): Promise<Found[]> {
  const name = asker.nameIn(who) ?? who;
  const born = await bornTime(asker, name, depth, trace);
  if (!born) return [];
  const from: Found = { text: `${name} born`, ...born };
  if (when === TODAY) {
    const died = await timeOf(asker, `${name} died`, depth, trace);
    if (died && died.span.e1 < asker.today!) {
      trace.notes.push(`${name} had died by then; this is the age at death.`);
      return [from, died];
    }
  }
  const to = await timeOf(asker, withName(asker, when, name), depth, trace);
  return to ? [from, to] : [from];
}

/** The time of a date, of today, or of an event that is asked for. */
async function timeOf(asker: Asker, text: string, depth: number, trace: Trace): Promise<Found | undefined> {
  if (text === TODAY) {
    const day = asker.today!;
    return { text, span: { s0: day, s1: day, e0: day, e1: day, gran: 'day', kind: 'event' }, support: [] };
  }
  if (isDate(text)) return { text, span: annotateDates(text)[0]!.span, support: [] };
  const sub = await asker.run(`When ${text}?`, depth + 1);
  trace.sub.push(sub);
  const [top] = sub.answers;
  if (top?.verdict === 'possible') trace.isUnsure = true;
  return top && { text, span: momentOf(top.span ?? top.support[0]!.spans[0]!, text), support: top.support };
}

/** Nothing but a date, with its preposition. */
function isDate(text: string): boolean {
  const [date, ...others] = annotateDates(text);
  if (!date || others.length > 0) return false;
  const rest = text.slice(0, date.start) + text.slice(date.end);
  return /^[\s,.]*(?:(?:the|year|of|in|on|month|day)[\s,.]*)*$/i.test(rest);
}

/** "its wreck" with the name that the other part has. */
function withName(asker: Asker, text: string, other: string): string {
  if (!(PRONOUN.test(text) || POSSESSIVE.test(text)) || asker.nameIn(text) !== undefined) {
    const name = PRONOUN.test(text) ? asker.nameIn(other) : undefined;
    return name ? text.replace(PRONOUN, name) : text;
  }
  const name = asker.nameIn(other);
  return name ? text.replace(PRONOUN, name).replace(POSSESSIVE, `${name}'s`) : text;
}

function lengthOf(first: Found, second: Found, { kind, unit }: Gap): Outcome {
  const isAge = kind === 'age';
  if (first.support.length + second.support.length === 0) {
    const [from, to] = [first, second].toSorted((a, b) => a.span.s0 - b.span.s0) as [Found, Found];
    return {
      code: 'E_UNDECIDED',
      message: `Both are dates of the question, so the sources are not asked; the calendar says ${lengthText(startOf(from), startOf(to), unit)} from ${from.text} to ${to.text}.`,
    };
  }
  // an age is that during all of the other time; a gap runs from the end of the earlier to the start of the later
  const isSwapped = kind === 'between' && second.span.e1 <= first.span.s0;
  const [from, to] = isSwapped ? [second, first] : [first, second];
  const begin = isAge ? startOf(from) : endOf(from);
  const until = isAge ? { lo: to.span.s0, hi: to.span.e1 } : startOf(to);
  if (begin.hi >= DAY_MAX || until.hi >= DAY_MAX || begin.lo <= DAY_MIN || until.lo <= DAY_MIN)
    return {
      code: 'E_UNDECIDED',
      message: `${edtfFromSpan(from.span)} and ${edtfFromSpan(to.span)} leave an end open, so no length can be told.`,
    };
  const isState = ({ span }: Found) => span.kind === 'state' && span.s1 < span.e0;
  const overlaps = from.span.s1 <= to.span.e0 && to.span.s1 <= from.span.e0;
  if (!isAge && overlaps && (isState(from) || isState(to)))
    return {
      code: 'E_UNDECIDED',
      message: `${edtfFromSpan(from.span)} and ${edtfFromSpan(to.span)} overlap: there is no time between them.`,
    };
  if (until.hi < begin.lo)
    return {
      code: 'E_UNDECIDED',
      message: `“${to.text}” (${edtfFromSpan(to.span)}) was before “${from.text}” (${edtfFromSpan(from.span)}).`,
    };
  const label = lengthText(begin, until, isAge ? 'years' : unit);
  const why = `from ${boundsOf(begin)} to ${boundsOf(until)}`;
  const support = [...to.support, ...from.support].map((one, index) => (index === 0 ? { ...one, why } : one));
  return {
    answers: [
      {
        label: isAge ? label.replace(/, .*$/, '') : label,
        id: label,
        score: 1,
        verdict: 'certain',
        support,
        span: { s0: begin.lo, s1: begin.hi, e0: until.lo, e1: until.hi, gran: 'mixed', kind: 'state' },
      },
    ],
  };
}

function startOf({ span }: Found): MomentBounds {
  return { lo: span.s0, hi: span.kind === 'state' ? span.s1 : span.e1 };
}

function endOf({ span }: Found): MomentBounds {
  return { lo: span.kind === 'state' ? span.e0 : span.s0, hi: span.e1 };
}

function boundsOf({ lo, hi }: MomentBounds): string {
  return lo === hi ? isoFromDay(lo) : edtfFromSpan({ s0: lo, s1: hi, e0: lo, e1: hi, gran: 'mixed', kind: 'event' });
}
