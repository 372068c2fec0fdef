/** measured.json of the runner, and runner-plans.json read back: operations of every mode with what they took. */
import { z } from 'zod';
import { parseFileWith } from './graph-file.ts';

const sizesSchema = z.object({
  layers: z.int().min(2),
  hidden: z.int().min(1),
  heads: z.int().min(1).optional(),
  inner: z.int().min(1),
  seq: z.int().min(1),
  batch: z.int().min(1),
  gate: z.enum(['switch', 'bpr']),
  numRanks: z.int().min(1),
  expertsPerRank: z.int().min(1),
  capacity: z.int().min(1),
  hasQkv: z.boolean().optional(),
});

const measuredSchema = z.object({
  device: z.string(),
  torch: z.string(),
  /** How much longer products take under exchanges, and exchanges under products. */
  slowdown: z.object({ compute: z.number().min(1), comm: z.number().min(1) }).optional(),
  /** Exchanges alone by number of parts, sent so many times. */
  exchanges: z.array(z.object({ repeat: z.int().min(1), ms: z.record(z.string(), z.number()) })).optional(),
  settings: z
    .array(
      z.object({
        file: z.string(),
        sizes: sizesSchema,
        /** t_a2a / t_expert that was asked for; null or 0: the link as it is. */
        asked: z.number().nullable(),
        native: z.number(),
        repeat: z.int().min(1),
        modes: z.record(
          z.string(),
          z.object({
            stepMs: z.number(),
            exposedMs: z.number().nullable(),
            worstRelativeDifference: z.number(),
            /** What the plan said before it ran. */
            predictedMs: z.number().optional(),
            /** From the start of an operation to its end. */
            spanMs: z.record(z.string(), z.number()),
            /** What an operation takes of its lane, gaps before it included. */
            laneMs: z.record(z.string(), z.number()).optional(),
          }),
        ),
      }),
    )
    .min(1),
});

const plansSchema = z.object({
  version: z.literal(1),
  sizes: sizesSchema,
  ratio: z.number().min(0),
  repeat: z.int().min(1).optional(),
  plans: z
    .array(
      z.object({
        mode: z.string(),
        predictedMs: z.number(),
        predictedExposedMs: z.number().optional(),
        ops: z.array(
          z.object({
            id: z.string(),
            source: z.string(),
            part: z.int().min(0),
            of: z.int().min(1),
            isComm: z.boolean(),
            isMerge: z.boolean(),
            ins: z.array(z.string()),
            outs: z.array(z.string()),
          }),
        ),
      }),
    )
    .min(1),
});

export type MeasuredFile = z.output<typeof measuredSchema>;
export type MeasuredSetting = MeasuredFile['settings'][number];
export type PlansFile = z.output<typeof plansSchema>;

/** @throws TF-OVERLAP-002 naming the field */
export function parseMeasuredFile(text: string): MeasuredFile {
  return parseFileWith(measuredSchema, text, 'parseMeasuredFile');
}

/** @throws TF-OVERLAP-002 naming the field */
export function parsePlansFile(text: string): PlansFile {
  return parseFileWith(plansSchema, text, 'parsePlansFile');
}
