/** Public API of the room. */
export * from './binomial.ts';
export * from './closed-form.ts';
export * from './extremal.ts';
export * from './order.ts';
export * from './problem.ts';
export * from './solve.ts';
export * from './theorem-check.ts';
export * from './types.ts';
export { manifest as crossFamiliesSystem } from './manifest.ts';
export * from './quorum/expression.ts';
export * from './quorum/parse.ts';
export * from './quorum/strategy.ts';
export * from './verify/verify.ts';
