/** `tenfold studio`: serves the studio until it is stopped. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { systems } from '../../../systems.ts';
import { homeFolder } from '../kept-run.ts';
import type { Host } from './host.ts';

interface StudioParams {
  readonly port: number;
  readonly host: string;
  readonly open?: string | undefined;
}

export function createStudioCommand({ terminal }: Host) {
  return async ({ port, host, open }: StudioParams, context: VerbContext): Promise<VerbResult> => {
    const { buildWebIfStale, startStudio } = await import('@tenfold/studio');
    context.progress({ phase: 'building the pages' });
    await buildWebIfStale();
    const studio = await startStudio({ systems, port, host, home: homeFolder(terminal) });
    const url = new URL(studio.url);
    if (open !== undefined) url.pathname = `/runs/${open}`;
    terminal.out(`${url}\n`);
    terminal.err('The studio is open; Ctrl-C ends it.\n');
    await aborted(context.signal);
    await studio.close();
    const text = `The studio at ${url.origin} is closed.`;
    return {
      ok: true,
      value: { url: url.href },
      report: { title: 'Studio', verdict: { tone: 'neutral', text }, blocks: [] },
    };
  };
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
