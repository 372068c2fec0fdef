/** Likely causes of a failing tensor, from the values alone: a wrong scale, a missing sum, permuted chunks, stale values,
 *  few bad rows, low precision. Each test states what it found; none is a proof. */
import { stridesOf } from '../trace/box-runs.ts';
import { KINDS, formatId, parseId } from '../trace/canonical-id.ts';
import type { TraceRun } from '../trace/trace-run.ts';
import type { Finding, Hint } from '../types.ts';
import { withDeltas } from './deltas.ts';
import { explainBlockScale } from './hint-blocks.ts';
import { explainContributions } from './hint-contributions.ts';
import { explainVaryingScale } from './hint-micro-batches.ts';
import { explainOperands } from './hint-operands.ts';
import { explainReduction, explainScale, relativeTo, vectorsOf, type VectorOf } from './hint-reductions.ts';
import { explainRing } from './hint-ring.ts';
import { explainAddedRows } from './hint-rows.ts';
import { explainCopies } from './hint-copies.ts';
import { explainDropout } from './hint-dropout.ts';
import { explainFrozenScale, explainUnderflow } from './hint-scales.ts';
import { explainStale, explainStaleCopy, explainUncleared } from './hint-stale.ts';
import { mergeWhole } from './merge.ts';

/** Tensors above this are not loaded for hints. */
const MAX_ELEMENTS = 1 << 24;
/** Chunks that no mesh axis explains. */
const HEAD_COUNTS = [2, 4, 8, 16];
const SUBSET_ROWS = 0.1;
const SUBSET_SHARE = 0.9;

/** @returns a function that explains findings of this pair of runs */
export function createExplainer(reference: TraceRun, candidate: TraceRun): (id: string, finding: Finding) => Hint[] {
  const a = withDeltas(candidate);
  const b = withDeltas(reference);
  const isFull = reference.info.level === 'full' && candidate.info.level === 'full';
  const isSketch = reference.info.level === 'sketch' && candidate.info.level === 'sketch';
  const vectorOf = vectorsOf(
    isSketch ? Math.min(reference.info.sketchBuckets!, candidate.info.sketchBuckets!) : undefined,
  );
  return (id, finding) => {
    const [cand, ref] = [a.tensors.get(id), b.tensors.get(id)];
    if (finding.kind === 'recompute_out' && isFull) return explainRecomputation(id, a);
    if (!cand || !ref || cand.numel > MAX_ELEMENTS) return [];
    if (finding.status !== 'FAIL' && finding.status !== 'REPLICA_DIVERGED') return [];
    if (finding.kind === 'scale') return [explainFrozenScale(finding, a, b)].filter((hint) => hint !== undefined);
    const { isLossScaled } = KINDS[finding.kind];
    const scale = isLossScaled ? reference.info.lossFactor / candidate.info.lossFactor : 1;
    const hints: Hint[] = [];
    hints.push(...explainScale(finding, cand, candidate));
    if (isFull || isSketch) {
      const expected = vectorOf(ref).data;
      const reduction = explainReduction(cand, expected, finding, scale, vectorOf);
      const copies = reduction.length > 0 ? undefined : explainCopies(cand, expected, finding, scale, vectorOf);
      hints.push(...reduction, ...(copies ? [copies] : []));
    }
    // Where copies differ, the one that was compared may be right: then its round-off explains nothing.
    const isOff = !(finding.rel <= finding.tau);
    if (isFull && !isOff) {
      const stale = explainStaleCopy(id, cand, b, finding);
      if (stale) hints.unshift(stale);
    }
    if (isFull && isOff) {
      const expected = mergeWhole(ref).data;
      const actual = mergeWhole(cand).data;
      if (scale !== 1) for (let i = 0; i < actual.length; i++) actual[i] *= scale;
      const pair: Pair = { actual, expected, shape: ref.global, finding, candidate };
      for (const test of [explainZero, explainPermutation, explainLayout, explainSubset, explainPrecision]) {
        const hint = test(pair);
        if (hint) hints.push(hint);
      }
      for (const hint of [
        explainDropout(actual, expected, finding.tau),
        explainAddedRows(actual, expected, finding, b),
        explainOperands(finding, a, b),
        explainUnderflow(actual, expected),
        explainBlockScale(actual, expected, ref.global, { candidate, tau: finding.tau }),
      ])
        if (hint) hints.push(hint);
      const ring = explainRing(finding, a, b, vectorOf);
      if (ring) hints.push(ring);
      const stale =
        explainStale(id, actual, b, finding) ??
        explainStaleCopy(id, cand, b, finding) ??
        explainUncleared(id, actual, expected, b);
      if (stale) hints.unshift(stale);
    }
    if (isFull || isSketch) {
      const varying = explainVaryingScale(finding, a, b, vectorOf);
      if (varying) hints.unshift(varying);
      for (const test of [explainContributions, explainBackwardOnly]) {
        const hint = test(finding, a, b, vectorOf);
        if (hint) hints.push(hint);
      }
    }
    return hints;
  };
}

