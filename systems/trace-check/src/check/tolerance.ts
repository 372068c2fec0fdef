/** Tolerance per tensor: how far the reference moves when its input is moved by about one rounding unit.
 *  τ = min(k·max(e_pert, c·u′), cap); e_pert is the largest relative change among the perturbed runs. */
import { traceError } from '../trace-check-errors.ts';
import type { TraceRun } from '../trace/trace-run.ts';
import type { RunInfo, ToleranceEntry, TracePrecision } from '../types.ts';
import { compareSteps, type Comparisons } from './compare-runs.ts';
import { atOnce, type Steps } from './turns.ts';

/** u′ per recipe: unit roundoff, twice that for f32 (order of summation). FP8 recipes store in BF16. */
const UNIT: Readonly<Record<TracePrecision, number>> = {
  float32: 2 ** -23,
  float16: 2 ** -11,
  bfloat16: 2 ** -8,
  float8: 2 ** -8,
};
/** k per recipe; FP8's wide e_pert would hide missing reductions at 3. */
const FACTOR: Readonly<Record<TracePrecision, number>> = { float32: 3, float16: 3, bfloat16: 3, float8: 2 };
/** Above this the tensor is too ill-conditioned to certify. */
const INCONCLUSIVE_ABOVE = 0.2;
const TAU_CAP = 0.5;
/** Share of perturbed elements that must really have changed. */
const LEAST_CHANGED = 0.9;

/** The fixed rule of others, our baseline and the fallback without perturbed runs: k·C^L·eps, k 4, C 1.03, L 33. */
export const STATIC_FACTOR = 4 * 1.03 ** 33;

export interface ToleranceOptions {
  /** k; default by recipe: 3, FP8 2. */
  readonly factor?: number;
  /** c of the floor c·u′; default 1. */
  readonly floor?: number;
}

export type Tolerances = ReadonlyMap<string, ToleranceEntry>;

/** @param perturbed  comparisons of the reference with each perturbed run
 *  @param rerun  comparison of the reference with an unperturbed second run: its error is added */
export function estimateTolerance(
  precision: TracePrecision,
  perturbed: readonly Comparisons[],
  options: ToleranceOptions & { readonly rerun?: Comparisons } = {},
): Map<string, ToleranceEntry> {
  const { factor = FACTOR[precision], floor = 1, rerun } = options;
  const least = floor * UNIT[precision];
  const entries = new Map<string, ToleranceEntry>();
  for (const comparisons of perturbed)
    for (const [id, { rel, missingIn }] of comparisons) {
      if (missingIn !== undefined || Number.isNaN(rel)) continue;
      const noise = rerun?.get(id)?.rel ?? 0;
      const ePert = Math.max(entries.get(id)?.ePert ?? 0, rel + (Number.isNaN(noise) ? 0 : noise));
      entries.set(id, {
        ePert,
        tau: Math.min(factor * Math.max(ePert, least), TAU_CAP),
        status: ePert > INCONCLUSIVE_ABOVE ? 'inconclusive' : 'ok',
      });
    }
  return entries;
}

/** What a second, unperturbed run of the reference says about its determinism; undefined where it is bitwise the same. */
export function describeRerun(rerun: Comparisons): string | undefined {
  let [worst, id, count] = [0, '', 0];
  for (const comparison of rerun.values()) {
    if (comparison.missingIn !== undefined || comparison.isBitwise || !(comparison.rel > 0)) continue;
    count++;
    if (comparison.rel > worst) [worst, id] = [comparison.rel, comparison.id];
  }
  if (count === 0) return undefined;
  return `The reference is not deterministic: ${count} tensors change from run to run, ${id} by ${worst.toExponential(1)}. These changes are added to the tolerances; ask for deterministic kernels.`;
}

/** Without perturbed runs: one bound for all, marked as such. */
export function staticTolerance(precision: TracePrecision): ToleranceEntry {
  return { ePert: NaN, tau: Math.min(STATIC_FACTOR * 2 * UNIT[precision], TAU_CAP), status: 'static' };
}

/** Smallest meaningful relative error of a recipe. */
export function unitOf(precision: TracePrecision): number {
  return UNIT[precision];
}

/** Compares the reference with each perturbed run.
 *  @throws TF-TRACE-010 if a perturbation was rounded away (half a unit rounds back: thresholds would be zero) */
export function perturbedComparisons(reference: TraceRun, runs: readonly TraceRun[], buckets?: number): Comparisons[] {
  return atOnce(perturbedSteps(reference, runs, buckets));
}

/** The same, a tensor a step. */
export function* perturbedSteps(
  reference: TraceRun,
  runs: readonly TraceRun[],
  buckets?: number,
): Steps<Comparisons[]> {
  const all: Comparisons[] = [];
  for (const run of runs) {
    assertPerturbed(run.info, run.name, reference.info);
    const comparisons = yield* compareSteps(reference, run, { buckets });
    assertMoved(comparisons, run.name);
    all.push(comparisons);
  }
  return all;
}

/** @throws TF-TRACE-010 if the perturbed run is equal to the reference */
export function assertMoved(comparisons: Comparisons, where: string): void {
  const hasMoved = [...comparisons.values()].some(({ rel, missingIn }) => missingIn === undefined && rel > 0);
  if (!hasMoved) throw roundedAway('no tensor of the run to be equal to the reference', 'all equal', where);
}

/** @throws TF-TRACE-010 if the run was not perturbed, or its perturbation rounded away
 *  @throws TF-TRACE-005 if it ran on another mesh or in another precision than the reference: what sets those apart, bugs
 *  included, would widen the tolerances */
export function assertPerturbed(info: RunInfo, where: string, reference: RunInfo): void {
  const { perturbation, role } = info;
  if (!perturbation) throw roundedAway('a perturbed run', `one of role ${role} without a perturbation`, where);
  if (perturbation.changedShare < LEAST_CHANGED)
    throw roundedAway(
      `at least ${LEAST_CHANGED * 100} % of the perturbed elements to change`,
      `${(perturbation.changedShare * 100).toFixed(1)} % at ${perturbation.ulps} ulp`,
      where,
    );
  if (setupOf(info) !== setupOf(reference))
    throw traceError('TF-TRACE-005', {
      subject: 'estimateTolerance',
      expected: `a perturbed run of the reference (${setupOf(reference)})`,
      actual: setupOf(info),
      location: where,
      hints: ['Run the reference itself again, with its embedding perturbed.'],
    });
}

function setupOf({ mesh, precision }: RunInfo): string {
  const sizes = mesh.axes.filter(({ size }) => size > 1).map(({ name, size }) => `${name} ${size}`);
  return `${sizes.sort().join(', ') || 'one device'}, ${precision}`;
}

function roundedAway(expected: string, actual: string, location: string): Error {
  return traceError('TF-TRACE-010', {
    subject: 'estimateTolerance',
    expected,
    actual,
    location,
    hints: ['Perturb by one whole unit (ulps 1) of the precision the embedding is stored in.'],
  });
}
