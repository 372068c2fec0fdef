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

const strategyParams = {
  objective: z.enum(['load', 'network', 'latency']).default('load').describe('what to minimise'),
  loadLimit: z.number().positive().optional().describe('largest expected load (1/capacity)'),
  networkLimit: z.number().positive().optional().describe('largest mean number of messages per operation'),
  latencyLimitMs: z.number().positive().optional().describe('largest mean time to a quorum in ms'),
  failures: z.number().int().min(0).default(0).describe('lost members that every used quorum survives'),
};

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
      name: 'theorem',
      summary: 'Catalogue of related theorems; the value of one, checked by the exact solver',
      examples: ['theorem', 'theorem --id HM67 --n 8 --k 3', 'theorem --id LLSY24 --n 6 --sets "2,3|3" --t 2'],
      params: z.object({
        id: z.string().default('').describe('theorem, like HM67; empty for the catalogue'),
        n: n.optional().describe('number of points (or the dimension)'),
        k: z.number().int().min(1).optional().describe('size k (or r, a)'),
        l: z.number().int().min(1).optional().describe('size l (or s, b)'),
        m: z.number().int().min(1).optional().describe('number of families'),
        t: z.number().int().min(1).optional().describe('points that sets share'),
        q: z.number().int().min(2).optional().describe('order of the field'),
        sets: z.string().default('').describe('sizes in the layout of max'),
        check: z.boolean().default(true).describe('compare with the exact solver'),
      }),
      load: () => import('./verbs/theorem.ts'),
    }),
    defineVerb({
      name: 'conjecture',
      summary: 'Test a formula on a grid of problems; the first counterexample is made as small as possible',
      examples: [
        'conjecture --example theorem',
        'conjecture --formula "max(star, ball(jmax, s(jmax)))" --max-n 5',
        'conjecture --example mixed-count --max-n 6',
      ],
      params: z.object({
        formula: z
          .string()
          .default('max(star, balls)')
          .describe(
            'formula in n, m, k(i), s(j), star, ball(j,s), balls, mixed, last, jmax, binom, max, min, sum, layers, if',
          ),
        example: z.string().default('').describe('ready example: theorem, largest-family or mixed-count'),
        minN: z.number().int().min(1).default(2).describe('fewest points'),
        maxN: z.number().int().min(1).max(12).default(5).describe('most points'),
        minFamilies: z.number().int().min(2).default(2).describe('fewest families'),
        maxFamilies: z.number().int().min(2).max(6).default(3).describe('most families'),
        generator: z.enum(['uniform', 'intervals', 'all', 'random']).default('all').describe('which sizes to try'),
        range: z
          .enum(['in', 'mixed', 'out', 'all'])
          .default('in')
          .describe('in: n ≥ K1 + K2; mixed: range of the uniform mixed theorem; out: all others'),
        target: z.enum(['value', 'labelled']).default('value').describe('what the formula claims'),
        samples: z.number().int().min(1).default(200).describe('instances of the random generator'),
      }),
      load: () => import('./verbs/conjecture.ts'),
    }),
    defineVerb({
      name: 'operate',
      summary: 'Shift, compress, shadow, dual, transversals and lexicographic families',
      examples: ['operate compress --n 5 --families "23 45 | 25 34"', 'operate lex --n 6 --k 3 --count 7'],
      params: z.object({
        operator: z
          .enum([
            'shift',
            'compress',
            'shadow',
            'upper-shadow',
            'up-closure',
            'minimal',
            'complement',
            'link',
            'deletion',
            'dual',
            'transversals',
            'lex',
            'colex',
          ])
          .meta({ positional: true })
          .describe('what to do'),
        n: z.number().int().min(1).max(24).describe('number of points'),
        families: z.string().default('').describe('sets like "12 13 | 23"; dots where elements exceed 9, like 2.10'),
        i: z
          .number()
          .int()
          .min(1)
          .default(1)
          .describe('element that comes in (shift), or the point of link and deletion'),
        j: z.number().int().min(1).default(2).describe('element that goes out (shift)'),
        k: z.number().int().min(0).default(2).describe('set size of lex and colex'),
        count: z.number().int().min(0).max(100_000).default(10).describe('sets of lex and colex'),
        t: z.number().int().min(1).default(1).describe('points to share with every member (dual)'),
      }),
      load: () => import('./verbs/operate.ts'),
    }),
    defineVerb({
      name: 'table',
      summary: 'Exact maxima and counts over a grid of problems, with CSV and LaTeX',
      examples: ['table --min-n 4 --max-n 6 --families 2 --uniform'],
      params: z.object({
        minN: z.number().int().min(1).default(4).describe('fewest points'),
        maxN: z.number().int().min(1).max(10).default(6).describe('most points'),
        families: z.number().int().min(2).max(5).default(2).describe('number of families'),
        uniform: z.boolean().default(false).describe('one size a family'),
        inRange: z.boolean().default(false).describe('only n ≥ K1 + K2'),
        maxNodes: z
          .number()
          .int()
          .min(1)
          .default(2_000_000)
          .describe('search nodes a problem may take; then its row has bounds'),
        timeLimitSec: z.number().positive().default(60).describe('seconds a mixed-integer program may take'),
      }),
      load: () => import('./verbs/table.ts'),
    }),
    defineVerb({
      name: 'threshold',
      summary: 'Fewest k-uniform families for which the star overtakes the ball',
      examples: ['threshold --n 8 --k 3', 'threshold --n 20 --k 5'],
      params: z.object({ n, k: z.number().int().min(1).describe('size of all sets') }),
      load: () => import('./verbs/threshold.ts'),
    }),
    defineVerb({
      name: 'q-analogue',
      summary: 'The same question for subspaces of a vector space over F_q',
      examples: ['q-analogue --n 4 --sets "2|2|2" --q 2', 'q-analogue --n 40 --sets "3|5,7" --q 3'],
      params: z.object({ n, sets, q: z.number().int().min(2).default(2).describe('order of the field') }),
      load: () => import('./verbs/q-analogue.ts'),
    }),
    defineVerb({
      name: 'export',
      summary: 'The exact model as DIMACS, LP or WCNF, or one extremal tuple for GAP, Sage or LaTeX',
      examples: ['export --n 5 --sets "3|1,2" --format lp'],
      params: z.object({
        ...problemParams,
        format: z.enum(['dimacs', 'lp', 'wcnf', 'gap', 'sage', 'latex']).default('lp').describe('what to write'),
      }),
      load: () => import('./verbs/export.ts'),
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
    defineVerb({
      name: 'quorum strategy',
      summary: 'Optimal strategy of a system for load, network or latency under limits, with exact certificate',
      examples: [
        'quorum strategy --reads "a*b*c + d*e*f" --read-fraction 0.25',
        'quorum strategy --reads "majority(a, b, c, d, e)" --failures 1',
        'quorum strategy --reads "a*b + c*d" --nodes nodes.json --objective latency --load-limit 0.0005',
      ],
      params: z.object({ ...systemParams, readFraction, ...strategyParams }),
      load: () => import('./verbs/quorum-strategy.ts'),
    }),
    defineVerb({
      name: 'quorum search',
      summary: 'Best quorum system on given nodes: all systems up to six nodes, a heuristic with its gap beyond',
      examples: ['quorum search --nodes nodes.json --resilience 1 --read-fraction 0.75', 'quorum search --size 5'],
      params: z.object({
        nodes,
        size: z.number().int().min(1).max(60).default(5).describe('number of alike nodes where no node table is given'),
        readFraction,
        resilience: z.number().int().min(0).default(1).describe('failed nodes that reads and writes both survive'),
        ...strategyParams,
        budgetSec: z.number().positive().default(20).describe('seconds for the heuristic beyond six nodes'),
      }),
      load: () => import('./verbs/quorum-search.ts'),
    }),
    defineVerb({
      name: 'quorum pareto',
      summary: 'Systems on up to five nodes that no other beats in load, latency and availability at once',
      examples: ['quorum pareto --nodes nodes.json --resilience 1'],
      params: z.object({
        nodes,
        size: z.number().int().min(1).max(5).default(5).describe('number of alike nodes where no node table is given'),
        readFraction,
        resilience: z.number().int().min(0).default(1).describe('failed nodes that reads and writes both survive'),
      }),
      load: () => import('./verbs/quorum-pareto.ts'),
    }),
    defineVerb({
      name: 'quorum compare',
      summary: 'Majority, grid, paths, hierarchical and threshold systems side by side',
      examples: ['quorum compare --size 9 --read-fraction 0.75', 'quorum compare --nodes nodes.json --failures 1'],
      params: z.object({
        nodes,
        size: z.number().int().min(1).max(60).default(5).describe('number of alike nodes where no node table is given'),
        reads,
        readFraction,
        failures: strategyParams.failures,
      }),
      load: () => import('./verbs/quorum-compare.ts'),
    }),
    defineVerb({
      name: 'quorum availability',
      summary: 'Probability that reads and writes find a quorum, with zones, and the most available pair',
      examples: ['quorum availability --reads "a*b + c*d" --nodes nodes.json --zones-up "eu=0.999,us=0.999"'],
      params: z.object({
        ...systemParams,
        zonesUp: z.string().default('').describe('probability that a whole zone is up, like "eu=0.999,us=0.99"'),
        readFraction,
      }),
      load: () => import('./verbs/quorum-availability.ts'),
    }),
    defineVerb({
      name: 'quorum thresholds',
      summary: 'Thresholds that share t nodes: Byzantine stores and erasure codes',
      examples: ['quorum thresholds --size 7 --model masking --faults 1', 'quorum thresholds --size 9 --shared 6'],
      params: z.object({
        size: z.number().int().min(1).max(1000).default(5).describe('number of nodes'),
        model: z
          .enum(['plain', 'dissemination', 'masking'])
          .default('plain')
          .describe('plain: share --shared nodes; dissemination: faults + 1; masking: 2 faults + 1'),
        shared: z
          .number()
          .int()
          .min(1)
          .default(1)
          .describe('nodes that a read and a write share, like k of an erasure code'),
        faults: z.number().int().min(0).default(0).describe('faulty nodes to survive'),
        readFraction,
      }),
      load: () => import('./verbs/quorum-thresholds.ts'),
    }),
    defineVerb({
      name: 'quorum federated',
      summary: 'Minimal quorums, intersection and blocking sets of a Stellar-like system',
      examples: ['quorum federated stellarbeat-nodes.json'],
      params: z.object({
        file: z.string().meta({ positional: true, kind: 'file' }).describe('node list of stellarbeat'),
      }),
      load: () => import('./verbs/quorum-federated.ts'),
    }),
    defineVerb({
      name: 'quorum export',
      summary: 'Write a system as JSON, quoracle program, TLA+, ZooKeeper groups, LaTeX or CSV',
      examples: [
        'quorum export --reads "majority(a, b, c)" --format zookeeper',
        'quorum export --reads "a*b + c*d" --format tla',
      ],
      params: z.object({
        ...systemParams,
        format: z
          .enum(['json', 'quoracle', 'tla', 'zookeeper', 'latex', 'csv'])
          .default('json')
          .describe('what to write'),
        readFraction,
      }),
      load: () => import('./verbs/quorum-export.ts'),
    }),
  ],
});
