/** Gradients of ring attention: which queries are wrong tells whether the own block, what came around the ring, or the way
 *  home is at fault. */
import { formatId, parseId } from '../trace/canonical-id.ts';
import type { TraceRun } from '../trace/trace-run.ts';
import type { Finding, Hint } from '../types.ts';
import { relativeTo, type VectorOf } from './hint-reductions.ts';

const HEAD_COUNTS = [64, 32, 16, 8, 4, 2, 1];
/** Narrower heads would fit a factor to nothing. */
const LEAST_WIDTH = 4;
/** A pure factor leaves less than this. */
const PURE = 0.1;

/** The first of 2·CP zigzag chunks sees no keys but its own: if its queries are right and others are not, what the ring
 *  brings is wrong. Needs elements, not sketches. */
export function explainRing(
  { id, kind, tau }: Finding,
  candidate: TraceRun,
  reference: TraceRun,
  vectorOf: VectorOf,
): Hint | undefined {
  const cp = candidate.info.mesh.axes.find(({ name }) => name === 'cp')?.size ?? 1;
  const fields = parseId(id);
  const queryId = formatId({ ...fields, slot: 'q' });
  const [cand, ref] = [candidate.tensors.get(queryId), reference.tensors.get(queryId)];
  if (kind !== 'din' || cp < 2 || !cand || !ref || ref.global[0] % (2 * cp) !== 0) return undefined;
  const isZigzag = cand.shards.every(({ entry }) => entry.placements?.['cp'] === 'Z(0)');
  if (!isZigzag) return undefined;
  const factor = reference.info.lossFactor / candidate.info.lossFactor;
  const expected = Float64Array.from(vectorOf(ref).data);
  const actual = Float64Array.from(vectorOf(cand).data, (value) => value * factor);
  if (relativeTo(actual, expected, 1) <= tau)
    return fields.slot === 'q'
      ? undefined
      : {
          kind: 'ring',
          text: 'the gradient of the queries is right, that of keys and values is not: what was added up is right, where it ended is not',
        };
  const chunk = expected.length / (2 * cp);
  if (!(relativeTo(actual.subarray(0, chunk), expected.subarray(0, chunk), 1) <= 2 * tau)) return undefined;
  const largest = largestRowFactor(actual, expected, ref.global);
  const only = 'only queries that see keys of other ranks are wrong';
  return {
    kind: 'ring',
    text:
      largest === undefined
        ? `${only}: look at the keys and values that the backward pass uses in later steps of the ring`
        : `${only}, each by a factor of its own (up to ${largest.toPrecision(3)}): probabilities made with the log-sum-exp of a part of the keys`,
  };
}

/** Where every row of every head is right except for its own factor of at least 1: the largest one. */
function largestRowFactor(actual: Float64Array, expected: Float64Array, shape: readonly number[]): number | undefined {
  const columns = shape.at(-1)!;
  for (const heads of HEAD_COUNTS) {
    const width = columns / heads;
    if (!Number.isInteger(width) || width < LEAST_WIDTH) continue;
    let [left, total, largest] = [0, 0, 1];
    for (let at = 0; at < actual.length; at += width) {
      let [aa, ab, bb] = [0, 0, 0];
      for (let i = at; i < at + width; i++) {
        aa += actual[i] ** 2;
        ab += actual[i] * expected[i];
        bb += expected[i] ** 2;
      }
      const factor = bb === 0 ? 1 : ab / bb;
      left += aa - factor * ab;
      total += aa;
      // Rows of almost no gradient say nothing of their factor.
      if (aa > total / actual.length) largest = Math.max(largest, factor);
    }
    if (Math.sqrt(Math.max(0, left) / total) <= PURE) return largest;
  }
  return undefined;
}
