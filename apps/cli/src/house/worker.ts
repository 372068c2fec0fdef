/** `tenfold worker`: runs jobs of a shared store until it is stopped. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { homeFolder } from '../kept-run.ts';
import type { Host } from './host.ts';
import { aborted } from './studio.ts';

export function createWorkerCommand({ terminal }: Host) {
  return async ({ jobs }: { readonly jobs?: number | undefined }, context: VerbContext): Promise<VerbResult> => {
    const { startWorker } = await import('@tenfold/studio');
    const taken = new Set<string>();
    const worker = await startWorker({
      home: homeFolder(terminal),
      workingFolder: terminal.workingFolder,
      onRun: (runId) => taken.add(runId),
      ...(jobs === undefined ? {} : { maxJobs: jobs }),
    });
    terminal.err(`${worker.workerId} waits for runs; Ctrl-C ends it.\n`);
    await aborted(context.signal);
    await worker.close();
    const text = `${worker.workerId} has ended; ${taken.size} runs were taken up here.`;
    return {
      ok: true,
      value: { workerId: worker.workerId, numRuns: taken.size },
      report: { title: 'Worker', verdict: { tone: 'neutral', text }, blocks: [] },
    };
  };
}
