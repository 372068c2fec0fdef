export * from './allen.ts';
export * from './annotate.ts';
export * from './day-number.ts';
export * from './formats.ts';
export * from './relative.ts';
export * from './span.ts';
export * from './verdict.ts';
export * from './evidence-time.ts';
