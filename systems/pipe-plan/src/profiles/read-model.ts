/** Models from files: our JSON, PipeDream's graph.txt, Piper's JSON; told apart by their content. */
import { z } from 'zod';
import { pipeError } from '../pipe-errors.ts';
import type { DiffusionModel } from '../types.ts';
import { validateModel } from '../validate.ts';
import { parseJson, parseLayout } from './layout.ts';
import { readPipeDream } from './pipedream.ts';
import { readPiper } from './piper.ts';

export interface ReadModelOptions {
  /** For messages. */
  readonly file: string;
  /** Samples that PipeDream's times were measured at. Default 64 (its profiler's). */
  readonly profiledBatch?: number;
}

// Values are judged by validateModel, which names layers; here only the shape.
const table = z.object({ sizes: z.array(z.number()), timesMs: z.array(z.number()) });
const layer = z.object({
  name: z.string(),
  kind: z.string(),
  forward: table,
  backward: table.optional(),
  paramBytes: z.number(),
  gradBytes: z.number(),
  activationBytesPerSample: z.number(),
  outputBytesPerSample: z.number(),
  flops: z.number().optional(),
});
const skip = z.object({
  from: z.int(),
  to: z.int(),
  bytesPerSample: z.number(),
  tensor: z.string().optional(),
  hasGradient: z.boolean().optional(),
});
const consumer = z.object({ layer: z.int(), bytesPerSample: z.number(), tensor: z.string() });
const ownLayout = z.object({
  name: z.string().optional(),
  origin: z.string().optional(),
  backbones: z.array(z.object({ name: z.string(), layers: z.array(layer), skips: z.array(skip).default([]) })),
  frozen: z
    .array(
      z.object({
        id: z.string(),
        layers: z.array(layer),
        preds: z.array(z.string()).default([]),
        consumers: z.array(consumer).optional(),
      }),
    )
    .default([]),
  selfConditioning: z.object({ probability: z.number().min(0).max(1) }).optional(),
  architecture: z.looseObject({}).optional(),
  measured: z
    .object({
      link: z.object({ latencyMs: z.number().min(0), bytesPerSec: z.number().positive() }).optional(),
      allReduceBusBytesPerSec: z.record(z.string(), z.number().positive()).optional(),
      allReduceStartMs: z.record(z.string(), z.number().min(0)).optional(),
      updateMsPerByte: z.number().min(0).optional(),
      memoryBytes: z.number().positive().optional(),
    })
    .optional(),
});

/** @throws TF-PIPE-001 with file and place */
export function readModel(text: string, { file, profiledBatch }: ReadModelOptions): DiffusionModel {
  const start = text.trimStart()[0];
  if (start === undefined)
    throw pipeError('TF-PIPE-001', {
      subject: 'readModel',
      expected: 'a profile in JSON or a PipeDream graph',
      actual: 'an empty file',
      location: file,
    });
  if (start !== '{' && start !== '[') return readPipeDream(text, file, profiledBatch);
  const json = parseJson(text, { subject: 'readModel', file });
  if (typeof json === 'object' && json !== null && 'nodes' in json) return readPiper(json, file);
  if (typeof json !== 'object' || json === null || !('backbones' in json))
    throw pipeError('TF-PIPE-001', {
      subject: 'readModel',
      expected: '"backbones" (own layout) or "nodes" (Piper)',
      actual: Array.isArray(json) ? 'a list' : Object.keys(json ?? {}).join(', ') || 'an empty object',
      location: file,
    });
  const model = parseLayout(ownLayout, json, { subject: 'readModel', file });
  const complete = { ...model, name: model.name ?? file, origin: model.origin ?? file } as DiffusionModel;
  validateModel(complete);
  return complete;
}
