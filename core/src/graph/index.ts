export * from './graph-errors.ts';
export * from './ops/op-names.ts';
export * from './ops/op-schemas.ts';
export * from './types.ts';
