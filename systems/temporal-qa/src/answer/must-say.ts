/** Words of a question that evidence must say itself: a name alone covers most of a short question, but the term of an
 *  emperor does not say when he died, and no list of presidents says who was the youngest. */
import type { Scored } from '../retrieve/candidates.ts';
import { stemOf, wordsOf } from '../understand/words.ts';
import type { AnswerKind } from '../understand/frame.ts';
import type { Refusal } from './outcome.ts';

/** Events of a life: another fact about the same name says nothing of them. */
const LIFE_EVENTS: ReadonlySet<string> = new Set(['born', 'die', 'marry'].map(stemOf));
/** Superlatives that are not computed; first, last, oldest and latest are ordered by time elsewhere. */
const SUPERLATIVE =
  /^(?:youngest|longest|shortest|tallest|highest|lowest|largest|biggest|smallest|greatest|richest|poorest|fastest|slowest|heaviest|strongest|best|worst|fewest|deadliest)$/;

/** "(3 December 1922 – 16 February 2011)" after a name says birth and death without the words. */
const LIFE_SPAN = /\([^()]*\d\s*[–-]\s*[^()]*\d[^()]*\)/;

/** Evidence that says all such words of the clause.
 *  @returns a refusal if there are such words and no evidence about the question says them */
export function thatSay(clause: string, kind: AnswerKind, relevant: readonly Scored[]): readonly Scored[] | Refusal {
  const needed = wordsOf(clause).filter(
    (word) => LIFE_EVENTS.has(stemOf(word)) || (kind === 'entity' && SUPERLATIVE.test(word)),
  );
  if (needed.length === 0) return relevant;
  const saying = relevant.filter((item) => needed.every((word) => says(item, stemOf(word))));
  if (saying.length > 0) return saying;
  return { code: 'E_NO_EVIDENCE', message: `No evidence about this says “${needed.join(' … ')}”.` };
}

function says(item: Scored, stem: string): boolean {
  if (item.stems.has(stem)) return true;
  const isLife = stem === stemOf('born') || stem === stemOf('die');
  return isLife && item.evidence.fields === undefined && LIFE_SPAN.test(item.evidence.text);
}
