/** The room's manifest: data only; algorithms load when a verb runs. */
import { defineSystem, defineVerb } from '@tenfold/core/system';
import { z } from 'zod';

const n = z.number().int().min(1).describe('number of points of the ground set');
const sets = z
  .string()
  .describe(
    'sizes each family may use: families separated by |, sizes by commas, ranges by -, like "3|1,2" or "2-4|3"',
  );
const t = z.number().int().min(1).default(1).describe('sets of different families share at least this many points');
const weights = z
  .string()
  .default('')
  .describe('weights of the layers in the layout of --sets, like "20|2,5"; empty for weight 1');
const selfIntersecting = z
  .string()
  .default('')
  .describe('families whose own sets must meet too, counted from 1, like "1,3"');
const conflicts = z
  .string()
  .default('')
  .describe('pairs of families that must cross-intersect, counted from 1, like "1-2,2-3"; empty for all pairs');
const problemParams = { n, sets, t, weights, selfIntersecting, conflicts };

const readFraction = z
  .string()
  .default('0.75')
  .describe('share of reads in 0..1, or a distribution of shares with weights like "0.9:10,0.5:2"');
const reads = z
  .string()
  .default('')
  .describe('read quorums, like "a*b + c*d", "choose 2 (a, b, c)" or "majority(a, b, c)"');
const writes = z.string().default('').describe('write quorums; empty for the dual of the reads');
const nodes = z
  .string()
  .default('')
  .meta({ kind: 'file' })
  .describe('JSON file with the nodes: id, readCapacity, writeCapacity (operations/s), latencyMs, up, zone');
const systemParams = { reads, writes, nodes };

export const manifest = defineSystem({
  id: 'cross-families',
  title: 'Cross-intersecting families and quorums',
  question: 'How large can families be whose sets all meet, and which read and write quorums should my store use?',
  paper: { title: 'Non-uniform Cross-intersecting Families', arxiv: '2411.18426' },
  tour: 'tour',
  page: { summary: 'Star against ball, shifting, quorum maps and what-if failures' },
  verbs: [
    defineVerb({
      name: 'tour',
      summary: 'Plan a store on five cloud regions and check the theorem against exhaustive search',
      examples: ['tour'],
      params: z.object({
        maxN: z.number().int().min(2).max(6).default(5).describe('points up to which the theorem is checked'),
        maxFamilies: z.number().int().min(2).max(4).default(3).describe('families up to which the theorem is checked'),
      }),
      load: () => import('./verbs/tour.ts'),
    }),
    defineVerb({
      name: 'max',
      summary: 'Maximum total size of non-empty cross-intersecting families, with status and certificate',
      examples: ['max --n 5 --sets "3|1,2"', 'max --n 1000 --sets "102,280|72,104|49,96"', 'max --n 3 --sets "2|2"'],
      params: z.object({
        ...problemParams,
        objective: z.enum(['sum', 'product']).default('sum').describe('what to maximise over the families'),
        allowEmpty: z.boolean().default(false).describe('families may be empty'),
        maxNodes: z.number().int().min(1).default(20_000_000).describe('search nodes after which bounds are returned'),
        timeLimitSec: z.number().positive().default(60).describe('seconds for a mixed-integer program'),
      }),
      load: () => import('./verbs/max.ts'),
    }),
    defineVerb({
      name: 'extremal',
      summary: 'All extremal tuples: labelled count, orbits and as many of them as you ask for',
      examples: ['extremal --n 4 --sets "2|2"', 'extremal --n 8 --sets "4|4" --list 5'],
      params: z.object({
        ...problemParams,
        list: z.number().int().min(0).max(10_000).default(10).describe('labelled tuples to list'),
        maxNodes: z
          .number()
          .int()
          .min(1)
          .default(20_000_000)
          .describe('search nodes after which the count is given up'),
      }),
      load: () => import('./verbs/extremal.ts'),
    }),
    defineVerb({
      name: 'verify',
      summary: 'Check a certificate with code that shares nothing with the solvers',
      examples: ['verify certificate.json'],
      params: z.object({
        file: z
          .string()
          .meta({ positional: true, kind: 'file' })
          .describe('certificate, or the whole JSON answer of max'),
      }),
      load: () => import('./verbs/verify.ts'),
    }),
    defineVerb({
      name: 'quorum plan',
      summary: 'Plan a replicated store: sites from round-trip times, quorums, strategy and proof',
      examples: [
        'quorum plan --sites 5 --read-fraction 0.75',
        'quorum plan --latency rtt.tsv --sites 5',
        'quorum plan --reads "a*c + b*d + c*d" --nodes nodes.json --read-fraction 0.75',
      ],
      params: z.object({
        latency: z
          .string()
          .default('')
          .meta({ kind: 'file' })
          .describe(
            'square table of round-trip times, row = client, column = site; empty for the shipped cloud regions',
          ),
        unitMs: z.number().positive().default(1).describe('milliseconds in one unit of the table'),
        sites: z.number().int().min(1).default(5).describe('sites to choose'),
        resilience: z
          .number()
          .int()
          .min(0)
          .default(1)
          .describe('failed sites that must leave reads and writes possible'),
        readFraction,
        ...systemParams,
        budgetSec: z
          .number()
          .positive()
          .default(120)
          .describe('seconds for the choice of sites; then the gap is printed'),
      }),
      load: () => import('./verbs/quorum-plan.ts'),
    }),
  ],
});
