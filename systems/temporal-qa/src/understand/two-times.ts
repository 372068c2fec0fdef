/** Questions about two times: which of two came first, whether one is older than another, how long it was between
 *  them, how old somebody was. The rules cut the two out of the wording; their times are asked for later. */
import type { LengthUnit } from '../time/index.ts';
import type { Frame } from './frame.ts';

/** A length between two times. */
export interface Gap {
  /** Ways to cut the wording in two, best first: "A and B" may hold more than one "and". */
  readonly cuts: readonly (readonly [from: string, to: string])[];
  /** `between`: whichever was first; `after`: from the first to the second; `age`: from birth. */
  readonly kind: 'between' | 'after' | 'age';
  readonly unit?: LengthUnit;
}

type TwoTimes = Partial<Frame> & Pick<Frame, 'kind' | 'main' | 'answerType' | 'signal' | 'category'>;

/** The end of a gap that is the day of asking. */
export const TODAY = 'today';
/** What has no birth came into being so; asked in turn. */
export const BEGINNINGS: readonly string[] = ['born', 'founded', 'built', 'completed', 'opened', 'launched'];

/** Comparatives: birth for people, else the time of the clause. */
const COMPARE = /,?\s*([^,?]+?),?\s+or\s+([^,?]+?)\s*\??$/i;
const OLDER = /^(?:is|was|are|were) (.+?) (?:much |any )?(older|younger) than (.+)$/i;
const HAPPENED_FIRST =
  /^did (.+?) (?:happen|occur|come|take place|begin|start|end)(?: (?:earlier|later|sooner))? (before|after|than) (.+)$/i;
const HOW_MANY = String.raw`(?:how (?:long|much time|many (days|weeks|months|years))|what (?:is|was) the (?:length of )?(?:time|gap|interval|distance|difference)(?: in (days|weeks|months|years))?)`;
/** Words between "how long" and "between". */
const PASSED = String.raw`(?: (?:was|is|were|are|did|does|it|there|time|lay|lie|lies|passed|pass|passes|elapsed|elapse|went by|go by|take|took|in))*`;
const BETWEEN = new RegExp(`^${HOW_MANY}${PASSED} between (.+)$`, 'i');
const FROM_TO = new RegExp(`^${HOW_MANY}${PASSED} from (.+?) (?:to|until|till) (.+)$`, 'i');
const AFTER_BEFORE = new RegExp(`^${HOW_MANY} (after|before) (.+)$`, 'i');
const AGO = new RegExp(`^${HOW_MANY} ago (.+)$`, 'i');
const OLDER_BY = /^how (?:much|many (days|weeks|months|years)) (?:older|younger) (?:is|was|are|were) (.+?) than (.+)$/i;
const AGE_DIFFERENCE = /^(?:what (?:is|was) the )?(?:age difference|difference (?:in|of) age) between (.+)$/i;
const OLD_NOW = /^how old (?:is|are) (.+?)(?: (?:now|today|currently))?$/i;
const OLD_AT = /^how old (?:was|were|is|are) (.+?) (when|in|on|at|during|by|as of) (.+)$/i;
const OLD_DIED = /^how old (?:did|was) (.+?) (?:become|get|live to be|at (?:his|her|their) death)$/i;
const AGE_OF = /^(?:at|in) (?:what|which) age (?:did|was|were) (?!.*\band (?:who|whom|what|which|where)\b)(.+)$/i;
const AUXILIARY = /\b(?:was|were|did|is|are|has|have|had|does)\b/gi;

/** @returns the parts of the frame of such a question; undefined for any other */
export function twoTimesFrame(text: string): TwoTimes | undefined {
  return olderFrame(text) ?? compareFrame(text) ?? gapFrame(text);
}

function olderFrame(text: string): TwoTimes | undefined {
  const older = OLDER.exec(text);
  if (older) return yesNoFrame([older[1]!, older[3]!], 'born', /older/i.test(older[2]!) ? 'earlier' : 'later');
  const first = HAPPENED_FIRST.exec(text);
  if (!first) return undefined;
  const isLater = /\blater\b/i.test(text) || /^after$/i.test(first[2]!);
  return yesNoFrame([first[1]!, first[3]!], '', isLater ? 'later' : 'earlier');
}

function yesNoFrame(options: readonly string[], main: string, wants: 'earlier' | 'later'): TwoTimes {
  return { kind: 'yes-no', main, answerType: 'yes-no', signal: 'NONE', category: 'none', options, wants };
}

