export * from './define.ts';
export * from './types.ts';
