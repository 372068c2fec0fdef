/** The frame of a question: what is asked, of which kind the answer is, and which time binds it.
 *  The rules decide where they name a time; where they are silent, the trained classifier decides. */
import {
  annotateDates,
  annotateRelative,
  eventSpan,
  windowOf,
  type Day,
  type Signal,
  type TimeSpan,
} from '../time/index.ts';
import { classifySignal, type SignalGuess } from './classifier.ts';
import { splitClauses } from './clauses.ts';
import { findOrdinal } from './ordinals.ts';
import { twoTimesFrame, type Gap } from './two-times.ts';

export type AnswerKind = 'entity' | 'date' | 'number' | 'yes-no' | 'compare' | 'duration' | 'count' | 'events';
export type Category = 'explicit' | 'implicit' | 'ordinal' | 'temporal-answer' | 'none';

export interface Frame {
  readonly question: string;
  readonly kind: AnswerKind;
  /** The main clause without its dates. */
  readonly main: string;
  /** What the answer is: `club`, `president`, `person`, `date`. */
  readonly answerType: string;
  readonly signal: Signal;
  readonly category: Category;
  /** The classifier where the rules found no time and it names a signal: such a condition has no clause. */
  readonly decidedBy?: 'classifier';
  /** Clause whose time must be found first. */
  readonly clause?: string;
  /** A second condition, where a date stands beside a clause. */
  readonly also?: { readonly signal: Signal; readonly windows: readonly TimeSpan[] };
  /** Explicit time. */
  readonly windows: readonly TimeSpan[];
  readonly ordinal?: number;
  /** Which end a question for a date wants. */
  readonly side?: 'start' | 'end';
  readonly anchor?: 'current' | 'previous' | 'next';
  /** The two of a comparison: "A or B", "Is A older than B". */
  readonly options?: readonly string[];
  /** The earlier or the later one is asked. */
  readonly wants?: 'earlier' | 'later';
  /** A length between two times, instead of the length of one. */
  readonly gap?: Gap;
  readonly isPlural: boolean;
  /** Why the frame may be wrong. */
  readonly issues: readonly string[];
}

const YES_NO = /^(?:is|are|was|were|did|does|do|has|have|had)\b/i;
/** "What happened in 1989?": every event of a time, of a thing, or of both. */
const EVENTS =
  /^(?:(?:what|which)(?: all| else)?(?: events| things)? (?:happened|occurred|took place|(?:was|were) going on|went on)|(?:what|which) (?:were|are) the (?:main |major |important |key )?events|(?:which|what) events (?:were there|are known)|list (?:all |the )?events)\b(?: to| of| with)?/i;
const START_VERBS =
  /\b(?:became|become|becoming|took office|take office|took over|elected|joined|join|started|start|began|begin|begun|appointed|inaugurated|assumed|came to power|succeeded to|crowned|entered|marry|got married|moved|assumed|acceded)\b/i;
const END_VERBS =
  /\b(?:left office|leave office|resigned|stepped down|ended|end|left|leave|retired|dissolved|abdicated|ceased)\b/i;
/** Kinds whose time the classifier may decide; dates, durations and yes or no are computed from intervals. */
const DECIDABLE: ReadonlySet<AnswerKind> = new Set(['entity', 'number', 'count']);

/** Least probability at which the classifier contradicts the rules in a note. */
const SURE_AGAINST_RULES = 0.9;

/** @param ref  reference day, for "last year" and "current"; undefined leaves them as text
 *  @param classify  what decides where the rules are silent */
