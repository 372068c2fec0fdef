/** Scoring of questions with known answers: P@1, reciprocal rank, abstentions, faithfulness; overall and by class. */
import { ask, type AskOptions, type QaContext } from '../answer/ask.ts';
import type { AnswerResult } from '../answer/types.ts';
import type { CorpusQuestion } from '../corpus.ts';
import { nameKey } from '../understand/words.ts';
import { verifyAnswer, type Finding } from '../verify/verify.ts';

export interface ClassScore {
  readonly kind: string;
  readonly total: number;
  readonly right: number;
  readonly answered: number;
}

export interface ScoreResult {
  readonly classes: readonly ClassScore[];
  readonly answerable: number;
  readonly right: number;
  readonly reciprocalRank: number;
  readonly answered: number;
  readonly unanswerable: number;
  readonly abstainedRightly: number;
  readonly numChecked: number;
  readonly numFaithful: number;
  readonly findings: readonly Finding[];
  readonly wrong: readonly {
    readonly id: number;
    readonly kind: string;
    readonly question: string;
    readonly wanted: readonly string[];
    readonly got: string;
    readonly cited: string;
  }[];
  readonly results: readonly AnswerResult[];
}

export async function scoreQuestions(
  context: QaContext,
  questions: readonly CorpusQuestion[],
  options: AskOptions = {},
  onProgress?: (done: number) => void,
): Promise<ScoreResult> {
  const classes = new Map<string, { kind: string; total: number; right: number; answered: number }>();
  const wrong: ScoreResult['wrong'][number][] = [];
  const findings: Finding[] = [];
  const results: AnswerResult[] = [];
  let [right, answered, answerable, unanswerable, abstainedRightly, reciprocalRank, numChecked, numFaithful] = [
    0, 0, 0, 0, 0, 0, 0, 0,
  ];
  for (const { id, kind, question, answers } of questions) {
    const result = await ask(context, question, options);
    results.push(result);
    const tally = classes.get(kind) ?? { kind, total: 0, right: 0, answered: 0 };
    classes.set(kind, tally);
    tally.total++;
    const [top] = result.answers;
    if (top) {
      tally.answered++;
      answered++;
    }
    const rank = result.answers.findIndex((answer) => answers.some((wanted) => isSame(answer.label, wanted)));
    const isRight = answers.length === 0 ? !top : rank === 0;
    if (isRight) tally.right++;
    if (answers.length === 0) {
      unanswerable++;
      if (!top) abstainedRightly++;
    } else {
      answerable++;
      if (rank === 0) right++;
      if (rank >= 0) reciprocalRank += 1 / (rank + 1);
    }
    const check = verifyAnswer(result, undefined, { onlyFirst: true });
    numChecked += check.numAnswers;
    numFaithful += check.numFaithful;
    findings.push(...check.findings);
    if (!isRight)
      wrong.push({
        id,
        kind,
        question,
        wanted: answers,
        got: top?.label ?? `${result.abstained?.code}: ${result.abstained?.message}`,
        cited: top?.support[0]?.evidence.text ?? '',
      });
    onProgress?.(results.length);
  }
  return {
    classes: [...classes.values()],
    answerable,
    right,
    reciprocalRank: answerable > 0 ? reciprocalRank / answerable : 0,
    answered,
    unanswerable,
    abstainedRightly,
    numChecked,
    numFaithful,
    findings,
    wrong,
    results,
  };
}

/** Equal as names. A wanted date also accepts the start of an interval ("1981 to 1989"), a duration its years. */
function isSame(got: string, wanted: string): boolean {
  const a = nameKey(got);
  const b = nameKey(wanted);
  if (a === b) return true;
  if (/^\d+ years?$/.test(b)) return a.startsWith(b) || a === `about ${b}`;
  return /\d/.test(b) && a.startsWith(`${b} to `);
}
