/** `tenfold start`: the studio with the tours as jobs in it, then their verdicts. */
import { throwIfCancelled } from '@tenfold/core/base';
import type { RunRecord, RunStatus, RunStore } from '@tenfold/core/store';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { systems } from '../../../systems.ts';
import { homeFolder } from '../kept-run.ts';
import type { Host } from './host.ts';
import { loadRoom } from './room-entry.ts';
import { aborted } from './studio.ts';
import { verdictReport, type TourVerdict } from './verdict-table.ts';

const POLL_MS = 200;
const ENDED: ReadonlySet<RunStatus> = new Set(['done', 'problems', 'failed', 'cancelled', 'interrupted']);

interface StartParams {
  readonly port: number;
  readonly exit: boolean;
  readonly rooms: readonly string[];
}

export function createStart({ terminal }: Host) {
  return async ({ port, exit, rooms }: StartParams, context: VerbContext): Promise<VerbResult> => {
    // Unknown rooms are answered before anything starts.
    const built = systems.filter((entry) => entry.load).map((entry) => entry.id);
    const names = rooms.length > 0 ? rooms : built;
    const manifests = await Promise.all(names.map((name) => loadRoom(name, 'start')));
    const { buildWebIfStale, startStudio } = await import('@tenfold/studio');
    context.progress({ phase: 'building the pages' });
    const pages = await buildWebIfStale();
    const studio = await startStudio({ systems, port: exit ? 0 : port, home: homeFolder(terminal) });
    try {
      terminal.err(`${pages.built ? 'Pages built. ' : ''}Studio: ${studio.url}\n`);
      const runs = await Promise.all(
        manifests.map((manifest) =>
          studio.startRun({ system: manifest.id, verb: manifest.tour, params: {}, seed: context.seed }),
        ),
      );
      const ended = await watchRuns(studio.store, runs, context);
      const report = verdictReport(ended.map(verdictFromRun));
      const result: VerbResult = {
        ok: report.verdict.tone === 'good',
        value: { url: studio.url, runs: ended.map(({ id, system, status }) => ({ id, system, status })) },
        report,
      };
      if (exit) return result;
      const { renderTerminal } = await import('@tenfold/core/report');
      terminal.out(renderTerminal(report, { width: terminal.width, hasColor: terminal.hasColor }));
      terminal.err(`The studio is open at ${studio.url}; Ctrl-C ends it.\n`);
      await aborted(context.signal);
      return {
        ...result,
        report: { ...report, blocks: [], verdict: { ...report.verdict, text: 'The studio is closed.' } },
      };
    } finally {
      await studio.close();
    }
  };
}

/** Waits for all runs to end and passes their progress on. */
async function watchRuns(store: RunStore, runs: readonly RunRecord[], context: VerbContext): Promise<RunRecord[]> {
  for (;;) {
    const records = await Promise.all(runs.map(async (run) => (await store.getRun(run.id)) ?? run));
    const numEnded = records.filter((record) => ENDED.has(record.status)).length;
    if (numEnded === records.length) return records;
    throwIfCancelled(context.signal, 'start');
    const current = records.find((record) => record.status === 'running');
    const phase = current ? `${current.system}: ${current.progress?.phase ?? 'starting'}` : 'waiting';
    context.progress({ phase, note: `${numEnded} of ${records.length} tours ended` });
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function verdictFromRun(run: RunRecord): TourVerdict {
  return {
    room: run.system,
    status: run.status,
    elapsedMs: (run.endedAtMs ?? run.createdAtMs) - (run.startedAtMs ?? run.createdAtMs),
    runId: run.id,
    report: run.report as TourVerdict['report'],
    error: (run.error as { message?: string } | undefined)?.message,
  };
}
