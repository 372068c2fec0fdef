/** verify: checks a certificate file with independent code. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Tone } from '@tenfold/core/report';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import type { SearchLogCheck } from '../search-log.ts';
import { verifyCancellably } from '../verify-in-worker.ts';
import { parseCertificate } from '../verify/verify.ts';
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

const LOG_WORDS: Readonly<Record<Exclude<SearchLogCheck, 'none'>, { readonly tone: Tone; readonly text: string }>> = {
  reproduced: { tone: 'good', text: 'came back: same nodes, same hash' },
  different: { tone: 'bad', text: 'does not come back' },
  'other-version': { tone: 'neutral', text: 'of another version, not run again' },
  'too-long': { tone: 'neutral', text: 'too long to run again' },
};

const LEVEL_TONES = { proved: 'good', replayed: 'good', trusted: 'warn', failed: 'bad' } as const;

export async function run(params: VerifyParams, context: VerbContext): Promise<VerbResult> {
  const path = resolve(context.workingFolder, params.file);
  const certificate = parseCertificate(await readFile(path, 'utf8'), params.file);
  context.progress({ phase: 'checking the certificate' });
  const { verification, searchLog } = await verifyCancellably({ certificate }, context.signal);
  const { upper } = verification;
  const failures = [
    ...verification.failures,
    ...(searchLog === 'different'
      ? ['the search of this version leaves other nodes or another hash than the certificate says']
      : []),
  ];
  const ok = failures.length === 0;
  const isQuorum = certificate.schema === 'quorums/1';
  const words = isQuorum ? LOAD_WORDS : LEVEL_WORDS;
  return {
    ok,
    value: { ...verification, ok, failures, ...(searchLog === 'none' ? {} : { searchLog }) },
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
            ...(searchLog === 'none'
              ? []
              : [{ label: 'search log', value: LOG_WORDS[searchLog].text, tone: LOG_WORDS[searchLog].tone }]),
            { label: 'failures', value: failures.length, format: 'count', tone: ok ? 'good' : 'bad' },
          ],
        },
        ...failures.map((text) => ({ kind: 'callout' as const, tone: 'bad' as const, title: text })),
      ],
    },
  };
}
