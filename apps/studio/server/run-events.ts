/** What happens to runs, for the pages that watch them. */
import type { MetricPoint, RunProgress } from '@tenfold/core/store';

export type RunEvent =
  | { readonly kind: 'status'; readonly runId: string }
  | { readonly kind: 'progress'; readonly runId: string; readonly progress: RunProgress }
  | { readonly kind: 'metrics'; readonly runId: string; readonly points: readonly MetricPoint[] };

export interface RunEventBus {
  emit(event: RunEvent): void;
  /** @param runId  undefined for all runs. @returns a function that stops listening */
  listen(runId: string | undefined, listener: (event: RunEvent) => void): () => void;
}

export function createRunEventBus(): RunEventBus {
  const listeners = new Set<{ readonly runId: string | undefined; readonly notify: (event: RunEvent) => void }>();
  return {
    emit(event) {
      for (const listener of listeners)
        if (listener.runId === undefined || listener.runId === event.runId) listener.notify(event);
    },
    listen(runId, notify) {
      const entry = { runId, notify };
      listeners.add(entry);
      return () => void listeners.delete(entry);
    },
  };
}
