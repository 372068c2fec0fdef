/** Worker entry: checks one certificate, so that a cancel request can end a long check. */
import { parentPort, workerData } from 'node:worker_threads';
import { checkSearchLog } from './search-log.ts';
import { verifyAny } from './verify/verify.ts';
import type { VerifyAnswer, VerifyJob } from './verify-in-worker.ts';

const { certificate } = workerData as VerifyJob;
const verification = verifyAny(certificate);
const searchLog =
  certificate.schema === 'families/1' && verification.ok ? await checkSearchLog(certificate) : ('none' as const);
const answer: VerifyAnswer = { verification, searchLog };
parentPort!.postMessage(answer);
