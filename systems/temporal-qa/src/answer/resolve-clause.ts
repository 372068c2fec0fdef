/** The time of a condition: by the main clause's own facts if it is a name ("before Obama"), by the same relation of
 *  the other name ("born before Einstein"), else by asking "When …?". */
import type { Scored } from '../retrieve/candidates.ts';
import type { Linker } from '../retrieve/linker.ts';
import type { AnswerKind } from '../understand/frame.ts';
import { STOP_WORDS, stemOf, wordsOf } from '../understand/words.ts';
import { momentOf } from './moment.ts';
import type { Asker, Resolved, Trace } from './outcome.ts';
import { subjectOf } from './scope.ts';

export const PRONOUN = /\b(?:he|she|they|it)\b/i;
export const POSSESSIVE = /\b(?:his|her|their|its)\b/i;
const VERB =
  /\b(?:was|were|is|did|had|has|became|won|took|joined|left|died|landed|launched|founded|born|began|ended|became|moved|served|played|received|\w+ed|\w+ing)\b/;

export interface Condition {
  /** The clause that sets the time. */
  readonly text: string;
  readonly main: string;
  readonly kind: AnswerKind;
  /** Evidence about the main clause. */
  readonly relevant: readonly Scored[];
}

/** @param mayAsk  whether one more question may be asked; tells why not in the trace
 *  @returns undefined if no time was found */
export async function resolveClause(
  asker: Asker,
  linker: Linker,
  { text, main, kind, relevant }: Condition,
  depth: number,
  trace: Trace,
  mayAsk: (question: string) => boolean,
): Promise<Resolved | undefined> {
  let clause = text.replace(/^(?:the |that )?(?:time|period) (?:when|that|of)\s+/i, '');
  const subject = linker.mentionsIn(main)[0];
  const isVerbless = !VERB.test(clause);
  if (isVerbless) {
    const wanted = wordsOf(clause)
      .filter((word) => !STOP_WORDS.has(word))
      .map(stemOf);
    const holders = relevant.filter(
      (item) => item.spans.length > 0 && wanted.length > 0 && wanted.every((stem) => item.stems.has(stem)),
    );
    if (holders.length > 0) {
      const first = holders[0]!;
      const same = holders.filter(
        (item) => item.coverage >= first.coverage - 1e-9 && item.evidence.source === first.evidence.source,
      );
      return {
        spans: same.flatMap((item) => item.spans),
        evidenceIds: new Set(holders.map((item) => item.evidence.id)),
        ...(subject === undefined ? { subject: subjectOf(same) } : {}),
      };
    }
  }
  const names = linker.mentionsIn(clause);
  const askFor = async (question: string): Promise<Resolved | undefined> => {
    if (!mayAsk(question)) return undefined;
    const sub = await asker.run(`${question}?`, depth + 1);
    trace.sub.push(sub);
    const [top] = sub.answers;
    if (!top) return undefined;
    if (top.verdict === 'possible') trace.isUnsure = true;
    return {
      spans: top.support[0]!.spans.map((span) => momentOf(span, question)),
      evidenceIds: new Set(top.support.map((item) => item.evidence.id)),
    };
  };
  // "was A born before B": B's own birth; that of a person is never any other date about them
  if (kind === 'yes-no' && isVerbless && subject && names.length > 0) {
    const words = wordsOf(main);
    const predicate = [...words.slice(0, subject.from), ...words.slice(subject.to)]
      .filter((word) => !STOP_WORDS.has(word))
      .join(' ');
    const same = predicate === '' ? undefined : await askFor(`When ${clause} ${predicate}`);
    if (same ?? asker.isPerson(names[0]!.labels[0]!)) return same;
  }
  if (subject && PRONOUN.test(clause)) clause = clause.replace(PRONOUN, subject.labels[0]!);
  else if (subject && POSSESSIVE.test(clause) && names.length === 0)
    clause = clause.replace(POSSESSIVE, `${subject.labels[0]}'s`);
  else if (subject && /^\w+ing\b/.test(clause)) clause = `${subject.labels[0]} ${clause}`;
  return askFor(`When ${clause}`);
}
