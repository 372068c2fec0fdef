/** One call for the whole check: tolerances from perturbed runs, comparison, verdict, hints. */
import type { TraceRun } from '../trace/trace-run.ts';
import type { CheckResult } from '../types.ts';
import { compareRuns, type Comparisons } from './compare-runs.ts';
import { createExplainer } from './hints.ts';
import { judge } from './judge.ts';
import {
  describeRerun,
  estimateTolerance,
  perturbedComparisons,
  type ToleranceOptions,
  type Tolerances,
} from './tolerance.ts';

export interface CheckOptions extends ToleranceOptions {
  readonly reference: TraceRun;
  readonly candidate: TraceRun;
  /** Perturbed runs of the reference. */
  readonly perturbed?: readonly TraceRun[];
  /** A second run of the reference, unperturbed: what changes from run to run widens the tolerances. */
  readonly rerun?: TraceRun;
  /** Or tolerances found before. */
  readonly tolerances?: Tolerances;
  /** Or comparisons made before (by worker threads). */
  readonly comparisons?: Comparisons;
  /** Compare sketches of this size. */
  readonly buckets?: number;
}

export function checkTrace(options: CheckOptions): CheckResult {
  const { reference, candidate, perturbed = [], buckets } = options;
  const rerun = options.rerun && compareRuns(reference, options.rerun, { buckets });
  const tolerances =
    options.tolerances ??
    estimateTolerance(candidate.info.precision, perturbedComparisons(reference, perturbed, buckets), {
      ...options,
      rerun,
    });
  const comparisons = options.comparisons ?? compareRuns(reference, candidate, { buckets });
  const result = judge({
    reference,
    candidate,
    comparisons,
    tolerances,
    explain: createExplainer(reference, candidate),
  });
  const warning = rerun && describeRerun(rerun);
  return warning === undefined ? result : { ...result, notes: [warning, ...result.notes] };
}
