/** One logical tensor of two runs: merged on both sides, compared stretch by stretch. */
import { traceError } from '../trace-check-errors.ts';
import { KINDS, parseId } from '../trace/canonical-id.ts';
import { sameNumbers, type LogicalTensor, type TraceRun } from '../trace/trace-run.ts';
import type { Comparison } from '../types.ts';
import { compareSummaries, isSummary } from './compare-summary.ts';
import { CHUNK_ELEMENTS, createMerger } from './merge.ts';
import { addToSums, emptySums, figuresOfSums } from './metric.ts';
import { mergeSketches } from './sketch.ts';

const SKETCH_EQUALITY = 1e-6;

const candidateChunk = new Float32Array(CHUNK_ELEMENTS);
const referenceChunk = new Float32Array(CHUNK_ELEMENTS);

/** @param buckets  compare sketches of this size; undefined: all elements
 *  @throws TF-TRACE-006 if the logical shapes differ. Memory: two stretches. */
export function compareTensor(
  reference: LogicalTensor,
  candidate: LogicalTensor,
  factors: { readonly reference: number; readonly candidate: number },
  buckets?: number,
): Comparison {
  const { id, numel } = reference;
  if (!sameNumbers(reference.global, candidate.global))
    throw traceError('TF-TRACE-006', {
      subject: 'compareTensor',
      expected: `"${id}" to have the reference’s shape [${reference.global.join(', ')}]`,
      actual: `[${candidate.global.join(', ')}]`,
      location: id,
    });
  const { isLossScaled } = KINDS[parseId(id).kind];
  const scaleA = isLossScaled ? 1 / factors.candidate : 1;
  const scaleB = isLossScaled ? 1 / factors.reference : 1;
  if ([reference, candidate].some(({ shards }) => shards.some(({ entry }) => isSummary(entry))))
    return compareSummaries(reference, candidate, scaleA, scaleB);
  if (buckets !== undefined) return compareSketches(reference, candidate, scaleA, scaleB, buckets);
  const a = createMerger(candidate);
  const b = createMerger(reference);
  const sums = emptySums();
  for (let start = 0; start < numel; start += CHUNK_ELEMENTS) {
    const count = Math.min(CHUNK_ELEMENTS, numel - start);
    a.fill(start, count, candidateChunk);
    b.fill(start, count, referenceChunk);
    addToSums(sums, candidateChunk, referenceChunk, count, scaleA, scaleB);
  }
  const replica = a.replica();
  return {
    id,
    numel,
    ...figuresOfSums(sums),
    maxAbs: sums.maxAbs,
    normRef: Math.sqrt(sums.bb),
    normCand: Math.sqrt(sums.aa),
    isBitwise: sums.numDifferent === 0,
    numNonFinite: sums.numNonFinite,
    numRefNonFinite: sums.numRefNonFinite,
    numUncovered: a.numUncovered(),
    ...(replica ? { replica } : {}),
  };
}

function compareSketches(
  reference: LogicalTensor,
  candidate: LogicalTensor,
  scaleA: number,
  scaleB: number,
  buckets: number,
): Comparison {
  const a = mergeSketches(candidate, buckets);
  const b = mergeSketches(reference, buckets);
  const sums = emptySums();
  for (let i = 0; i < buckets; i++) {
    const x = a.sketch[i] * scaleA;
    const y = b.sketch[i] * scaleB;
    sums.aa += x * x;
    sums.bb += y * y;
    sums.ab += x * y;
    sums.dd += (x - y) ** 2;
    if (!Number.isFinite(x) && !Object.is(x, y)) sums.numNonFinite++;
    if (!Number.isFinite(y)) sums.numRefNonFinite++;
  }
  return {
    id: reference.id,
    numel: reference.numel,
    ...figuresOfSums(sums),
    maxAbs: NaN,
    normRef: Math.sqrt(sums.bb),
    normCand: Math.sqrt(sums.aa),
    // Sketches of shards add up in another order: equal tensors differ by the rounding of those sums.
    isBitwise: sums.dd <= SKETCH_EQUALITY ** 2 * sums.bb,
    numNonFinite: sums.numNonFinite,
    numRefNonFinite: sums.numRefNonFinite,
    numUncovered: a.numUncovered,
    isSketch: true,
    ...(a.replica ? { replica: a.replica } : {}),
  };
}

/** A comparison for an id that only one run has. */
export function missingComparison(tensor: LogicalTensor, missingIn: 'reference' | 'candidate'): Comparison {
  return {
    id: tensor.id,
    numel: tensor.numel,
    rel: NaN,
    alpha: NaN,
    residual: NaN,
    cosine: NaN,
    maxAbs: NaN,
    normRef: NaN,
    normCand: NaN,
    isBitwise: false,
    numNonFinite: 0,
    numRefNonFinite: 0,
    numUncovered: 0,
    missingIn,
  };
}

/** Size of the sketches to compare, undefined if both runs are full and none is wanted. Larger stored sketches are folded.
 *  @throws TF-TRACE-011 if stored sizes differ and none is wanted, or a larger one is wanted than a run holds
 *  @throws TF-TRACE-021 if one is wanted of a run that holds norms or hashes alone */
export function sharedBuckets(runs: readonly TraceRun[], wanted?: number): number | undefined {
  const sizes = [...new Set(runs.flatMap(({ info }) => (info.level === 'sketch' ? [info.sketchBuckets ?? 0] : [])))];
  const refuse = (expected: string, hint: string): Error =>
    traceError('TF-TRACE-011', {
      subject: 'compareRuns',
      expected,
      actual: sizes.join(' and '),
      hints: [hint],
    });
  const smallest = Math.min(...sizes);
  if (wanted === undefined) {
    if (sizes.length > 1) throw refuse('one sketch size', `Larger sketches can be folded: --buckets ${smallest}.`);
    return sizes[0];
  }
  if (smallest < wanted)
    throw refuse(
      `sketches of at least ${wanted} buckets, as --buckets asks`,
      `A sketch can be folded, not unfolded: --buckets ${smallest} or less.`,
    );
  const summary = runs.find(({ info }) => info.level === 'hash' || info.level === 'stats');
  if (summary)
    throw traceError('TF-TRACE-021', {
      subject: 'compareRuns',
      expected: 'traces of level full or sketch beside --buckets',
      actual: summary.info.level,
      location: summary.name,
    });
  return wanted;
}
