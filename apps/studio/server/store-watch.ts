/** What other machines do to the runs of a shared store, as events for the pages of this one. */
import type { RunStore } from '@tenfold/core/store';
import type { RunEventBus } from './run-events.ts';

const POLL_MS = 2000;
const NEWEST = 200;

/** @returns a function that stops watching */
export function watchStore(store: RunStore, bus: RunEventBus): () => void {
  let known: ReadonlyMap<string, string> | undefined;
  const look = async (): Promise<void> => {
    const runs = await store.listRuns({ limit: NEWEST });
    const now = new Map(runs.map(({ id, status }) => [id, status as string]));
    for (const [runId, status] of now)
      if (known !== undefined && known.get(runId) !== status) bus.emit({ kind: 'status', runId });
    known = now;
  };
  const timer = setInterval(() => void look().catch(() => {}), POLL_MS); // A lost connection is tried again.
  return () => clearInterval(timer);
}
