export { backward, backwardGraph, vectorJacobianProduct } from './backward.ts';
export type { BackwardOptions, SeedGradient } from './backward.ts';
export { copyToGroup, reduceFromGroup, straightThrough } from './custom-gradient.ts';
export * from './grad-errors.ts';
export { GRADIENT_RULES } from './gradient-table.ts';
export { checkpoint, customGradient } from './marks.ts';
export type { CustomGradientCall, CustomRule } from './marks.ts';
export type { GradContext, GradientRule, InputGradient, SparseGradient } from './types.ts';