export function frameOf(question: string, ref?: Day, classify: (text: string) => SignalGuess = classifySignal): Frame {
  const text = question
    .trim()
    .replaceAll(/\s+/g, ' ')
    .replace(/[?!.\s]+$/, '');
  const issues: string[] = [];
  const base = { question, issues, windows: [] as TimeSpan[], isPlural: isPluralQuestion(text) };
  const two = twoTimesFrame(text);
  if (two) return { ...base, ...two };
  const rewritten = rewriteSuccession(rewriteEnds(asStatement(text)));
  const side = /\bstart date$/i.test(text) ? 'start' : /\bend date$/i.test(text) ? 'end' : undefined;
  const bare = rewritten.replace(/\s+(?:start|end) date$/i, '');
  const kind = kindOf(bare);
  const between = betweenDates(bare, ref);
  let clauses = splitClauses(between ? between.rest : bare);
  // "When did X … before Y": the leading When asks
  if (kind === 'date' && clauses.fronted && /^when\b/i.test(bare)) clauses = { main: bare };
  let signal: Signal = clauses.signal ?? 'NONE';
  let clause = clauses.constraint;
  let windows: TimeSpan[] = between && clause === undefined ? [between.window] : [];
  if (windows.length > 0) signal = 'OVERLAP';
  let main = clauses.main;
  let also: Frame['also'];

  if (clause !== undefined) {
    const dates = datesIn(clause, ref);
    if (dates.length > 0 && remainder(clause, dates) === '') {
      windows = dates.map((date) => windowOf(date.span));
      if (/^(?:until|till|up until)$/.test(clauses.connector ?? '') && kind !== 'yes-no') signal = 'BEFORE';
      if (clauses.connector === 'since' && signal === 'AFTER') {
        windows = windows.map((window) => ({ ...window, e0: 1e9, e1: 1e9, openEnd: true }));
        signal = 'OVERLAP';
      }
      clause = undefined;
    }
  }
  const mainDates = datesIn(main, ref);
  if (mainDates.length > 0) {
    if (windows.length === 0 && clause === undefined) {
      windows = mainDates.map((date) => windowOf(date.span));
      const before = main.slice(0, mainDates[0]!.start);
      signal = START_VERBS.test(before) ? 'START' : END_VERBS.test(before) ? 'FINISH' : 'OVERLAP';
      if (/\bby (?:the (?:start|end) of )?$/i.test(before)) signal = 'OVERLAP';
    } else {
      // a date beside a clause binds as well
      const isStart = START_VERBS.test(rewritten === text ? main.slice(0, mainDates[0]!.start) : text);
      also = { signal: isStart ? 'START' : 'OVERLAP', windows: mainDates.map((date) => windowOf(date.span)) };
    }
    main = cutDates(main, mainDates);
  }
  if (kind === 'events') main = main.replace(EVENTS, '').trim();
  const anchor = anchorOf(main, clause === undefined && windows.length === 0 && kind !== 'date');
  // "how long did the war last" asks for no last one
  const ordinal = kind === 'duration' ? undefined : findOrdinal(main);
  if (ordinal && !/\b(?:in|for) (?:the|a) (?:first|last) time$/i.test(main.slice(0, ordinal.end)))
    main = `${main.slice(0, ordinal.start)}${main.slice(ordinal.end)}`.replaceAll(/\s+/g, ' ');
  main = main.replace(/\b(?:leave|left|leaves|took|take|takes) office(?: as)?\b/i, ' ').replaceAll(/\s+/g, ' ');
  if (anchor)
    main = main
      .replace(
        /\b(?:currently|current|now|presently|present|incumbent|previous|previously|predecessor of the|next|today)\b/gi,
        ' ',
      )
      .replaceAll(/\s+/g, ' ');
  const isSilent = clause === undefined && windows.length === 0 && !anchor && DECIDABLE.has(kind);
  const guess = isSilent || clause !== undefined ? classify(text) : undefined;
  const decided = isSilent && guess!.signal !== 'NONE' ? guess!.signal : undefined;
  if (decided) issues.push(`The wording suggests ${decided}, but no clause sets a time.`);
  if (
    clause !== undefined &&
    guess!.signal !== 'NONE' &&
    guess!.signal !== signal &&
    guess!.probability > SURE_AGAINST_RULES
  )
    issues.push(`The wording says ${signal}; questions like it mostly mean ${guess!.signal}.`);
  const category: Category =
    (clause !== undefined && kind !== 'date') || decided
      ? 'implicit'
      : windows.length > 0 || anchor
        ? 'explicit'
        : ordinal
          ? 'ordinal'
          : kind === 'date' || kind === 'duration'
            ? 'temporal-answer'
            : 'none';
  return {
    ...base,
    kind,
    main: main.trim(),
    answerType: answerTypeOf(main, kind),
    signal: decided
      ? decided
      : clause === undefined && windows.length === 0 && !anchor
        ? ordinal
          ? 'ORDINAL'
          : 'NONE'
        : anchor
          ? 'OVERLAP'
          : signal,
    category,
    ...(decided ? { decidedBy: 'classifier' as const } : {}),
    ...(clause === undefined ? {} : { clause }),
    ...(also ? { also } : {}),
    windows,
    ...(ordinal ? { ordinal: ordinal.value } : {}),
    ...((side ?? sideOf(bare, kind)) ? { side: side ?? sideOf(bare, kind)! } : {}),
    ...(anchor ? { anchor } : {}),
  };
}

