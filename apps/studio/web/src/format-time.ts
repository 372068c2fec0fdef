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

/** The command that does the same as a run. */
export function commandOfRun(run: Pick<RunSummary, 'system' | 'verb' | 'params' | 'seed'>): string {
  const options = Object.entries(run.params).flatMap(([name, value]) => {
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (value === true) return [flag];
    if (value === undefined || value === null || value === false) return [];
    const text =
      Array.isArray(value) && value.every((item) => typeof item !== 'object')
        ? value.join(',')
        : typeof value === 'object'
          ? JSON.stringify(value)
          : String(value);
    return [`${flag} ${/^[\w./:,=+-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`}`];
  });
  return ['tenfold', run.system, run.verb, ...options, ...(run.seed === 0 ? [] : [`--seed ${run.seed}`])].join(' ');
}
