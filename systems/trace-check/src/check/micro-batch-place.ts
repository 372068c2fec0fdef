/** On which micro-batches, and so on which ranks, a tensor is off while the same tensor of others agrees. */
import { formatId, parseId } from '../trace/canonical-id.ts';
import type { TraceRun } from '../trace/trace-run.ts';
import type { Finding, Status } from '../types.ts';

/** @returns a function that says where a failing finding is off; undefined if it is off in all micro-batches, or has none */
export function createPlacer(
  findings: readonly Finding[],
  candidate: TraceRun,
): (finding: Pick<Finding, 'id' | 'status'>) => string | undefined {
  const statusOf = new Map<string, Status>(findings.map(({ id, status }) => [id, status]));
  const microBatches = new Set<number>();
  for (const { id } of findings) {
    const match = /^it\d+\/mb(\d+)\//.exec(id);
    if (match) microBatches.add(Number(match[1]));
  }
  const inOrder = [...microBatches].sort((a, b) => a - b);
  return ({ id, status }) => {
    const own = parseId(id);
    if (own.microBatch === undefined || status !== 'FAIL') return undefined;
    const idAt = (microBatch: number): string => formatId({ ...own, microBatch });
    const off = inOrder.filter((microBatch) => statusOf.get(idAt(microBatch)) === 'FAIL');
    const right = inOrder.filter((microBatch) => statusOf.get(idAt(microBatch)) === 'PASS');
    if (right.length === 0) return undefined;
    const held = (batches: readonly number[], axis: string): Set<number> =>
      new Set(batches.flatMap((m) => (candidate.tensors.get(idAt(m))?.shards ?? []).map(({ coords }) => coords[axis])));
    const batches = `${off.length === 1 ? 'micro-batch' : 'micro-batches'} ${off.join(', ')}`;
    const axis = candidate.info.mesh.axes.find(({ name, size }) => {
      const good = held(right, name);
      return size > 1 && [...held(off, name)].every((index) => !good.has(index));
    });
    if (!axis) return `only in ${batches}`;
    const ranks = [...held(off, axis.name)].sort((a, b) => a - b).join(', ');
    return `only on ${axis.name} ${ranks} (${batches})`;
  };
}
