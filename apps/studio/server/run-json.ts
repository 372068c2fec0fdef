/** Runs as the pages get them. */
import type { RunRecord, RunStore } from '@tenfold/core/store';

interface Verdict {
  readonly tone: string;
  readonly text: string;
}

/** For lists: without result, report and findings, with the verdict. */
export function runSummary({ result: _, report, diagnostics: __, ...rest }: RunRecord): object {
  const verdict = (report as { verdict?: Verdict } | undefined)?.verdict;
  return verdict ? { ...rest, verdict } : rest;
}

/** The whole run with its kept files; paths stay on the server. */
export async function runDetail(store: RunStore, run: RunRecord): Promise<object> {
  const artifacts = await store.listArtifacts(run.id);
  return { ...run, artifacts: artifacts.map(({ path: _, ...artifact }) => artifact) };
}
