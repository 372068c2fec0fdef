export { buildWebIfStale, type BuildReport } from './build.ts';
export { startStudio, type Studio, type StudioOptions } from './start-studio.ts';
export type { StudioSystem } from './rooms.ts';
export { startWorker, type Worker, type WorkerOptions } from './start-worker.ts';
