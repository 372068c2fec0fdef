/** The shape of a certificate file, checked before anything is believed. */
import { z } from 'zod';

const set = z.array(z.number().int());
const count = z.string().regex(/^\d+$/, 'a decimal number');
const rule = z.union([
  z.strictObject({ meets: set }),
  z.strictObject({ contains: set }),
  z.strictObject({ atLeast: z.strictObject({ count: z.number().int(), of: set }) }),
  z.strictObject({ full: set }),
  z.strictObject({ sets: z.array(set) }),
  z.strictObject({ lexPrefix: z.record(z.string().regex(/^\d+$/), count) }),
]);
const upper = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('theorem'), id: z.string() }),
  z.strictObject({
    type: z.literal('vertexCover'),
    pairs: z.array(z.strictObject({ a: set, b: set, cover: z.array(z.array(set)) })),
  }),
  z.strictObject({
    type: z.literal('search'),
    nodes: z.number().int().min(1),
    logHash: z.string().regex(/^[0-9a-f]{8}$/, 'not eight hexadecimal digits'),
    version: z.string().regex(/^tenfold-search\/[1-9]\d*$/, 'no version like tenfold-search/3'),
  }),
  z.strictObject({ type: z.literal('mip'), gap: z.number().min(0), bound: count, nodes: z.number().int().min(0) }),
  z.strictObject({ type: z.literal('density') }),
  z.strictObject({ type: z.literal('none') }),
]);

export const certificateSchema = z.strictObject({
  schema: z.literal('families/1'),
  problem: z.strictObject({
    n: z.number().int().min(1),
    sizes: z.array(z.array(z.number().int().min(0)).min(1)).min(1),
    t: z.number().int().min(1).optional(),
    weights: z.array(z.array(count)).optional(),
    objective: z.enum(['sum', 'product']).optional(),
    selfIntersecting: z.array(z.number().int()).optional(),
    conflicts: z.array(z.tuple([z.number().int(), z.number().int()])).optional(),
    allowEmpty: z.boolean().optional(),
  }),
  claim: z.strictObject({ value: count, upper: count, kind: z.enum(['maximum', 'bounds']) }),
  tuple: z.array(rule),
  upper,
});
