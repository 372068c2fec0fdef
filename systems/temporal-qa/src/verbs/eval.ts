/** eval: the room measured on data sets; the corpus is shipped, the others lie in the data folder. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Figure } from '@tenfold/core/report';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { openQa } from '../answer/ask.ts';
import type { Mode } from '../answer/types.ts';
import { openSources, readQuestions } from '../corpus.ts';
import { evaluateRecognizers } from '../eval/recognizers.ts';
import { scoreQuestions } from '../eval/score.ts';
import { evaluateTimeSensitive, loadPages } from '../eval/time-sensitive-qa.ts';
import { evaluateTiq } from '../eval/tiq.ts';
import { ownIntervals, recoverSpans } from '../eval/span-recovery.ts';
import { evaluateTvq, loadPool, readTvq } from '../eval/tvq.ts';
import { reportScore } from '../report.ts';
import { openEvidenceStore } from '../store/sqlite-store.ts';
import { temporalError } from '../temporal-errors.ts';
import { rankerOption } from './ranker-option.ts';

interface EvalParams {
  readonly set: 'corpus' | 'held-out' | 'tvq' | 'tiq' | 'recognizers' | 'time-sensitive-qa';
  readonly limit: number;
  readonly qualifiers: 'own' | 'text';
  readonly mode: Mode;
  readonly ranker: 'log-linear' | 'graph-network';
}

export async function run(params: EvalParams, context: VerbContext): Promise<VerbResult> {
  const progress = (done: number) => context.progress({ phase: 'questions', done });
  switch (params.set) {
    case 'corpus':
    case 'held-out': {
      const store = await openSources('');
      const score = await scoreQuestions(
        await openQa(store, context.clock),
        readQuestions(params.set === 'corpus' ? 'questions' : 'held-out').slice(0, params.limit),
        { mode: params.mode, ...(await rankerOption(params.ranker)) },
        progress,
      );
      await store.close();
      const { results, ...figures } = score;
      return {
        ok: true,
        value: { ...figures, numQuestions: results.length },
        report: reportScore(
          `${params.set === 'corpus' ? 'Corpus' : 'Corpus in other words'}, mode ${params.mode}, ${params.ranker}`,
          score,
        ),
      };
    }
    case 'tvq': {
      const rows = readTvq(dataFile(context, 'tvq-dev.json'));
      const store = openEvidenceStore({ file: ':memory:' });
      const numPool = await loadPool(store, rows, params.qualifiers);
      const result = await evaluateTvq(await openQa(store, context.clock), rows.slice(0, params.limit), progress);
      await store.close();
      const spans = recoverSpans(rows, ownIntervals);
      return resultOf(
        { ...result, numPool, spans },
        `TVQ dev, pool of ${numPool}`,
        `${result.right} of ${result.total} dates right at rank 1.`,
        [
          share('P@1', result.right, result.total),
          share('P@1 where the cited text states the date', result.rightOfReachable, result.reachable),
          ...Object.entries(spans).map(([source, tally]) =>
            share(`intervals of ${source} found`, tally.found, tally.total),
          ),
        ],
      );
    }
    case 'tiq': {
      const result = evaluateTiq(dataFile(context, 'tiq-dev.json'));
      return resultOf(
        result,
        'TIQ dev, weights in sample',
        `Signal right for ${result.signal.frame} of ${result.implicit}.`,
        [
          ...(['frame', 'rules', 'classifier'] as const).flatMap((who) => [
            share(`signal, ${who}`, result.signal[who], result.implicit),
            share(`implicit or not, ${who}`, result.decided[who], result.total),
          ]),
          share('clause found', result.clauseFound, result.implicit),
        ],
      );
    }
    case 'recognizers': {
      const results = evaluateRecognizers(dataFile(context, 'recognizers'));
      return {
        ...resultOf(
          results,
          'Recognizers date cases',
          `${results.reduce((sum, one) => sum + one.resolved, 0)} of ${results.reduce((sum, one) => sum + one.total, 0)} resolved alike.`,
          results.map((one) => share(one.file, one.resolved, one.total)),
        ),
      };
    }
    case 'time-sensitive-qa': {
      const store = openEvidenceStore({ file: ':memory:' });
      const pages = await loadPages(store, dataFile(context, 'time-sensitive-qa-human-train.json'));
      const result = await evaluateTimeSensitive(await openQa(store, context.clock), pages, {
        limit: params.limit,
        ask: await rankerOption(params.ranker),
        onProgress: progress,
      });
      await store.close();
      return resultOf(
        result,
        `Time-Sensitive-QA, ${result.numEvidence} sentences`,
        `${result.exact} of ${result.total} exact matches.`,
        [
          share('exact match', result.exact, result.total),
          share('right among ten', result.inTen, result.total),
          share('answered', result.answered, result.total),
          share('exact match, pages that trained no ranker', result.heldOut.exact, result.heldOut.total),
        ],
      );
    }
  }
}

function resultOf(value: unknown, title: string, text: string, figures: readonly Figure[]): VerbResult {
  return {
    ok: true,
    value,
    report: { title, verdict: { tone: 'info', text }, blocks: [{ kind: 'figures', figures }] },
  };
}

function share(label: string, part: number, total: number): Figure {
  return { label, value: part / Math.max(1, total), format: 'percent', digits: 1 };
}

function dataFile(context: VerbContext, name: string): string {
  const file = context.dataFolder === undefined ? '' : join(context.dataFolder, 'temporal-qa', name);
  if (file !== '' && existsSync(file)) return file;
  throw temporalError('TF-TEMPORAL-006', {
    subject: 'eval',
    expected: `temporal-qa/${name} in the data folder`,
    actual: context.dataFolder === undefined ? 'no data folder' : 'no such file',
    hints: ['Set TENFOLD_DATA to the folder that holds temporal-qa/.'],
  });
}
