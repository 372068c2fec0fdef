export { availableBackends, BACKEND_NAMES, openBackend } from './backends.ts';
export { runError } from './run-errors.ts';
export * from './types.ts';
