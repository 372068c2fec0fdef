/** What a reduced gradient was added up from: which micro-batches of which ranks are missing in it, or in it twice. */
import { formatId, parseId } from '../trace/canonical-id.ts';
import type { LogicalTensor, Shard, TraceRun } from '../trace/trace-run.ts';
import type { Finding, Hint } from '../types.ts';
import type { VectorOf } from './hint-reductions.ts';
import { fitVector } from './least-squares.ts';

/** More parts are not told apart. */
const MAX_PARTS = 32;
/** Elements of all parts together. */
const MAX_ELEMENTS = 2 ** 26;
const SAME_SHARE = 0.05;

interface Part {
  readonly microBatch: number;
  /** `pp 1`; empty if every rank's part is a whole. */
  readonly where: string;
  readonly data: ArrayLike<number>;
}

export function explainContributions(
  { id, kind, tau }: Finding,
  candidate: TraceRun,
  reference: TraceRun,
  vectorOf: VectorOf,
): Hint | undefined {
  if (kind !== 'main_grad') return undefined;
  const whole = reference.tensors.get(id);
  const reduced = candidate.tensors.get(id);
  if (!whole || !reduced) return undefined;
  const wanted = vectorOf(whole).data;
  const parts = partsOf(id, candidate, vectorOf, Math.min(MAX_PARTS, MAX_ELEMENTS / wanted.length));
  if (!parts || parts.length < 2) return undefined;
  const basis = parts.map(({ data }) => data);
  const limit = Math.max(2 * tau, 1e-3);
  const expected = fitVector(wanted, basis);
  if (!expected || expected.residual > limit) return undefined;
  const texts: string[] = [];
  for (const shards of copiesOf(reduced)) {
    const { data, numUncovered } = vectorOf({ ...reduced, shards });
    const found = numUncovered === 0 ? fitVector(data, basis) : undefined;
    if (!found || found.residual > limit) return undefined;
    const shares = found.coefficients.map((c, i) => c / expected.coefficients[i]);
    // One factor for all is no matter of parts.
    if (shares.every((share) => Math.abs(share - shares[0]) <= SAME_SHARE)) continue;
    const who = shards.length === reduced.shards.length ? 'the sum' : `the copy on rank ${shards[0].rank}`;
    texts.push(`${who} ${describe(parts, shares)}`);
  }
  return texts.length === 0 ? undefined : { kind: 'contributions', text: [...new Set(texts)].join('; ') };
}

/** Gradients of single micro-batches, one per micro-batch and rank that holds a partial sum; undefined above `limit`. */
function partsOf(id: string, candidate: TraceRun, vectorOf: VectorOf, limit: number): Part[] | undefined {
  const parts: Part[] = [];
  for (let microBatch = 0; ; microBatch++) {
    const tensor = candidate.tensors.get(formatId({ ...parseId(id), kind: 'wgrad', microBatch }));
    if (!tensor) return parts;
    const groups = new Map<string, Shard[]>();
    for (const shard of tensor.shards) {
      const where = (shard.entry.partial ?? []).map((axis) => `${axis} ${shard.coords[axis]}`).join(', ');
      groups.set(where, [...(groups.get(where) ?? []), shard]);
    }
    if (parts.length + groups.size > limit) return undefined;
    for (const [where, shards] of groups) parts.push({ microBatch, where, data: vectorOf({ ...tensor, shards }).data });
  }
}

/** Shards that make one whole: those that differ along the axes that cut the tensor. */
function copiesOf({ shards }: LogicalTensor): Shard[][] {
  const axes = Object.keys(shards[0].coords);
  const keyWithout = ({ coords }: Shard, left: readonly string[]): string =>
    axes.map((axis) => (left.includes(axis) ? '' : coords[axis])).join();
  const boxes = (shard: Shard): string => JSON.stringify(shard.entry.boxes);
  const cutting = axes.filter((axis) =>
    shards.some((a) =>
      shards.some(
        (b) =>
          a.coords[axis] !== b.coords[axis] && keyWithout(a, [axis]) === keyWithout(b, [axis]) && boxes(a) !== boxes(b),
      ),
    ),
  );
  const copies = new Map<string, Shard[]>();
  for (const shard of shards) {
    const key = keyWithout(shard, cutting);
    copies.set(key, [...(copies.get(key) ?? []), shard]);
  }
  return [...copies.values()];
}

function describe(parts: readonly Part[], shares: readonly number[]): string {
  const groups = new Map<string, Part[]>();
  shares.forEach((share, i) => {
    if (Math.abs(share - 1) <= SAME_SHARE) return;
    const verb = Math.abs(share) <= SAME_SHARE ? 'lacks' : `holds ${share.toFixed(2)} times`;
    const key = `${verb}|${parts[i].where}`;
    groups.set(key, [...(groups.get(key) ?? []), parts[i]]);
  });
  return [...groups]
    .map(([key, members]) => {
      const [verb, where] = key.split('|');
      const batches = members.map(({ microBatch }) => microBatch).join(', ');
      return `${verb} micro-batch${members.length > 1 ? 'es' : ''} ${batches}${where === '' ? '' : ` of ${where}`}`;
    })
    .join(' and ');
}
