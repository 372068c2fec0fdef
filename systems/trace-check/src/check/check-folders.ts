/** The whole check of traces on disk, shared out to worker threads: tolerances, comparison, verdict, hints. */
import { openTrace } from '../trace/open-trace.ts';
import type { TraceRun } from '../trace/trace-run.ts';
import type { CheckResult } from '../types.ts';
import { compareFolders } from './compare-folders.ts';
import type { Comparisons } from './compare-runs.ts';
import { createExplainer } from './hints.ts';
import { judge } from './judge.ts';
import {
  assertMoved,
  assertPerturbed,
  describeRerun,
  estimateTolerance,
  type ToleranceOptions,
  type Tolerances,
} from './tolerance.ts';

export interface CheckFoldersOptions extends ToleranceOptions {
  readonly reference: string;
  readonly candidate: string;
  readonly perturbed?: readonly string[];
  /** A second run of the reference, unperturbed. */
  readonly rerun?: string;
  /** Tolerances found before, in place of perturbed runs. */
  readonly tolerances?: Tolerances;
  readonly buckets?: number;
  readonly numWorkers?: number;
  readonly signal?: AbortSignal;
  /** Called with both traces open. */
  readonly onResult?: (result: CheckResult, reference: TraceRun, candidate: TraceRun) => void;
  readonly onProgress?: (phase: string, done: number, total: number) => void;
}

/** @returns the same as checkTrace on the opened folders, however many workers
 *  @throws as openTrace, compareRuns and judge do */
export async function checkFolders(options: CheckFoldersOptions): Promise<CheckResult> {
  const { reference, candidate, perturbed = [], rerun, buckets, numWorkers, signal, onProgress } = options;
  const compare = (folder: string, phase: string): Promise<Comparisons> =>
    compareFolders(reference, folder, {
      buckets,
      numWorkers,
      signal,
      onProgress: (done, total) => onProgress?.(phase, done, total),
    });
  const runs: TraceRun[] = [];
  try {
    for (const folder of [reference, candidate, ...perturbed]) runs.push(await openTrace(folder));
    const [ref, cand, ...moved] = runs;
    const perturbedComparisons: Comparisons[] = [];
    for (const [i, run] of moved.entries()) {
      assertPerturbed(run.info, run.name, ref.info);
      const comparisons = await compare(run.name, `tolerances ${i + 1} of ${moved.length}`);
      assertMoved(comparisons, run.name);
      perturbedComparisons.push(comparisons);
    }
    const repeated = rerun === undefined ? undefined : await compare(rerun, 'second run of the reference');
    const tolerances =
      options.tolerances ??
      estimateTolerance(cand.info.precision, perturbedComparisons, { ...options, rerun: repeated });
    const comparisons = await compare(candidate, 'comparing');
    const result = judge({
      reference: ref,
      candidate: cand,
      comparisons,
      tolerances,
      explain: createExplainer(ref, cand),
    });
    options.onResult?.(result, ref, cand);
    const warning = repeated && describeRerun(repeated);
    return warning === undefined ? result : { ...result, notes: [warning, ...result.notes] };
  } finally {
    for (const run of runs) run.close();
  }
}
