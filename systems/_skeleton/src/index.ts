/** The public API of the room. */
export { manifest as skeletonSystem } from './manifest.ts';
export { reportWordCounts } from './report.ts';
export { skeletonError } from './skeleton-errors.ts';
export type { WordCount, WordCounts } from './types.ts';
export { countWords } from './word-counts.ts';
