/** The command line of a run, to be copied into a shell. */
import type { RunSummary } from './api.ts';

/** The command that does the same as a run, from the folder that the studio runs in. Arguments are given by name. */
export function commandOfRun(run: Pick<RunSummary, 'system' | 'verb' | 'params' | 'seed'>): string {
  const options = Object.entries(run.params).flatMap(([name, value]) => {
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    if (value === undefined || value === null) return [];
    if (typeof value === 'boolean') return [value ? `--${flag}` : `--no-${flag}`];
    const text =
      Array.isArray(value) && value.every((item) => typeof item !== 'object')
        ? value.join(',')
        : typeof value === 'object'
          ? JSON.stringify(value)
          : String(value);
    return [`--${flag} ${/^[\w./:,=+-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`}`];
  });
  const seed = run.seed === 0 ? [] : [`--seed ${run.seed}`];
  return ['npx tenfold', run.system, run.verb, ...options, ...seed].join(' ');
}
