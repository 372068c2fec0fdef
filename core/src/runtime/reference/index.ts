export { evaluateNode } from './interpreter.ts';
export type { ReferencePrecision } from './interpreter.ts';
export { createReferenceBackend, referenceBackend } from './reference-backend.ts';
export type { ReferenceOptions } from './reference-backend.ts';
export { runReference, runReferenceRanks } from './reference-ranks.ts';
export type { RankResult, RanksOptions } from './reference-ranks.ts';
