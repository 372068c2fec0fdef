export * from './create.ts';
export * from './dtype.ts';
export * from './shape.ts';
export * from './tensor-errors.ts';
export * from './types.ts';
