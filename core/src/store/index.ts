export * from './home.ts';
export * from './open-store.ts';
export * from './postgres-store.ts';
export * from './sqlite-store.ts';
export * from './store-errors.ts';
export * from './types.ts';