/** A recomputed output beside the first one of the same run. */
function explainRecomputation(id: string, a: TraceRun): Hint[] {
  const [again, first] = [a.tensors.get(id), a.tensors.get(formatId({ ...parseId(id), kind: 'out' }))];
  if (!again || !first || again.numel > MAX_ELEMENTS || again.numel !== first.numel) return [];
  const dropout = explainDropout(mergeWhole(again).data, mergeWhole(first).data, 0);
  if (!dropout) return [];
  const text =
    'zeros stand at other places than in the first pass: the state of the generator was not kept for the dropout';
  return [{ kind: 'dropout', text }];
}

interface Pair {
  readonly actual: Float32Array;
  readonly expected: Float32Array;
  readonly shape: readonly number[];
  readonly finding: Finding;
  readonly candidate: TraceRun;
}

function explainZero({ actual }: Pair): Hint | undefined {
  return actual.every((value) => value === 0)
    ? { kind: 'zero', text: 'all zero: no gradient or update arrived' }
    : undefined;
}

/** Chunks of one dimension (2·CP, TP, …) that stand in another order. */
function explainPermutation({ actual, expected, shape, finding, candidate }: Pair): Hint | undefined {
  const sizes = new Map<number, string>();
  for (const { name, size } of candidate.info.mesh.axes) {
    if (size < 2) continue;
    sizes.set(size, name);
    if (name === 'cp') sizes.set(2 * size, name);
  }
  sizes.set(3, 'q/k/v');
  for (const count of HEAD_COUNTS) if (!sizes.has(count)) sizes.set(count, 'heads or groups');
  for (const [dim, length] of shape.entries())
    for (const [numChunks, axis] of sizes) {
      if (length % numChunks !== 0 || numChunks > 16) continue;
      const order = chunkOrder(actual, expected, shape, dim, numChunks, finding.tau);
      if (order && order.some((to, i) => to !== i))
        return {
          kind: 'permutation',
          text: `chunks of dimension ${dim} stand in the order ${order.join(', ')} (${axis})`,
        };
    }
  return undefined;
}

function chunkOrder(
  actual: Float32Array,
  expected: Float32Array,
  shape: readonly number[],
  dim: number,
  numChunks: number,
  tau: number,
): number[] | undefined {
  const inner = shape.slice(dim + 1).reduce((total, size) => total * size, 1);
  const chunk = (shape[dim] / numChunks) * inner;
  const outer = actual.length / (chunk * numChunks);
  const order: number[] = [];
  for (let i = 0; i < numChunks; i++) {
    const match = Array.from({ length: numChunks }, (_, j) => j).find((j) => {
      let dd = 0;
      let bb = 0;
      for (let o = 0; o < outer; o++)
        for (let e = 0; e < chunk; e++) {
          const y = expected[(o * numChunks + j) * chunk + e];
          dd += (actual[(o * numChunks + i) * chunk + e] - y) ** 2;
          bb += y * y;
        }
      return Math.sqrt(dd) <= Math.max(tau, 1e-6) * Math.sqrt(bb) && bb > 0 && !order.includes(j);
    });
    if (match === undefined) return undefined;
    order.push(match);
  }
  return order;
}

/** The same buffer read with two dimensions exchanged: a transposed tensor taken for contiguous. */
function explainLayout({ actual, expected, shape, finding }: Pair): Hint | undefined {
  const limit = Math.max(finding.tau, 1e-6);
  for (let first = 0; first < shape.length; first++)
    for (let second = first + 1; second < shape.length; second++) {
      if (shape[first] < 2 || shape[second] < 2) continue;
      const read = transposed(expected, shape, first, second);
      const names = `dimensions ${first} and ${second} of [${shape.join(', ')}]`;
      if (relativeTo(actual, read, 1) <= limit)
        return { kind: 'layout', text: `the buffer is right, read with ${names} exchanged: a missing .contiguous()?` };
    }
  return undefined;
}