function compareFrame(text: string): TwoTimes | undefined {
  const options = COMPARE.exec(text);
  if (
    !options ||
    !/\b(?:first|earlier|later|last|older|younger|oldest|youngest|longer|sooner|before the other)\b/i.test(
      text.slice(0, options.index + 1) + options[1],
    )
  )
    return undefined;
  let head = text.slice(0, options.index);
  let first = options[1]!;
  const colon = /^(.*?)[:,]\s*([^:,]+)$/.exec(
    `${head}${text.slice(options.index, options.index + options[0].length - options[2]!.length)}`.replace(
      /,?\s+or\s+$/i,
      '',
    ),
  );
  if (colon) {
    head = colon[1]!;
    first = colon[2]!.trim();
  }
  if (!head) return undefined;
  const wants = /\b(?:later|last|younger|youngest)\b/i.test(head) ? 'later' : 'earlier';
  const isAge = /\b(?:older|younger|oldest|youngest)\b/i.test(head);
  const predicate = isAge
    ? 'born'
    : head
        .replace(/^(?:who|which|what)(?: of (?:them|the two))?\b/i, '')
        .replaceAll(
          /\b(?:first|earlier|later|last|sooner|came|come|happened|took place|occurred|was|is|were|of these)\b/gi,
          ' ',
        )
        .replaceAll(/\s+/g, ' ')
        .trim();
  return {
    kind: 'compare',
    main: predicate,
    answerType: 'entity',
    signal: 'NONE',
    category: 'none',
    options: [first.trim(), options[2]!.trim()],
    wants,
  };
}

function gapFrame(text: string): TwoTimes | undefined {
  const gap = gapOf(text);
  return (
    gap && {
      kind: 'duration',
      main: text,
      answerType: 'duration',
      signal: 'NONE',
      category: 'temporal-answer',
      gap,
    }
  );
}

function gapOf(text: string): Gap | undefined {
  const between = BETWEEN.exec(text);
  if (between) return gap('between', cutsAt(between[3]!, /\s+and\s+/gi), between[1] ?? between[2]);
  const fromTo = FROM_TO.exec(text);
  if (fromTo) return gap('after', [[fromTo[3]!, fromTo[4]!]], fromTo[1] ?? fromTo[2]);
  const order = AFTER_BEFORE.exec(text);
  if (order) {
    const cuts = cutsAt(order[4]!, AUXILIARY, true);
    const isAfter = /after/i.test(order[3]!);
    return gap('after', isAfter ? cuts : cuts.map(([a, b]) => [b, a]), order[1] ?? order[2]);
  }
  const ago = AGO.exec(text);
  if (ago) return gap('after', [[ago[3]!, TODAY]], ago[1] ?? ago[2]);
  const older = OLDER_BY.exec(text);
  if (older) return gap('between', [[`${older[2]} born`, `${older[3]} born`]], older[1]);
  const difference = AGE_DIFFERENCE.exec(text);
  if (difference)
    return gap(
      'between',
      cutsAt(difference[1]!, /\s+and\s+/gi).map(([a, b]) => [`${a} born`, `${b} born`]),
    );
  return ageOf(text);
}

function ageOf(text: string): Gap | undefined {
  const died = OLD_DIED.exec(text);
  if (died) return gap('age', [[died[1]!, `${died[1]} died`]]);
  const at = OLD_AT.exec(text);
  if (at) return gap('age', [[at[1]!, at[3]!.replace(/^(?:the time|that) /i, '')]]);
  const age = AGE_OF.exec(text);
  // "at what age did X become king": the name ends where the verb begins, which the sources know
  if (age) return gap('age', [[age[1]!, age[1]!]]);
  const now = OLD_NOW.exec(text);
  return now ? gap('age', [[now[1]!, TODAY]]) : undefined;
}

function gap(kind: Gap['kind'], cuts: Gap['cuts'], unit?: string): Gap | undefined {
  if (cuts.length === 0) return undefined;
  return { kind, cuts, ...(unit ? { unit: unit.toLowerCase() as LengthUnit } : {}) };
}

/** The text cut in two at each place of the pattern. @param keeps  the second part keeps the words of the place */
function cutsAt(text: string, pattern: RegExp, keeps = false): [string, string][] {
  return [...text.matchAll(pattern)]
    .map(({ 0: word, index }): [string, string] => [
      text.slice(0, index).trim(),
      text.slice(keeps ? index : index + word.length).trim(),
    ])
    .filter(([a, b]) => a !== '' && b !== '' && (!keeps || /\s/.test(b)));
}
