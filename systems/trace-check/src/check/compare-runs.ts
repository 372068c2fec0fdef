/** All tensors of two runs. */
import { throwIfCancelled } from '@tenfold/core/base';
import { traceError } from '../trace-check-errors.ts';
import { parseId } from '../trace/canonical-id.ts';
import type { TraceRun } from '../trace/trace-run.ts';
import type { Comparison, RunInfo } from '../types.ts';
import { compareTensor, missingComparison, sharedBuckets } from './compare-tensor.ts';
import { withDeltas } from './deltas.ts';
import { atOnce, type Steps } from './turns.ts';

export interface CompareOptions {
  /** Compare by sketches of this size even where all elements are there. */
  readonly buckets?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
  /** Only these ids. */
  readonly ids?: ReadonlySet<string>;
}

/** Tensors between two progress messages. */
export const PROGRESS_STEP = 256;

export type Comparisons = ReadonlyMap<string, Comparison>;

/** @throws TF-TRACE-005 if the runs are not the same step; -006 on differing shapes; -011 on differing sketches */
export function compareRuns(
  reference: TraceRun,
  candidate: TraceRun,
  options: CompareOptions = {},
): Map<string, Comparison> {
  return atOnce(compareSteps(reference, candidate, options));
}

/** The same, a tensor a step. */
export function* compareSteps(
  reference: TraceRun,
  candidate: TraceRun,
  options: CompareOptions = {},
): Steps<Map<string, Comparison>> {
  const results = new Map<string, Comparison>();
  const ids = options.ids ?? idsOf(reference, candidate);
  for (const comparison of comparisonsOf(reference, candidate, ids, options)) {
    results.set(comparison.id, comparison);
    if (results.size % PROGRESS_STEP === 0) options.onProgress?.(results.size, ids.size);
    yield;
  }
  return results;
}

/** Ids that either run holds, weight deltas included; without those that the other run says it cannot hold. */
export function idsOf(reference: TraceRun, candidate: TraceRun): ReadonlySet<string> {
  const [a, b] = [withDeltas(reference).tensors, withDeltas(candidate).tensors];
  const ids = new Set([...a.keys(), ...b.keys()]);
  for (const [tensors, { info }] of [
    [a, reference],
    [b, candidate],
  ] as const)
    for (const kind of info.unrecordedKinds ?? [])
      for (const id of ids) if (parseId(id).kind === kind && !tensors.has(id)) ids.delete(id);
  return ids;
}

/** One comparison after the other, for ids as they come. Throws as compareRuns does. */
export function* comparisonsOf(
  reference: TraceRun,
  candidate: TraceRun,
  ids: Iterable<string>,
  { signal, buckets: wantedBuckets }: Pick<CompareOptions, 'signal' | 'buckets'>,
): Generator<Comparison> {
  assertSameStep(reference.info, candidate.info, candidate.name);
  const [a, b] = [withDeltas(reference).tensors, withDeltas(candidate).tensors];
  const buckets = sharedBuckets([reference, candidate], wantedBuckets);
  const factors = { reference: reference.info.lossFactor, candidate: candidate.info.lossFactor };
  for (const id of ids) {
    throwIfCancelled(signal, 'compareRuns');
    const [ref, cand] = [a.get(id), b.get(id)];
    if (ref && cand) yield compareTensor(ref, cand, factors, buckets);
    else if (ref) yield missingComparison(ref, 'candidate');
    else if (cand) yield missingComparison(cand, 'reference');
  }
}

/** Facts that both runs must share where both state them. @throws TF-TRACE-005, naming the fact */
export function assertSameStep(reference: RunInfo, candidate: RunInfo, where: string): void {
  const facts: readonly [string, unknown, unknown][] = [
    ['plan', reference.planHash, candidate.planHash],
    ['tokens', reference.tokenHash, candidate.tokenHash],
    ['parameters', reference.parameterHash, candidate.parameterHash],
    ['micro-batches', reference.numMicroBatches, candidate.numMicroBatches],
    ['layers', reference.numLayers, candidate.numLayers],
    ['mode', reference.mode ?? 'e2e', candidate.mode ?? 'e2e'],
  ];
  for (const [fact, expected, actual] of facts)
    if (expected !== undefined && actual !== undefined && expected !== actual)
      throw traceError('TF-TRACE-005', {
        subject: 'compareRuns',
        expected: `the reference’s ${fact} (${String(expected)})`,
        actual: String(actual),
        location: where,
      });
}
