/** Follow-up questions: pronouns and bare beginnings ("And before him?", "What about 1995?") are completed from
 *  the turns before. */
import type { Linker } from '../retrieve/linker.ts';
import { annotateDates } from '../time/index.ts';

const PRONOUN = /\b(?:he|she|they|him|her|his|it|its|their)\b/i;
/** "How long was it between …", "Is it true that …", "How long did it take": it stands for nothing. */
const EMPTY_IT =
  /\b(?:is|was|were) it (?:between|from|since|until|before|after|when|true|correct|right)\b|\b(?:did|does) it take\b/i;
const MAX_NAME_WORDS = 6;

/** Whether an answer can stand for "he" or "it": not yes or no, a date, a length or the text of an event. */
function isNamed(answer: string, linker: Linker): boolean {
  if (linker.isKnown(answer)) return true;
  return (
    /^\p{Lu}/u.test(answer) &&
    !/[—,]|\.$/.test(answer) &&
    answer.split(/\s+/).length <= MAX_NAME_WORDS &&
    annotateDates(answer).length === 0
  );
}

/** @param history  earlier questions and answers in turn, oldest first
 *  @returns a question that stands alone */
export function continueQuestion(question: string, history: readonly string[], linker: Linker): string {
  const lastQuestion = history.findLast((turn) => turn.trim().endsWith('?')) ?? history[0];
  if (lastQuestion === undefined) return question;
  const lastAnswer = history.at(-1)?.trim().endsWith('?') ? undefined : history.at(-1)?.trim();
  const bare = /^(?:and |what about |how about |and what about )(.*?)\??$/i.exec(question.trim());
  if (bare) {
    const rest = bare[1]!.trim();
    const relation = /^(before|after) (?:that|him|her|them|it)$/i.exec(rest);
    const main = lastQuestion.replace(/\?$/, '');
    if (relation && lastAnswer) return `${withoutTime(main)} ${relation[1]!.toLowerCase()} ${lastAnswer}?`;
    const [date] = annotateDates(rest);
    const dates = annotateDates(main);
    if (date && dates.length > 0)
      return `${main.slice(0, dates[0]!.start)}${rest.replace(/^in /i, '')}${main.slice(dates.at(-1)!.end)}?`;
    if (date) return `${main} ${/^(?:in|on|before|after|during|since)\b/i.test(rest) ? rest : `in ${rest}`}?`;
    const [known] = linker.mentionsIn(main);
    if (known) return `${replaceFolded(main, known.text, rest)}?`;
  }
  const pronoun = PRONOUN.exec(question);
  // a pronoun after a name of the question itself means that name
  if (pronoun && !EMPTY_IT.test(question) && linker.mentionsIn(question.slice(0, pronoun.index)).length === 0) {
    const isName = lastAnswer !== undefined && isNamed(lastAnswer, linker);
    const name = isName ? lastAnswer : linker.mentionsIn(lastQuestion)[0]?.labels[0];
    if (name)
      return question.replace(/\b(?:he|she|they|him|her|it)\b/i, name).replace(/\b(?:his|its|their)\b/i, `${name}'s`);
  }
  return question;
}

function withoutTime(question: string): string {
  const cut = question.replace(/\s+(?:before|after|during|when|while|since)\b.*$/i, '');
  const dates = annotateDates(cut);
  return dates.length === 0 ? cut : cut.slice(0, dates[0]!.start).replace(/\s*\b(?:in|on|from|between|since)\s*$/i, '');
}

function replaceFolded(text: string, words: string, by: string): string {
  const pattern = new RegExp(
    words
      .split(' ')
      .map((word) => word.replaceAll(/[^\p{L}\p{N}]/gu, ''))
      .join('[^\\p{L}\\p{N}]+'),
    'iu',
  );
  const folded = text.normalize('NFD').replaceAll(/[\u0300-\u036f]/g, '');
  const match = pattern.exec(folded);
  return match ? `${text.slice(0, match.index)}${by}${text.slice(match.index + match[0].length)}` : text;
}
