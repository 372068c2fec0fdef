/** Checks certificates in a worker thread that a cancel request ends. */
import { Worker } from 'node:worker_threads';
import { throwIfCancelled } from '@tenfold/core/base';
import type { QuorumCertificate } from './verify/quorum-check.ts';
import type { Verification } from './verify/verify.ts';
import type { SearchLogCheck } from './search-log.ts';
import type { Certificate } from './types.ts';

export interface VerifyJob {
  readonly certificate: Certificate | QuorumCertificate;
}

export interface VerifyAnswer {
  readonly verification: Verification;
  readonly searchLog: SearchLogCheck;
}

/** @throws TF-BASE-001 if cancelled */
export async function verifyCancellably(job: VerifyJob, signal: AbortSignal): Promise<VerifyAnswer> {
  throwIfCancelled(signal, 'verify');
  const worker = new Worker(new URL('./verify-worker.ts', import.meta.url), { workerData: job });
  const ending = Promise.withResolvers<VerifyAnswer | undefined>();
  const onAbort = (): void => ending.resolve(undefined);
  signal.addEventListener('abort', onAbort, { once: true });
  worker.on('message', (answer: VerifyAnswer) => ending.resolve(answer));
  worker.on('error', (error) => ending.reject(error));
  try {
    const answer = await ending.promise;
    if (answer) return answer;
  } finally {
    signal.removeEventListener('abort', onAbort);
    await worker.terminate();
  }
  throwIfCancelled(signal, 'verify');
  throw new TypeError('verify: the worker ended without an answer');
}
