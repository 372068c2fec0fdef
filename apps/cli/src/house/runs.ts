/** `tenfold runs`: what was kept, shown again, run again, deleted. */
import {
  openRunStore,
  storeError,
  type ArtifactRecord,
  type RunRecord,
  type RunStatus,
  type RunStore,
} from '@tenfold/core/store';
import type { Report } from '@tenfold/core/report';
import { STALE_AFTER_MS, type VerbContext, type VerbResult } from '@tenfold/core/system';
import { homeFolder, runKept, wallClock } from '../kept-run.ts';
import type { Terminal } from '../terminal.ts';
import type { Host } from './host.ts';
import { loadRoom } from './room-entry.ts';

interface ListParams {
  readonly room?: string | undefined;
  readonly status?: RunStatus | undefined;
  readonly text?: string | undefined;
  readonly limit: number;
}

export function createRunList({ terminal }: Host) {
  return async ({ room, ...query }: ListParams): Promise<VerbResult> => {
    const runs = await withStore(terminal, (store) => store.listRuns({ ...query, ...(room && { system: room }) }));
    const rows = runs.map((run) => ({
      id: run.id,
      system: run.system,
      verb: run.verb,
      status: run.status,
      seed: run.seed,
      time: run.endedAtMs !== undefined && run.startedAtMs !== undefined ? run.endedAtMs - run.startedAtMs : null,
      created: new Date(run.createdAtMs).toISOString().slice(0, 16).replace('T', ' '),
    }));
    return {
      ok: true,
      value: rows,
      report: {
        title: 'Runs',
        verdict: {
          tone: 'neutral',
          text:
            runs.length === 0 ? 'No run is kept. Start one with: tenfold tour.' : `${runs.length} runs, newest first.`,
        },
        blocks: [
          {
            kind: 'table',
            columns: [
              { key: 'id', label: 'run' },
              { key: 'system', label: 'room' },
              { key: 'verb', label: 'verb' },
              { key: 'status', label: 'state' },
              { key: 'time', label: 'time', format: 'duration-ms' },
              { key: 'seed', label: 'seed' },
              { key: 'created', label: 'started (UTC)' },
            ],
            rows,
          },
        ],
      },
    };
  };
}

export function createRunShow({ terminal }: Host) {
  return async ({ id }: { readonly id: string }): Promise<VerbResult> => {
    const { run, artifacts } = await withStore(terminal, async (store) => ({
      run: await requireRun(store, id, 'runs show'),
      artifacts: await store.listArtifacts(id),
    }));
    const report = reportOf(run);
    const blocks = artifacts.length === 0 ? report.blocks : [...report.blocks, artifactTable(artifacts)];
    return {
      ok: run.status !== 'problems',
      value: { ...run, artifacts },
      report: { ...report, blocks },
      diagnostics: run.diagnostics,
    };
  };
}

export function createRunAgain({ terminal, globals }: Host) {
  return async ({ id }: { readonly id: string }, context: VerbContext): Promise<VerbResult> => {
    const before = await withStore(terminal, (store) => requireRun(store, id, 'runs rerun'));
    const manifest = await loadRoom(before.system, 'runs rerun');
    const { outcome, run } = await runKept(terminal, {
      manifest,
      verbName: before.verb,
      params: before.params,
      seed: before.seed,
      signal: context.signal,
      onProgress: (update) => context.progress(update),
      onWarning: (diagnostic) => context.warn(diagnostic),
      save: globals.save,
    });
    if (outcome.error) throw outcome.error;
    return {
      ok: outcome.status === 'done',
      value: { run: run?.id ?? null, result: outcome.result },
      report: outcome.report!,
    };
  };
}

export function createRunDelete({ terminal }: Host) {
  return async ({ id }: { readonly id: string }): Promise<VerbResult> => {
    await withStore(terminal, (store) => store.deleteRun(id));
    const text = `Run ${id} and its artifacts are deleted.`;
    return { ok: true, value: { id }, report: { title: 'Runs', verdict: { tone: 'good', text }, blocks: [] } };
  };
}

export async function withStore<Result>(
  terminal: Terminal,
  work: (store: RunStore) => Promise<Result>,
): Promise<Result> {
  const store = await openRunStore({
    environment: terminal.environment,
    folder: homeFolder(terminal),
    clock: wallClock,
  });
  try {
    await store.markInterrupted({ staleAfterMs: STALE_AFTER_MS });
    return await work(store);
  } finally {
    await store.close();
  }
}

export async function requireRun(store: RunStore, id: string, subject: string): Promise<RunRecord> {
  const run = await store.getRun(id);
  if (run) return run;
  throw storeError('TF-STORE-004', {
    subject,
    expected: 'the id of a run',
    actual: `"${id}"`,
    hints: ['List the runs with: tenfold runs.'],
  });
}

function artifactTable(artifacts: readonly ArtifactRecord[]): Report['blocks'][number] {
  return {
    kind: 'table',
    caption: 'Artifacts',
    columns: [
      { key: 'name', label: 'name' },
      { key: 'size', label: 'size', format: 'bytes' },
      { key: 'path', label: 'file' },
    ],
    rows: artifacts.map(({ name, byteLength, path }) => ({ name, size: byteLength, path })),
  };
}

/** The stored report, or its state in words where the run has none. */
export function reportOf(run: RunRecord): Report {
  if (run.report !== undefined) return run.report as Report;
  const message = (run.error as { message?: string } | undefined)?.message;
  return {
    title: `${run.system} ${run.verb}`,
    verdict: { tone: 'warn', text: message ?? `The run is ${run.status} and has no report.` },
    blocks: [],
  };
}
