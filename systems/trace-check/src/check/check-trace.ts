/** One call for the whole check: tolerances from perturbed runs, comparison, verdict, hints. */
import type { TraceRun } from '../trace/trace-run.ts';
import type { CheckResult } from '../types.ts';
import { compareRuns, type Comparisons } from './compare-runs.ts';
import { createExplainer } from './hints.ts';
import { judge } from './judge.ts';
import { estimateTolerance, perturbedComparisons, type ToleranceOptions, type Tolerances } from './tolerance.ts';

export interface CheckOptions extends ToleranceOptions {
  readonly reference: TraceRun;
  readonly candidate: TraceRun;
  /** Perturbed runs of the reference. */
  readonly perturbed?: readonly TraceRun[];
  /** Or tolerances found before. */
  readonly tolerances?: Tolerances;
  /** Or comparisons made before (by worker threads). */
  readonly comparisons?: Comparisons;
  /** Compare sketches of this size. */
  readonly buckets?: number;
}

export function checkTrace(options: CheckOptions): CheckResult {
  const { reference, candidate, perturbed = [], buckets } = options;
  const tolerances =
    options.tolerances ??
    estimateTolerance(candidate.info.precision, perturbedComparisons(reference, perturbed, buckets), options);
  const comparisons = options.comparisons ?? compareRuns(reference, candidate, { buckets });
  return judge({ reference, candidate, comparisons, tolerances, explain: createExplainer(reference, candidate) });
}
