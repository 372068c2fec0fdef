/** A trace in the reader's hands: logical tensors with their shards, whether on disk or in memory. */
import { coordsOfRank } from '@tenfold/core/ranks';
import { traceError } from '../trace-check-errors.ts';
import type { RunInfo, TensorEntry, TraceMesh } from '../types.ts';
import { parseId } from './canonical-id.ts';

/** What one rank holds of a logical tensor. */
export interface Shard {
  readonly rank: number;
  readonly coords: Readonly<Record<string, number>>;
  readonly entry: TensorEntry;
  /** Values in the file where they are not the local elements (sketches). */
  readonly numStored?: number;
  /** Local elements [start, start + count) into target[at …], as f32. */
  read(start: number, count: number, target: Float32Array, at: number): void;
}

export interface LogicalTensor {
  readonly id: string;
  readonly global: readonly number[];
  readonly numel: number;
  /** By rank. */
  readonly shards: readonly Shard[];
  /** Earliest capture. */
  readonly seq: number;
}

export interface TraceRun {
  readonly name: string;
  readonly info: RunInfo;
  readonly tensors: ReadonlyMap<string, LogicalTensor>;
  close(): void;
}

export interface RankEntries {
  readonly rank: number;
  readonly entries: readonly TensorEntry[];
}

/** Gathers the entries of all ranks by id.
 *  @throws TF-TRACE-004 if the mesh does not fit the world; -006 on differing shapes; -008 on an id twice in a rank */
export function gatherRun(
  name: string,
  info: RunInfo,
  ranks: readonly RankEntries[],
  readerOf: (rank: number, entry: TensorEntry) => Pick<Shard, 'read' | 'numStored'>,
  close: () => void,
): TraceRun {
  const mesh = meshOf(info.mesh, info.world, name);
  const shardsOf = new Map<string, Shard[]>();
  for (const { rank, entries } of ranks) {
    const coords = coordsOfRank(mesh, rank);
    const seen = new Set<string>();
    for (const entry of entries) {
      if (seen.has(entry.id))
        throw traceError('TF-TRACE-008', {
          subject: 'openTrace',
          expected: 'every id once in a rank',
          actual: `"${entry.id}" again in rank ${rank}`,
          location: name,
        });
      seen.add(entry.id);
      parseId(entry.id);
      const shards = shardsOf.get(entry.id);
      const shard: Shard = { rank, coords, entry, ...readerOf(rank, entry) };
      if (shards) shards.push(shard);
      else shardsOf.set(entry.id, [shard]);
    }
  }
  const tensors = new Map<string, LogicalTensor>();
  for (const [id, shards] of shardsOf) {
    shards.sort((a, b) => a.rank - b.rank);
    const { global } = shards[0].entry;
    const odd = shards.find(({ entry }) => !sameNumbers(entry.global, global));
    if (odd)
      throw traceError('TF-TRACE-006', {
        subject: 'openTrace',
        expected: `"${id}" to have one logical shape`,
        actual: `[${global.join(', ')}] in rank ${shards[0].rank} and [${odd.entry.global.join(', ')}] in rank ${odd.rank}`,
        location: name,
      });
    const numel = global.reduce((total, size) => total * size, 1);
    tensors.set(id, { id, global, numel, shards, seq: Math.min(...shards.map(({ entry }) => entry.seq)) });
  }
  return { name, info, tensors, close };
}

/** A run that lives in memory (simulator, tests). `data` of an entry is its local tensor as f32. */
export function memoryRun(
  name: string,
  info: RunInfo,
  ranks: readonly {
    readonly rank: number;
    readonly entries: readonly (TensorEntry & { readonly data: Float32Array })[];
  }[],
): TraceRun {
  const readerOf = (_rank: number, entry: TensorEntry): Pick<Shard, 'read' | 'numStored'> => {
    const { data } = entry as TensorEntry & { data: Float32Array };
    return {
      numStored: data.length,
      read: (start, count, target, at) => target.set(data.subarray(start, start + count), at),
    };
  };
  return gatherRun(name, info, ranks, readerOf, () => {});
}

function meshOf(mesh: TraceMesh, world: number, name: string) {
  const numRanks = mesh.axes.reduce((product, { size }) => product * size, 1);
  if (numRanks !== world)
    throw traceError('TF-TRACE-004', {
      subject: 'openTrace',
      expected: `a mesh of ${world} ranks`,
      actual: `${mesh.axes.map(({ name: axis, size }) => `${axis} ${size}`).join(' × ') || 'no axes'} = ${numRanks}`,
      location: name,
    });
  return { axes: mesh.axes, numRanks };
}

export function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
