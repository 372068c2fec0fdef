/** The public API of the room. */
export { ask, openQa } from './answer/ask.ts';
export type { AskOptions, QaContext } from './answer/ask.ts';
export type { AnswerResult, Mode } from './answer/types.ts';
export { ingestPaths } from './ingest/ingest.ts';
export { manifest as temporalQaSystem } from './manifest.ts';
export { createQaServer } from './server.ts';
export { openEvidenceStore } from './store/sqlite-store.ts';
export type { Evidence, EvidenceStore, NewEvidence } from './store/types.ts';
export { temporalError } from './temporal-errors.ts';
export { annotateDates, annotateRelative, parseSpan, verdictOf } from './time/index.ts';
export { verifyAnswer } from './verify/verify.ts';
