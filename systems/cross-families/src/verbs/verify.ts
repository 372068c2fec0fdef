/** verify: checks a certificate file with independent code. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { parseCertificate, verifyAny } from '../verify/verify.ts';
import type { Verification } from '../verify/verify.ts';

interface VerifyParams {
  readonly file: string;
}

const LEVEL_WORDS: Readonly<Record<Verification['upper'], string>> = {
  proved: 'the upper bound is proved here',
  replayed: 'the upper bound was found again by a second, plain search',
  trusted: 'the upper bound is taken on the word of the solver; the problem is too large for a plain search',
};

export async function run(params: VerifyParams, context: VerbContext): Promise<VerbResult> {
  const path = resolve(context.workingFolder, params.file);
  const certificate = parseCertificate(await readFile(path, 'utf8'), params.file);
  const verification = verifyAny(certificate);
  const { ok, failures, upper } = verification;
  return {
    ok,
    value: verification,
    report: {
      title: `Certificate ${params.file}`,
      verdict: ok
        ? { tone: upper === 'trusted' ? 'warn' : 'good', text: `The certificate holds: ${LEVEL_WORDS[upper]}.` }
        : { tone: 'bad', text: `The certificate fails: ${failures[0]}.` },
      blocks: [
        {
          kind: 'figures',
          figures: [
            {
              label: 'claimed value',
              value: certificate.schema === 'quorums/1' ? certificate.claim.load : certificate.claim.value,
            },
            { label: 'upper bound', value: upper, tone: upper === 'trusted' ? 'warn' : 'good' },
            { label: 'failures', value: failures.length, format: 'count', tone: ok ? 'good' : 'bad' },
          ],
        },
        ...failures.map((text) => ({ kind: 'callout' as const, tone: 'bad' as const, title: text })),
      ],
    },
  };
}
