/** Piper's JSON: nodes with a time per sample for every degree of tensor parallelism; the plain variant is read. */
import { z } from 'zod';
import { pipeError } from '../pipe-errors.ts';
import type { DiffusionModel } from '../types.ts';
import { chainModel, type RawNode } from './chain-model.ts';
import { parseLayout } from './layout.ts';

const variant = z.object({
  id: z.string(),
  timePerSample: z.number().nonnegative(),
  parameterSize: z.number().nonnegative(),
  memoryUsageA: z.number().nonnegative(),
});
const layout = z.object({
  nodes: z.array(z.object({ id: z.number(), name: z.string(), TMPCs: z.record(z.string(), z.array(variant)) })).min(1),
  edges: z.array(z.object({ sourceId: z.number(), destId: z.number(), communicationCost: z.number().nonnegative() })),
});

/** Piper gives forward and backward together; a third is taken as forward. */
const FORWARD_SHARE = 1 / 3;
const MS_PER_SEC = 1000;
/** The files that came from PipeDream hold ms: no sample takes a minute. */
const MOST_SECONDS = 60;

/** @throws TF-PIPE-001 naming the field */
export function readPiper(json: unknown, file: string): DiffusionModel {
  const { nodes, edges } = parseLayout(layout, json, { subject: 'readPiper', file });
  const bytesFrom = new Map<string, number>();
  for (const { sourceId, communicationCost } of edges)
    bytesFrom.set(String(sourceId), Math.max(bytesFrom.get(String(sourceId)) ?? 0, communicationCost));
  let total = 0;
  for (const { TMPCs } of nodes) total += TMPCs['1']?.find((variant) => variant.id === 'vanilla')?.timePerSample ?? 0;
  const isInMs = total > MOST_SECONDS;
  const raw = nodes.map(({ id, name, TMPCs }): RawNode => {
    const plain = TMPCs['1']?.find((variant) => variant.id === 'vanilla');
    if (!plain)
      throw pipeError('TF-PIPE-001', {
        subject: 'readModel',
        expected: 'a "vanilla" variant on one device',
        location: `${file}, node ${id}`,
      });
    const timeMs = plain.timePerSample * (isInMs ? 1 : MS_PER_SEC);
    return {
      id: String(id),
      name: `${id} ${name}`,
      forwardMs: timeMs * FORWARD_SHARE,
      backwardMs: timeMs * (1 - FORWARD_SHARE),
      outputBytes: bytesFrom.get(String(id)) ?? 0,
      activationBytes: plain.memoryUsageA,
      paramBytes: plain.parameterSize,
    };
  });
  const pairs = edges.map(({ sourceId, destId }): [string, string] => [String(sourceId), String(destId)]);
  return chainModel(raw, pairs, {
    file,
    batch: 1,
    origin: `Piper profile ${file}, times per sample${isInMs ? ' taken as ms' : ''}`,
  });
}