/** Elements in the order in which the tensor with two dimensions exchanged would store them. */
function transposed(data: Float32Array, shape: readonly number[], first: number, second: number): Float32Array {
  const stride = stridesOf(shape);
  const [sizes, strides] = [[...shape], [...stride]];
  [sizes[first], sizes[second]] = [shape[second], shape[first]];
  [strides[first], strides[second]] = [stride[second], stride[first]];
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  return Float32Array.from(data, () => {
    const value = data[from];
    for (let d = shape.length - 1; d >= 0; d--) {
      from += strides[d];
      if (++index[d] < sizes[d]) break;
      from -= strides[d] * sizes[d];
      index[d] = 0;
    }
    return value;
  });
}

/** Nearly all of the error in few rows. */
function explainSubset({ actual, expected, shape }: Pair): Hint | undefined {
  const width = shape.at(-1) ?? 1;
  const numRows = actual.length / width;
  if (shape.length < 2 || numRows < 8) return undefined;
  const errors = Array.from({ length: numRows }, (_, row) => {
    let dd = 0;
    for (let i = row * width; i < (row + 1) * width; i++) dd += (actual[i] - expected[i]) ** 2;
    return { row, dd };
  }).sort((x, y) => y.dd - x.dd);
  const total = errors.reduce((sum, { dd }) => sum + dd, 0);
  const limit = Math.max(1, Math.floor(numRows * SUBSET_ROWS));
  let share = 0;
  for (let i = 0; i < limit; i++) {
    share += errors[i].dd / total;
    if (share < SUBSET_SHARE) continue;
    const rows = errors
      .slice(0, i + 1)
      .map(({ row }) => row)
      .sort((x, y) => x - y);
    const shown = rows.slice(0, 6).join(', ') + (rows.length > 6 ? ', …' : '');
    return {
      kind: 'subset',
      text: `${(100 * share).toFixed(0)} % of the error in ${rows.length} of ${numRows} rows: ${shown}`,
    };
  }
  return undefined;
}

/** A flat error near a rounding unit that does not correlate with the tensor. */
function explainPrecision({ actual, expected, finding }: Pair): Hint | undefined {
  let db = 0;
  let dd = 0;
  let bb = 0;
  for (let i = 0; i < actual.length; i++) {
    const d = actual[i] - expected[i];
    db += d * expected[i];
    dd += d * d;
    bb += expected[i] ** 2;
  }
  if (dd === 0 || bb === 0 || Math.abs(db) / Math.sqrt(dd * bb) > 0.1) return undefined;
  const units: readonly [string, number][] = [
    ['FP8', 2 ** -4],
    ['BF16', 2 ** -8],
    ['FP16', 2 ** -11],
  ];
  const match = units.find(([, unit]) => finding.rel < 1.2 * unit && finding.rel > unit / 4);
  return match
    ? { kind: 'precision', text: `a flat error of the size of ${match[0]} rounding: computed in ${match[0]}?` }
    : undefined;
}

/** A wrong gradient although the forward pass of the module and its incoming gradient are right. */
function explainBackwardOnly(
  { id, kind, tau }: Finding,
  a: TraceRun,
  b: TraceRun,
  vectorOf: VectorOf,
): Hint | undefined {
  if (kind !== 'din') return undefined;
  const { slot: _slot, ...fields } = parseId(id);
  for (const other of ['out', 'dout'] as const) {
    const otherId = formatId({ ...fields, kind: other });
    const [cand, ref] = [a.tensors.get(otherId), b.tensors.get(otherId)];
    if (!cand || !ref) return undefined;
    const factor = other === 'dout' ? b.info.lossFactor / a.info.lossFactor : 1;
    if (!(relativeTo(vectorOf(cand).data, vectorOf(ref).data, factor) <= tau)) return undefined;
  }
  return {
    kind: 'layout',
    text: 'output and incoming gradient are right, only the backward of this module is wrong: look at how it reads the incoming gradient (strides) and what it saved',
  };
}
