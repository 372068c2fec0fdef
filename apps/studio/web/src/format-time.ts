/** Moments and durations of runs as text. */
import { formatDuration } from '@tenfold/core/base';
import type { RunSummary } from '@tenfold/ui';

/** `just now`, `5 min ago`, `yesterday`, then the date. */
export function formatAgo(atMs: number, nowMs = Date.now()): string {
  const minutes = Math.floor((nowMs - atMs) / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ago`;
  if (minutes < 48 * 60) return 'yesterday';
  return new Date(atMs).toLocaleDateString(undefined, { year: 'numeric', month: 'short', day: 'numeric' });
}

export function formatRunTime(run: Pick<RunSummary, 'startedAtMs' | 'endedAtMs'>): string {
  return run.startedAtMs !== undefined && run.endedAtMs !== undefined
    ? formatDuration(Math.max(1, run.endedAtMs - run.startedAtMs))
    : '–';
}
