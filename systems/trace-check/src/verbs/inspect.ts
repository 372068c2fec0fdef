/** inspect: what a trace holds. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { withTraces } from './trace-folders.ts';

interface InspectParams {
  readonly run: string;
  readonly id: string;
  readonly shards: boolean;
  readonly maxRows: number;
}

export async function run(
  { run: folder, id, shards, maxRows }: InspectParams,
  context: VerbContext,
): Promise<VerbResult> {
  return withTraces([folder], context, ({ 0: trace }) => {
    const found = [...trace.tensors.values()].filter((tensor) => tensor.id.includes(id)).sort((a, b) => a.seq - b.seq);
    const rows = found.slice(0, maxRows).flatMap((tensor) => {
      const shape = `[${tensor.global.join(', ')}]`;
      const [{ entry }] = tensor.shards;
      if (!shards)
        return [
          {
            id: tensor.id,
            shape,
            dtype: entry.dtype,
            held: `${tensor.shards.length} ranks`,
            placement: placementText(entry.placements),
          },
        ];
      return tensor.shards.map((shard) => ({
        id: tensor.id,
        shape: `[${shard.entry.local.join(', ')}] of ${shape}`,
        dtype: shard.entry.dtype,
        held: `rank ${shard.rank}: ${shard.entry.boxes.map(({ g, n }) => `${g.join(',')}+${n.join(',')}`).join(' ')}`,
        placement: placementText(shard.entry.placements),
      }));
    });
    const { world, precision, level, mesh } = trace.info;
    const axes = mesh.axes.filter(({ size }) => size > 1).map(({ name, size }) => `${name} ${size}`);
    return {
      ok: true,
      value: { info: trace.info, numTensors: found.length, rows },
      report: {
        title: folder,
        verdict: {
          tone: found.length > 0 ? 'info' : 'warn',
          text:
            found.length === 0
              ? `No id of the ${trace.tensors.size} contains ${JSON.stringify(id)}.`
              : `${found.length} tensors of ${world} ranks (${axes.join(', ') || 'one device'}), ${precision}, level ${level}.`,
        },
        blocks: [
          {
            kind: 'table',
            columns: ['id', 'shape', 'dtype', 'held', 'placement'].map((key) => ({ key, label: key })),
            rows,
          },
        ],
      },
    };
  });
}

function placementText(placements: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(placements ?? {})
    .map(([axis, text]) => `${axis}:${text}`)
    .join(' ');
}
