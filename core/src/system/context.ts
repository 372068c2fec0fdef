/** The context that a verb is given: the only source of randomness, time, folders and cancellation. */
import { createRng, type Diagnostic } from '../base/index.ts';
import type { RunProgress } from '../store/index.ts';
import type { VerbContext } from './types.ts';

export interface VerbContextOptions {
  /** Default 0. */
  readonly seed?: number;
  /** Default: never aborts. */
  readonly signal?: AbortSignal;
  /** Default: the monotonic clock of the process. */
  readonly clock?: { nowMs(): number };
  readonly dataFolder?: string;
  readonly cacheFolder: string;
  readonly workingFolder: string;
  readonly onProgress?: (progress: RunProgress) => void;
  readonly onMetric?: (name: string, step: number, value: number) => void;
  readonly onWarning?: (diagnostic: Diagnostic) => void;
}

export const monotonicClock: { nowMs(): number } = { nowMs: () => performance.now() };

const neverAborted = new AbortController().signal;

/** Creates the context of one run; the same seed gives the same random numbers. */
export function createVerbContext(options: VerbContextOptions): VerbContext {
  const seed = options.seed ?? 0;
  return {
    seed,
    rng: createRng(seed, 'verb'),
    clock: options.clock ?? monotonicClock,
    signal: options.signal ?? neverAborted,
    dataFolder: options.dataFolder,
    cacheFolder: options.cacheFolder,
    workingFolder: options.workingFolder,
    progress: (update) => options.onProgress?.(update),
    metric: (name, step, value) => options.onMetric?.(name, step, value),
    warn: (diagnostic) => options.onWarning?.(diagnostic),
  };
}
