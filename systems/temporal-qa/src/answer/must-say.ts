/** Words of a question that evidence must say itself: a name alone covers most of a short question, but the term of an
 *  emperor does not say when he died, his birth is no date of his reign, and no list of presidents says who was the
 *  youngest. */
import type { Clause, Scored } from '../retrieve/candidates.ts';
import type { AnswerKind, Frame } from '../understand/frame.ts';
import type { Evidence } from '../store/types.ts';
import { nameKey, SOFT_WORDS, stemOf, STOP_WORDS, wordsOf } from '../understand/words.ts';
import type { Outcome, Refusal, Trace } from './outcome.ts';
import type { Answer, Mode } from './types.ts';

/** Events of a life: another fact about the same name says nothing of them. */
const LIFE_EVENTS: ReadonlySet<string> = new Set(['born', 'die', 'marry'].map(stemOf));
/** Superlatives that are not computed; first, last, oldest and latest are ordered by time elsewhere. */
const SUPERLATIVE =
  /^(?:youngest|longest|shortest|tallest|highest|lowest|largest|biggest|smallest|greatest|richest|poorest|fastest|slowest|heaviest|strongest|best|worst|fewest|deadliest)$/;

/** "(3 December 1922 – 16 February 2011)" after a name says birth and death without the words. */
const LIFE_SPAN = /\([^()]*\d\s*[–-]\s*[^()]*\d[^()]*\)/;
/** Kinds that are read off the time of evidence: whatever is dated would answer them. */
const OF_TIMES: ReadonlySet<AnswerKind> = new Set(['date', 'duration']);
/** Evidence that says less than this share of what the best says of the relation is about something else. */
const SAME_RELATION = 0.5;
/** Words of a beginning or an end: the time of what lasted has both without saying so. An election is neither. */
const SIDE_WORDS =
  /^(?:join|joined|joining|leave|leaves|left|leaving|term|tenure|stop|stopped|being|resign|resigned|retire|retired|step|stepped|down|take|took|over|enter|entered|cease|ceased|quit|move|moved|last|lasted|long)$/;
/** Bits of a mask. */
const MAX_NAMES = 30;

/** Evidence about a question. */
export interface Saying {
  readonly items: readonly Scored[];
  /** Words beside the one name that no evidence says: what it states of the name may be another matter. */
  readonly unsaid: readonly string[];
}

/** Evidence that says what the clause asks.
 *  @returns a refusal if there are words that must be said and no evidence about the question says them */
export function thatSay(clause: Clause, kind: AnswerKind, relevant: readonly Scored[]): Saying | Refusal {
  const needed = wordsOf(clause.text).filter(
    (word) => LIFE_EVENTS.has(stemOf(word)) || (kind === 'entity' && SUPERLATIVE.test(word)),
  );
  const saying = relevant.filter((item) => needed.every((word) => says(item, stemOf(word))));
  if (saying.length === 0)
    return { code: 'E_NO_EVIDENCE', message: `No evidence about this says “${needed.join(' … ')}”.` };
  if (!OF_TIMES.has(kind)) return { items: saying, unsaid: [] };
  const dated = saying.filter((item) => item.spans.length > 0);
  return unsurpassed(clause, dated.length > 0 ? dated : saying);
}

/** Evidence that no other surpasses: another one that holds all its names, and more names or far more of the words
 *  beside them, says what it leaves out. "11 December" is no Apollo 11, a birth is no term. */
function unsurpassed(clause: Clause, items: readonly Scored[]): Saying {
  const names = clause.mentions.slice(0, MAX_NAMES).map(({ text, labels }) => [text, ...labels.map(nameKey)]);
  const words = wordsOf(clause.text);
  const named = new Set(clause.mentions.flatMap(({ from, to }) => words.slice(from, to)).map(stemOf));
  const asked = clause.stems
    .map((stem, index) => ({ stem, weight: clause.weights[index]! }))
    .filter(({ stem }) => !named.has(stem));
  const held = items.map((item) => {
    const text = ` ${nameKey(item.evidence.text)} `;
    return {
      // the names that it holds, one bit each
      mask: names.reduce(
        (mask, own, bit) => (own.some((name) => text.includes(` ${name} `)) ? mask | (1 << bit) : mask),
        0,
      ),
      said: asked.reduce((sum, { stem, weight }) => sum + (says(item, stem) ? weight : 0), 0),
    };
  });
  const mostSaid = new Map<number, number>();
  for (const { mask, said } of held) mostSaid.set(mask, Math.max(said, mostSaid.get(mask) ?? 0));
  const all = [...mostSaid];
  const unsaid = words.filter((word) => asked.some(({ stem }) => stem === stemOf(word)) && !SOFT_WORDS.has(word));
  // two names in one piece of evidence say a relation of their own; one name alone says none
  const isSaid = all.some(([mask, said]) => said > 0 || (mask & (mask - 1)) !== 0);
  return {
    items: items.filter((_, index) => {
      const { mask, said } = held[index]!;
      return !all.some(
        ([other, most]) => (other & mask) === mask && (said < most * SAME_RELATION || (other !== mask && said <= most)),
      );
    }),
    unsaid: isSaid ? [] : unsaid,
  };
}

/** Answers whose best evidence leaves a word of the clause out are not certain; in certain-only mode they are none. */
export function weighedByWords(
  answers: readonly Answer[],
  clause: Clause,
  { frame, mode, trace }: { readonly frame: Frame; readonly mode: Mode; readonly trace: Trace },
): Outcome {
  const unsaidOf = ({ support, span }: Answer) => {
    const isTerm = span?.kind === 'state' && support[0]!.spans.includes(span);
    const words = unsaidBy(clause, support[0]!.evidence, frame.answerType);
    return isTerm ? words.filter((word) => !SIDE_WORDS.test(word)) : words;
  };
  const weighed = answers.flatMap((answer): Answer[] => {
    if (answer.verdict !== 'certain' || unsaidOf(answer).length === 0) return [answer];
    return mode === 'certain-only' ? [] : [{ ...answer, verdict: 'possible' }];
  });
  const unsaid = answers.length === 0 ? [] : unsaidOf(answers[0]!);
  const missing = `“${unsaid.join(' … ')}”`;
  if (weighed.length === 0)
    return { code: 'E_NO_EVIDENCE', message: `No evidence in time says all of the question: ${missing} is missing.` };
  if (unsaid.length > 0) trace.notes.push(`The best evidence does not say ${missing}.`);
  return { answers: weighed };
}

/** Words of the clause that a piece of evidence does not say, under whatever name it has them: "Who was president at
 *  the launch" is not answered by where the launch was. */
function unsaidBy(clause: Clause, evidence: Evidence, answerType: string): string[] {
  const held = wordsOf(evidence.text);
  const stems = new Set(held.map(stemOf));
  const text = ` ${held.join(' ')} `;
  const words = wordsOf(clause.text);
  const named = clause.mentions.filter(({ labels }) => labels.some((label) => text.includes(` ${nameKey(label)} `)));
  const type = new Set(wordsOf(answerType));
  return words.filter(
    (word, index) =>
      !stems.has(stemOf(word)) &&
      !STOP_WORDS.has(word) &&
      !SOFT_WORDS.has(word) &&
      !type.has(word) &&
      !named.some(({ from, to }) => index >= from && index < to),
  );
}

function says(item: Scored, stem: string): boolean {
  if (item.stems.has(stem)) return true;
  const isLife = stem === stemOf('born') || stem === stemOf('die');
  return isLife && item.evidence.fields === undefined && LIFE_SPAN.test(item.evidence.text);
}
