/** Δθ = param_next − param as a tensor of its own: Adam's first step is sign-like, so θ hides what Δθ shows. */
import { formatId, parseId } from '../trace/canonical-id.ts';
import { isSummary } from './compare-summary.ts';
import { CHUNK_ELEMENTS } from './merge.ts';
import type { LogicalTensor, Shard, TraceRun } from '../trace/trace-run.ts';

const scratch = new Float32Array(CHUNK_ELEMENTS);

/** The run with `delta` ids for every parameter that has both values. */
export function withDeltas(run: TraceRun): TraceRun {
  const tensors = new Map(run.tensors);
  for (const tensor of run.tensors.values()) {
    const id = parseId(tensor.id);
    if (id.kind !== 'param_next') continue;
    const before = run.tensors.get(formatId({ ...id, kind: 'param' }));
    if (!before) continue;
    const deltaId = formatId({ ...id, kind: 'delta' });
    const shards = tensor.shards.flatMap((next) => deltaShard(deltaId, next, before));
    if (shards.length === tensor.shards.length) tensors.set(deltaId, { ...tensor, id: deltaId, shards });
  }
  return { ...run, tensors };
}

function deltaShard(id: string, next: Shard, before: LogicalTensor): Shard[] {
  const old = before.shards.find(({ rank }) => rank === next.rank);
  // Norms of two tensors say nothing about the norm of their difference.
  if (!old || isSummary(next.entry) || JSON.stringify(old.entry.boxes) !== JSON.stringify(next.entry.boxes)) return [];
  return [
    {
      ...next,
      entry: { ...next.entry, id },
      read(start, count, target, at) {
        next.read(start, count, target, at);
        for (let done = 0; done < count; done += CHUNK_ELEMENTS) {
          const part = Math.min(CHUNK_ELEMENTS, count - done);
          old.read(start + done, part, scratch, 0);
          for (let i = 0; i < part; i++) target[at + done + i] -= scratch[i];
        }
      },
    },
  ];
}
