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
  failed: 'the upper bound is not proved',
  proved: 'the upper bound is proved here',
  replayed: 'the upper bound was found again by a second, plain search',
  trusted:
    'the upper bound is taken on the word of the solver, since the problem is beyond a plain search; stars and balls do not exceed it',
};

const LOAD_WORDS: Readonly<Record<Verification['upper'], string>> = {
  failed: 'that no strategy has less load is not proved',
  proved: 'every read quorum meets every write quorum, and that no strategy has less load is proved here',
  replayed: 'that no strategy has less load was found again',
  trusted:
    'the strategy has the claimed load, but expressions that repeat nodes are too large here to check that reads meet writes and that no strategy has less load',
};

const LEVEL_TONES = { proved: 'good', replayed: 'good', trusted: 'warn', failed: 'bad' } as const;

export async function run(params: VerifyParams, context: VerbContext): Promise<VerbResult> {
  const path = resolve(context.workingFolder, params.file);
  const certificate = parseCertificate(await readFile(path, 'utf8'), params.file);
  const verification = verifyAny(certificate);
  const { ok, failures, upper } = verification;
  const isQuorum = certificate.schema === 'quorums/1';
  const words = isQuorum ? LOAD_WORDS : LEVEL_WORDS;
  return {
    ok,
    value: verification,
    report: {
      title: `Certificate ${params.file}`,
      verdict: ok
        ? { tone: LEVEL_TONES[upper], text: `The certificate holds: ${words[upper]}.` }
        : { tone: 'bad', text: `The certificate fails: ${failures[0]}.` },
      blocks: [
        {
          kind: 'figures',
          figures: [
            certificate.schema === 'quorums/1'
              ? { label: 'claimed load', value: certificate.claim.load }
              : { label: 'claimed value', value: certificate.claim.value },
            { label: isQuorum ? 'least load' : 'upper bound', value: upper, tone: LEVEL_TONES[upper] },
            { label: 'failures', value: failures.length, format: 'count', tone: ok ? 'good' : 'bad' },
          ],
        },
        ...failures.map((text) => ({ kind: 'callout' as const, tone: 'bad' as const, title: text })),
      ],
    },
  };
}
