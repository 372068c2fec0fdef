/** Which rank holds which block of a tensor, with the error of each block, for the page's picture. */
import type { TraceRun } from './trace/trace-run.ts';

export interface ShardMap {
  readonly id: string;
  readonly shape: readonly number[];
  readonly blocks: readonly {
    readonly rank: number;
    /** Extent in the flattened view [rows, columns] of the first and last dimension. */
    readonly rows: readonly [number, number];
    readonly columns: readonly [number, number];
  }[];
}

/** Undefined fields for tensors that no rank holds give an empty map. */
export function shardMapOf(run: TraceRun, id: string): ShardMap | null {
  const tensor = run.tensors.get(id) ?? run.tensors.get(id.replace('/delta/', '/param/'));
  if (!tensor) return null;
  const { global } = tensor;
  const last = global.length - 1;
  return {
    id: tensor.id,
    shape: global,
    blocks: tensor.shards.flatMap(({ rank, entry }) =>
      entry.flat
        ? []
        : entry.boxes.map(({ g, n }) => ({
            rank,
            rows: [g[0] ?? 0, (g[0] ?? 0) + (n[0] ?? 1)] as const,
            columns: last === 0 ? ([0, 1] as const) : ([g[last], g[last] + n[last]] as const),
          })),
    ),
  };
}