function kindOf(text: string): AnswerKind {
  if (
    /^(?:when\b(?!.*,\s*(?:(?:in|for|to|at|against|by|with|from|of|on) )?(?:who|whom|what|which|where)\b)|since when|until when|(?:in |on |during )?(?:what|which) (?:year|date|day|month|decade|century|(?:time )?period)|what (?:was|is) the (?:year|date|(?:birth|death|start|end|opening|founding|launch) ?date|birthday))\b/i.test(
      text,
    )
  )
    return 'date';
  if (/\b(?:how long|(?:for )?how many (?:years|weeks|days|months))\b/i.test(text)) return 'duration';
  if (EVENTS.test(text)) return 'events';
  if (/^how many\b/i.test(text)) return 'count';
  if (/^(?:what|which) (?:number|percentage|population)\b|^how (?:much|old)\b/i.test(text)) return 'number';
  return YES_NO.test(text) ? 'yes-no' : 'entity';
}

function sideOf(text: string, kind: AnswerKind): 'start' | 'end' | undefined {
  if (kind !== 'date') return undefined;
  if (
    /\buntil when\b/i.test(text) ||
    /\b(?:end|ended|leave|left|leaving|stop|stopped|resign|resigned|finish|finished|cease|ceased|retire|retired|close|closed|abdicate|abdicated|step down|stepped down|expire|expired|dissolve|dissolved)\b/i.test(
      text,
    )
  )
    return 'end';
  if (/\bsince when\b/i.test(text) || START_VERBS.test(text)) return 'start';
  return undefined;
}

/** "Is it true that X was …" asks whether X was …. */
function asStatement(text: string): string {
  const claim = /^is it (?:true|correct|right) that (.+?) (was|were|is|are|had|has|did) (.+)$/i.exec(text);
  if (claim) return `${claim[2]} ${claim[1]} ${claim[3]}`;
  return text;
}

/** "At the end of World War II" is when World War II ended; ends of dates stay dates. */
function rewriteEnds(text: string): string {
  return text.replace(
    /\b(at|by) the (end|close|start|beginning|outbreak) of ((?:the )?\p{Lu}[^,]*)/iu,
    (whole, _preposition: string, side: string, name: string) =>
      /^(?:the )?\p{Lu}/u.test(name) && annotateDates(name).length === 0
        ? `when ${name} ${/end|close/i.test(side) ? 'ended' : 'began'}`
        : whole,
  );
}

