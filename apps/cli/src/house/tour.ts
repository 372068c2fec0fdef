/** `tenfold tour [room]`: the demonstrations of the rooms, one after the other, each kept as a run. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { systems } from '../../../systems.ts';
import { runKept } from '../kept-run.ts';
import type { Host } from './host.ts';
import { loadEntry, loadRoom } from './room-entry.ts';
import { verdictReport, type TourVerdict } from './verdict-table.ts';

export function createTour({ terminal, globals }: Host) {
  return async ({ room }: { readonly room?: string | undefined }, context: VerbContext): Promise<VerbResult> => {
    const manifests =
      room === undefined
        ? await Promise.all(systems.filter((entry) => entry.load).map((entry) => loadEntry(entry, 'tour')))
        : [await loadRoom(room, 'tour')];
    const verdicts: TourVerdict[] = [];
    for (const manifest of manifests) {
      if (context.signal.aborted) break;
      const { outcome, run } = await runKept(terminal, {
        manifest,
        verbName: manifest.tour,
        params: {},
        seed: context.seed,
        signal: context.signal,
        onProgress: ({ phase, ...update }) => context.progress({ phase: `${manifest.id}: ${phase}`, ...update }),
        save: globals.save,
      });
      verdicts.push({
        room: manifest.id,
        status: outcome.status,
        elapsedMs: outcome.elapsedMs,
        runId: run?.id,
        report: outcome.report,
        error: outcome.error?.message,
      });
    }
    const report = verdictReport(verdicts);
    const only = verdicts.length === 1 ? verdicts[0]!.report : undefined;
    return {
      ok: report.verdict.tone === 'good',
      value: verdicts.map(({ report: _, ...plain }) => plain),
      report: only ?? report,
    };
  };
}
