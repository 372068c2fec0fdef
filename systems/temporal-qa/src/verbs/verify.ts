/** verify: checks a saved answer again from its cited text, and against the sources where they are given. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { openSources } from '../corpus.ts';
import { temporalError } from '../temporal-errors.ts';
import { verifyAnswer, type CheckableAnswer } from '../verify/verify.ts';

interface VerifyParams {
  readonly file: string;
  readonly db: string;
}

export async function run(params: VerifyParams, context: VerbContext): Promise<VerbResult> {
  const answer = readAnswer(resolve(context.workingFolder, params.file));
  const store = await openSources(params.db, context.workingFolder);
  try {
    const ids = idsOf(answer);
    const texts = new Map((await store.get(ids)).map((evidence) => [evidence.id, evidence.text]));
    const check = verifyAnswer(answer, (id) => texts.get(id));
    const ok = check.findings.length === 0;
    return {
      ok,
      value: check,
      report: {
        title: `Check of ${params.file}`,
        verdict:
          check.numAnswers === 0
            ? { tone: 'warn', text: 'The file holds no answer: there is nothing to check.' }
            : ok
              ? {
                  tone: 'good',
                  text:
                    check.numAnswers === 1
                      ? 'The answer is stated by its evidence and fits the condition.'
                      : `All ${check.numAnswers} answers are stated by their evidence and fit the condition.`,
                }
              : { tone: 'bad', text: `${check.findings.length} faults; the first: ${check.findings[0]!.fault}.` },
        blocks: [
          {
            kind: 'table',
            caption: 'Faults',
            columns: [
              { key: 'question', label: 'question' },
              { key: 'answer', label: 'answer' },
              { key: 'fault', label: 'fault' },
            ],
            rows: check.findings.map((finding) => ({ ...finding })),
          },
        ],
      },
    };
  } finally {
    await store.close();
  }
}

function readAnswer(file: string): CheckableAnswer {
  try {
    const json = JSON.parse(readFileSync(file, 'utf8')) as CheckableAnswer & { result?: CheckableAnswer };
    const answer = json.result ?? json;
    if (!Array.isArray(answer.answers) || !Array.isArray(answer.sub) || !Array.isArray(answer.constraint))
      throw new TypeError('answers, sub and constraint');
    return answer;
  } catch (cause) {
    throw temporalError('TF-TEMPORAL-007', {
      subject: 'verify',
      expected: 'a saved answer',
      actual: cause instanceof Error ? cause.message : 'other JSON',
      location: file,
      hints: ['Write one with `tenfold --json temporal-qa ask "…" > answer.json`.'],
      cause,
    });
  }
}

function idsOf(answer: CheckableAnswer): number[] {
  return [
    ...answer.answers.flatMap((one) => one.support.map((item) => item.evidence.id)),
    ...answer.sub.flatMap(idsOf),
  ];
}
