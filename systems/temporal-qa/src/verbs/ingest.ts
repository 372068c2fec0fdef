/** ingest: files and folders into an evidence file. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { findFiles, ingestPaths } from '../ingest/ingest.ts';
import { isDatabaseAddress, openStore } from '../store/open-store.ts';
import { parseSpan } from '../time/index.ts';
import { openEvidenceStore } from '../store/sqlite-store.ts';

interface IngestParams {
  readonly path: string;
  readonly db: string;
  readonly snapshot: string;
  readonly docDate: string;
  readonly strict: boolean;
  readonly dryRun: boolean;
  readonly force: boolean;
}

/** The file with what waits beside it to be written into it. */
function sizeOf(file: string): number {
  return statSync(file).size + (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0);
}

/** Problems shown one by one; the others stand in a table. */
const SHOWN_PROBLEMS = 20;

export async function run(params: IngestParams, context: VerbContext): Promise<VerbResult> {
  const paths = params.path.split(',').map((path) => resolve(context.workingFolder, path.trim()));
  // before a file is made for them
  findFiles(paths);
  for (const date of [params.snapshot, params.docDate]) if (date !== '') parseSpan(date);
  const isDatabase = isDatabaseAddress(params.db);
  const store = params.dryRun
    ? openEvidenceStore({ file: ':memory:' })
    : await openStore(params.db, { workingFolder: context.workingFolder, mustExist: false });
  try {
    const started = context.clock.nowMs();
    const result = await ingestPaths(store, paths, {
      ...(params.docDate ? { docTime: params.docDate } : {}),
      signal: context.signal,
      onProgress: (name, done) => context.progress({ phase: 'reading', done, note: name }),
    });
    if (params.snapshot) await store.setMeta('snapshot', params.snapshot);
    const seconds = (context.clock.nowMs() - started) / 1000;
    const total = await store.count();
    const bytes = params.dryRun || isDatabase ? 0 : sizeOf(resolve(context.workingFolder, params.db));
    const numProblems = result.problems.length + result.numMoreProblems;
    const ofDates =
      result.numImpossibleDates === 0
        ? ''
        : result.numImpossibleDates === numProblems
          ? numProblems === 1
            ? ', a date that is no day of the calendar'
            : ', all dates that are no day of the calendar'
          : `, ${result.numImpossibleDates} of them dates that are no day of the calendar`;
    const ok = result.numEvidence > 0 && !(params.strict && result.problems.length > 0);
    return {
      ok,
      value: { ...result, total, seconds, file: params.db },
      diagnostics: result.problems.slice(0, SHOWN_PROBLEMS),
      report: {
        title: `Ingested ${result.numFiles} ${result.numFiles === 1 ? 'file' : 'files'}`,
        verdict: {
          tone: result.problems.length > 0 || result.numEvidence === 0 ? 'warn' : 'good',
          text: `${result.numNew} new pieces of evidence (${total} in all) from ${result.numFiles} ${result.numFiles === 1 ? 'file' : 'files'}; ${numProblems} ${numProblems === 1 ? 'problem' : 'problems'}${ofDates}.`,
        },
        blocks: [
          {
            kind: 'figures',
            figures: [
              { label: 'evidence read', value: result.numEvidence, format: 'count' },
              { label: 'new', value: result.numNew, format: 'count' },
              { label: 'names', value: result.numEntities, format: 'count' },
              {
                label: 'rate',
                value: Math.round(result.numEvidence / Math.max(1e-3, seconds)),
                unit: 'rows/s',
                format: 'count',
              },
              ...(bytes > 0 ? [{ label: 'file', value: bytes, format: 'bytes' as const }] : []),
            ],
          },
          ...(result.problems.length > SHOWN_PROBLEMS
            ? [
                {
                  kind: 'table' as const,
                  caption: `Further problems (${numProblems - SHOWN_PROBLEMS})`,
                  columns: [
                    { key: 'location', label: 'place' },
                    { key: 'expected', label: 'expected' },
                    { key: 'actual', label: 'found' },
                  ],
                  rows: result.problems.slice(SHOWN_PROBLEMS).map(({ location, expected, actual }) => ({
                    location: location ?? '',
                    expected,
                    actual: actual ?? '',
                  })),
                },
              ]
            : []),
        ],
      },
    };
  } finally {
    await store.close();
  }
}
