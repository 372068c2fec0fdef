/** tour: all questions of the shipped corpus, checked by the independent verifier. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { openQa } from '../answer/ask.ts';
import { openSources, readQuestions } from '../corpus.ts';
import { scoreQuestions } from '../eval/score.ts';
import { reportAnswer, reportScore } from '../report.ts';

export async function run(_params: object, context: VerbContext): Promise<VerbResult> {
  const store = await openSources('');
  try {
    const qa = await openQa(store, context.clock);
    const questions = readQuestions();
    const score = await scoreQuestions(qa, questions, {}, (done) =>
      context.progress({ phase: 'questions', done, total: questions.length }),
    );
    const shown = score.results.find(
      (result) => result.sub.length > 0 && result.answers.length > 0 && result.pruned.length > 0,
    );
    const { results, ...figures } = score;
    return {
      ok: score.numFaithful === score.numChecked && score.right >= 0.85 * score.answerable,
      value: { ...figures, numQuestions: results.length, example: shown },
      report: reportScore(
        'Tour: questions with time conditions on the shipped corpus',
        score,
        shown ? [{ kind: 'group', title: `One of them: ${shown.question}`, blocks: reportAnswer(shown).blocks }] : [],
      ),
    };
  } finally {
    await store.close();
  }
}
