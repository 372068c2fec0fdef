export * from './base-errors.ts';
export * from './cancel.ts';
export * from './disposal.ts';
export * from './errors.ts';
export * from './events.ts';
export * from './hash.ts';
export * from './rng.ts';
export * from './units.ts';