/** "Who succeeded X as president of Y" is "Who was president of Y after X". */
function rewriteSuccession(text: string): string {
  const as =
    /^(who|(?:what|which) [\p{L}-]+) (succeeded|replaced|followed|preceded|came after|came before|took over from) (.+?) as (.+)$/iu.exec(
      text,
    );
  if (as) return `${as[1]} was ${as[4]} ${/preceded|before/i.test(as[2]!) ? 'before' : 'after'} ${as[3]}`;
  const role = /^who (?:was|is) the (successor|predecessor) of (.+?) as (.+)$/i.exec(text);
  if (role) return `Who was ${role[3]} ${/pred/i.test(role[1]!) ? 'before' : 'after'} ${role[2]}`;
  const possessive = /^who (?:was|is) (.+?)['’]s? (successor|predecessor) as (.+)$/i.exec(text);
  if (possessive)
    return `Who was ${possessive[3]} ${/pred/i.test(possessive[2]!) ? 'before' : 'after'} ${possessive[1]}`;
  return text;
}

/** "after 1980 and before 1990": the time strictly between; its end lies before its start if the two contradict. */
function betweenDates(
  text: string,
  ref: Day | undefined,
): { readonly window: TimeSpan; readonly rest: string } | undefined {
  const [first, second] = datesIn(text, ref);
  if (!first || !second) return undefined;
  const lead = /\b(?:after|since)\s+$/i.exec(text.slice(0, first.start));
  if (!lead || !/^\s*,?\s*(?:and|but)?\s*(?:before|until)\s*$/i.test(text.slice(first.end, second.start)))
    return undefined;
  const [from, to] = [first.span.e1, second.span.s0];
  return {
    window: { s0: from, s1: from, e0: to, e1: to, gran: 'mixed', kind: 'state' },
    rest: `${text.slice(0, lead.index)}${text.slice(second.end)}`.trim(),
  };
}

interface FoundDate {
  readonly start: number;
  readonly end: number;
  readonly span: TimeSpan;
}

/** Relative dates that are read in questions. */
const RELATIVE = /\b(?:year|month|week|ago|yesterday|today|decade|century|quarter)/i;

/** "ten years ago", "last year": a date that depends on the day of asking. */
export function isRelativeToToday(question: string): boolean {
  return annotateRelative(question, 0).some(({ start, end }) => RELATIVE.test(question.slice(start, end)));
}

function datesIn(text: string, ref: Day | undefined): FoundDate[] {
  const found: FoundDate[] = annotateDates(text).map(({ start, end, span }) => ({ start, end, span }));
  if (ref !== undefined)
    for (const { start, end, bounds } of annotateRelative(text, ref))
      if (RELATIVE.test(text.slice(start, end)) && !found.some((date) => date.start < end && start < date.end))
        found.push({ start, end, span: eventSpan(bounds) });
  return found.toSorted((a, b) => a.start - b.start);
}

function cutDates(text: string, dates: readonly FoundDate[]): string {
  let result = text;
  for (const { start, end } of dates.toReversed())
    result =
      result
        .slice(0, start)
        .replace(/\b(?:in|on|at|during|by|from|between|of|the|year|as of|around|about)\s*$/i, '')
        .replace(/\b(?:in|during|by|of)\s*(?:the)?\s*$/i, '') +
      ' ' +
      result.slice(end);
  return result.replaceAll(/\s+/g, ' ').trim();
}

function remainder(text: string, dates: readonly FoundDate[]): string {
  return cutDates(text, dates)
    .replaceAll(/\b(?:the|year|of|in|on|month|day|end|start|beginning)\b/gi, '')
    .replaceAll(/[\s,.]+/g, '');
}

function anchorOf(main: string, isFree: boolean): Frame['anchor'] {
  if (/\b(?:previous|previously|predecessor)\b/i.test(main) && isFree) return 'previous';
  if (/\bnext\b/i.test(main) && isFree) return 'next';
  if (/\b(?:current|currently|now|incumbent|presently|today)\b/i.test(main) && isFree) return 'current';
  if (
    isFree &&
    /^(?:who|what|which)\b.*?\b(?:is|are)\b/i.test(main) &&
    !/\b(?:was|were|did|has|had)\b/i.test(main) &&
    !/\b(?:first|second|third|last)\b/i.test(main)
  )
    return 'current';
  return undefined;
}

function isPluralQuestion(text: string): boolean {
  return /^(?:who were|which \w+s were|which \w+s did|what \w+s|who (?:all )?(?:held|served)|list|name all|which (?:countries|cities|parties|teams|clubs|missions|presidents|people))\b/i.test(
    text,
  );
}

function answerTypeOf(main: string, kind: AnswerKind): string {
  if (kind !== 'entity') return kind;
  const noun =
    /\b(?:which|what)\s+(?:was the name of the\s+)?((?:[\p{L}'-]+\s+){0,3}?[\p{L}-]+?)\s+(?:was|is|were|are|did|does|do|has|had|won|took|became|held|launched|landed|hosted|carried|flew|made|joined|came|received|ruled|beat|lost|played|led)\b/iu.exec(
      main,
    );
  if (noun && !/^(?:was|is|were|are|did)$/i.test(noun[1]!)) return noun[1]!.toLowerCase();
  if (/^(?:who|whom|whose)\b|\bwhom\b/i.test(main)) return 'person';
  return /^where\b/i.test(main) ? 'place' : 'entity';
}
