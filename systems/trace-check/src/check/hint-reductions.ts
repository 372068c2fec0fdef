/** Causes that stand in the mesh: a wrong factor, a sum or mean that is missing, made twice, or made over other ranks. */
import type { LogicalTensor, TraceRun } from '../trace/trace-run.ts';
import type { Finding, Hint } from '../types.ts';
import { mergeWhole } from './merge.ts';
import { mergeSketches } from './sketch.ts';

/** A factor within this of a product of mesh sizes is named. */
const FACTOR_MATCH = 0.02;
/** A factor explains an error if it leaves less than this share of it. */
const SCALE_RESIDUAL = 0.05;

/** A tensor as a vector that adds up over shards: its elements, or its sketch. */
export type VectorOf = (tensor: LogicalTensor) => {
  readonly data: Float32Array | Float64Array;
  readonly numUncovered: number;
};

/** @param buckets  size of the sketches; undefined for elements */
export function vectorsOf(buckets: number | undefined): VectorOf {
  return (tensor) => {
    if (buckets !== undefined) {
      const { sketch, numUncovered } = mergeSketches(tensor, buckets);
      return { data: sketch, numUncovered };
    }
    const { data, merger } = mergeWhole(tensor);
    return { data, numUncovered: merger.numUncovered() };
  };
}

/** Where more than this share of the candidate is not the reference times a factor, it is no such multiple. */
const LARGEST_REST = 0.25;

interface NamedSize {
  readonly name: string;
  readonly size: number;
}

/** ×2, ÷TP, ×CP·DP …: the residual after scaling is round-off and the factor is a product of sizes of the run.
 *  Where all copies along an axis agree on ×size, the sum over that axis was made twice. */
export function explainScale({ alpha, rel, tau, kind }: Finding, tensor: LogicalTensor, { info }: TraceRun): Hint[] {
  if (!Number.isFinite(alpha) || Math.abs(alpha - 1) <= tau || alpha === 0) return [];
  const residual = Math.sqrt(Math.max(0, rel ** 2 - (alpha - 1) ** 2));
  if (residual > Math.max(tau * Math.max(1, Math.abs(alpha)), SCALE_RESIDUAL * Math.abs(alpha - 1))) return [];
  if (residual > LARGEST_REST * Math.abs(alpha)) return [];
  const sizes: NamedSize[] = info.mesh.axes
    .filter(({ size }) => size > 1)
    .map(({ name, size }) => ({ name: name.toUpperCase(), size }));
  const { numMicroBatches = 1 } = info;
  if (numMicroBatches > 1) sizes.push({ name: 'micro-batches', size: numMicroBatches });
  const said = `the tensor is right except for a factor ${alpha.toPrecision(3)}`;
  const named = nameOfFactor(alpha, sizes);
  const hints: Hint[] = [{ kind: 'scale', text: named === undefined ? said : `${said}: ${named}` }];
  const isGradient = kind === 'wgrad' || kind === 'main_grad';
  const twice = info.mesh.axes.filter(
    ({ name, size }) => size > 1 && Math.abs(alpha / size - 1) <= FACTOR_MATCH && isCopiedAlong(tensor, name),
  );
  if (isGradient && twice.length > 0)
    hints.push({
      kind: 'reduced-twice',
      text: `every copy along ${twice.map(({ name }) => name).join(' or ')} is whole and was summed once more`,
    });
  return hints;
}

function nameOfFactor(alpha: number, sizes: readonly NamedSize[]): string | undefined {
  for (const exponent of [1, -1, 2, -2]) {
    const fitting = sizes.filter(({ size }) => Math.abs(alpha / size ** exponent - 1) <= FACTOR_MATCH);
    if (fitting.length === 0) continue;
    const power = Math.abs(exponent) === 2 ? '²' : '';
    return `${fitting.map(({ name }) => `×${name}${power}`).join(' or ')} too ${exponent > 0 ? 'large' : 'small'}`;
  }
  const products = sizes.flatMap((x, i) =>
    sizes.slice(i + 1).map((y) => ({ name: `${x.name}·${y.name}`, size: x.size * y.size })),
  );
  for (const { name, size } of [...products, { name: '2', size: 2 }]) {
    if (Math.abs(alpha / size - 1) < FACTOR_MATCH) return `×${name} too large`;
    if (Math.abs(alpha * size - 1) < FACTOR_MATCH) return `×${name} too small`;
  }
  return undefined;
}

/** Whether ranks along the axis hold the same blocks, none of them pending. */
function isCopiedAlong({ shards }: LogicalTensor, axis: string): boolean {
  if (shards.some(({ entry }) => entry.partial?.includes(axis))) return false;
  const boxesOf = new Map<string, Set<number>>();
  for (const { coords, entry } of shards) {
    const key = JSON.stringify(entry.boxes);
    boxesOf.set(key, (boxesOf.get(key) ?? new Set()).add(coords[axis]));
  }
  return [...boxesOf.values()].every((ranks) => ranks.size > 1);
}

/** The copies along an axis disagree and their sum (or mean) is the reference: a reduction is missing. */
export function explainReduction(
  tensor: LogicalTensor,
  expected: ArrayLike<number>,
  { tau }: Finding,
  scale: number,
  vectorOf: VectorOf,
): Hint[] {
  const axes = Object.keys(tensor.shards[0].coords).filter(
    (axis) => new Set(tensor.shards.map(({ coords }) => coords[axis])).size > 1,
  );
  for (const axis of axes) {
    const parts = new Map<number, LogicalTensor['shards'][number][]>();
    for (const shard of tensor.shards) {
      const own = parts.get(shard.coords[axis]);
      if (own) own.push(shard);
      else parts.set(shard.coords[axis], [shard]);
    }
    const sum = new Float64Array(expected.length);
    let isWhole = true;
    for (const shards of parts.values()) {
      const { data, numUncovered } = vectorOf({ ...tensor, shards });
      if (numUncovered > 0) isWhole = false;
      for (let i = 0; i < sum.length; i++) sum[i] += data[i] * scale;
    }
    if (!isWhole || parts.size < 2) continue;
    const limit = Math.max(2 * tau, 1e-4);
    if (relativeTo(sum, expected, 1) <= limit)
      return [
        { kind: 'not-reduced', text: `not summed over ${axis}: the ${parts.size} copies add up to the reference` },
      ];
    if (relativeTo(sum, expected, 1 / parts.size) <= limit)
      return [
        {
          kind: 'not-reduced',
          text: `not averaged over ${axis}: the mean of the ${parts.size} copies is the reference`,
        },
      ];
  }
  return [];
}

/** ‖factor·values − expected‖ / ‖expected‖. */
export function relativeTo(values: ArrayLike<number>, expected: ArrayLike<number>, factor: number): number {
  let dd = 0;
  let bb = 0;
  for (let i = 0; i < expected.length; i++) {
    dd += (values[i] * factor - expected[i]) ** 2;
    bb += expected[i] ** 2;
  }
  return bb === 0 ? Infinity : Math.sqrt(dd / bb);
}
