/** Traces of level hash or stats keep no values: per shard the squared norm, the sum, the largest magnitude, and with
 *  level hash a hash of the bytes. What they prove about a = candidate and b = reference:
 *  ‖a − b‖ ≥ |‖a‖ − ‖b‖| and ‖a − b‖ ≥ |Σa − Σb| / √numel, so `rel` is a lower bound here; equal hashes prove equality. */
import type { LogicalTensor, Shard } from '../trace/trace-run.ts';
import type { Comparison, ReplicaFinding, TensorEntry } from '../types.ts';

/** Whether an entry was recorded without values. */
export function isSummary({ norm2, dtype, file }: TensorEntry): boolean {
  return norm2 !== undefined && file === '' && dtype !== '';
}

interface MergedSummary {
  readonly norm: number;
  readonly sum: number;
  readonly numUncovered: number;
  readonly replica: ReplicaFinding | undefined;
  /** Hashes by shard in logical order; undefined without hashes or with pending sums. */
  readonly hashes: string | undefined;
}

export function compareSummaries(
  reference: LogicalTensor,
  candidate: LogicalTensor,
  scaleA: number,
  scaleB: number,
): Comparison {
  const [a, b] = [mergeSummaries(candidate, scaleA), mergeSummaries(reference, scaleB)];
  const isBitwise = a.hashes !== undefined && a.hashes === b.hashes && scaleA === scaleB;
  const distance = isBitwise
    ? 0
    : Math.max(
        Number.isNaN(a.norm + b.norm) ? 0 : Math.abs(a.norm - b.norm),
        Math.abs(a.sum - b.sum) / Math.sqrt(reference.numel),
      );
  const rel = distance === 0 ? 0 : b.norm === 0 ? Infinity : distance / b.norm;
  return {
    id: reference.id,
    numel: reference.numel,
    rel,
    alpha: b.norm > 0 ? a.norm / b.norm : NaN,
    residual: NaN,
    cosine: NaN,
    maxAbs: NaN,
    normRef: b.norm,
    normCand: a.norm,
    isBitwise,
    numNonFinite: Number.isFinite(a.norm + a.sum) ? 0 : 1,
    numRefNonFinite: Number.isFinite(b.norm + b.sum) ? 0 : 1,
    numUncovered: a.numUncovered,
    isLowerBound: !isBitwise,
    ...(a.replica ? { replica: a.replica } : {}),
  };
}

/** Norms and sums of disjoint shards add up; norms of pending sums do not (their norm is NaN then). */
function mergeSummaries(tensor: LogicalTensor, scale: number): MergedSummary {
  const firstOf = new Map<string, Shard>();
  const partialKeys = new Set<string>();
  let replica: ReplicaFinding | undefined;
  let [norm2, sum, numCovered] = [0, 0, 0];
  for (const shard of tensor.shards) {
    const { entry, coords } = shard;
    const partial = (entry.partial ?? []).map((axis) => coords[axis]).join(',');
    partialKeys.add(partial);
    const key = `${partial}|${JSON.stringify(entry.boxes)}`;
    const first = firstOf.get(key);
    if (first) {
      replica ??= differenceOf(first, shard);
      continue;
    }
    firstOf.set(key, shard);
    norm2 += entry.norm2 ?? NaN;
    sum += entry.sum ?? NaN;
    numCovered += entry.boxes.reduce((total, { n }) => total + n.reduce((x, y) => x * y, 1), 0);
  }
  const numPartial = Math.max(1, partialKeys.size);
  const divisor = tensor.shards.some(({ entry }) => entry.partialMean) ? numPartial : 1;
  const shards = [...firstOf.values()];
  const hasHashes = numPartial === 1 && shards.every(({ entry }) => (entry.hash ?? '') !== '');
  return {
    norm: numPartial > 1 ? NaN : Math.sqrt(norm2) * scale,
    sum: (sum * scale) / divisor,
    numUncovered: Math.max(0, tensor.numel * numPartial - numCovered),
    replica,
    hashes: hasHashes
      ? shards
          .map(({ entry }) => `${JSON.stringify(entry.boxes)} ${entry.dtype} ${entry.hash}`)
          .sort()
          .join('\n')
      : undefined,
  };
}

function differenceOf(first: Shard, second: Shard): ReplicaFinding | undefined {
  const [a, b] = [first.entry, second.entry];
  const isSame = a.hash && b.hash ? a.hash === b.hash : a.norm2 === b.norm2 && a.sum === b.sum && a.max === b.max;
  if (isSame) return undefined;
  const [x, y] = [Math.sqrt(a.norm2 ?? NaN), Math.sqrt(b.norm2 ?? NaN)];
  return {
    axes: Object.keys(second.coords).filter((axis) => second.coords[axis] !== first.coords[axis]),
    rel: x === 0 ? Infinity : Math.abs(x - y) / x,
    numDiffering: 1,
    ranks: [first.rank, second.rank],
  };
}
