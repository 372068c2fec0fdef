/** ask: one question against an evidence file or the shipped corpus. */
import { nearestNameHints } from '@tenfold/core/base';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { ask, openQa } from '../answer/ask.ts';
import { rankerOption } from './ranker-option.ts';
import type { Mode } from '../answer/types.ts';
import { continueQuestion } from '../understand/followup.ts';
import { openSources } from '../corpus.ts';
import { reportAnswer } from '../report.ts';
import { SOURCES, type Source } from '../store/types.ts';
import { temporalError } from '../temporal-errors.ts';

interface AskParams {
  readonly question: string;
  readonly db: string;
  readonly mode: Mode;
  readonly ranker: 'log-linear' | 'graph-network';
  readonly asOf: string;
  readonly refDate: string;
  readonly sources: string;
  readonly after: string;
  readonly llm: string;
  readonly llmModel: string;
  readonly embeddings: string;
  readonly embeddingsModel: string;
}

/** Keys are never params: params are kept with the run. */
const KEY_NAME = 'TENFOLD_LLM_KEY';

export async function run(params: AskParams, context: VerbContext): Promise<VerbResult> {
  const store = await openSources(params.db, context.workingFolder);
  try {
    const qa = await openQa(store, context.clock);
    const question =
      params.after === '' ? params.question : continueQuestion(params.question, params.after.split('|'), qa.linker);
    const sources = params.sources === '' ? undefined : sourcesOf(params.sources);
    const result = await ask(qa, question, {
      mode: params.mode,
      ...(await rankerOption(params.ranker)),
      ...(params.asOf ? { asOf: params.asOf } : {}),
      ...(params.refDate ? { refDate: params.refDate } : {}),
      ...(sources ? { sources } : {}),
      ...(params.embeddings === ''
        ? {}
        : { vectors: { url: params.embeddings, model: params.embeddingsModel, apiKey: process.env[KEY_NAME] ?? '' } }),
      ...(params.llm === ''
        ? {}
        : { llm: { url: params.llm, model: params.llmModel, apiKey: process.env[KEY_NAME] ?? '' } }),
    });
    return { ok: result.answers.length > 0, value: result, report: reportAnswer(result) };
  } finally {
    await store.close();
  }
}

function sourcesOf(list: string): Source[] {
  return list.split(',').map((name) => {
    const known = SOURCES.find((source) => source === name.trim());
    if (known) return known;
    throw temporalError('TF-TEMPORAL-012', {
      subject: 'ask',
      expected: `kinds of sources out of ${SOURCES.join(', ')}`,
      actual: `"${name.trim()}"`,
      hints: nearestNameHints(name.trim(), SOURCES),
    });
  });
}
