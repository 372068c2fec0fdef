/** What the server and the process of a job say to each other. */
import type { MetricPoint, RunProgress } from '@tenfold/core/store';

export interface JobOrder {
  readonly kind: 'run';
  readonly runId: string;
  readonly workerId: string;
  readonly home: string;
  /** URL of the module that exports `systems`. */
  readonly systemsModule: string;
  readonly dataFolder: string | undefined;
  readonly workingFolder: string;
}

export type JobRequest = JobOrder | { readonly kind: 'cancel' };

export type JobReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'progress'; readonly progress: RunProgress }
  | { readonly kind: 'metrics'; readonly points: readonly MetricPoint[] }
  | { readonly kind: 'finished' };
