/** The room's manifest: data only; algorithms load when a verb runs. */
import { defineSystem, defineVerb } from '@tenfold/core/system';
import { z } from 'zod';

const trace = (what: string) => z.string().meta({ positional: true, kind: 'folder' }).describe(what);
const pert = z.array(z.string()).default([]).meta({ kind: 'folder' }).describe('traces of perturbed reference runs');
const k = z
  .number()
  .positive()
  .optional()
  .describe('tolerance = k times what one rounding unit does; default 3, FP8 2');
const floor = z.number().min(0).default(1).describe('least tolerance in rounding units, before k');
const maxRows = z.int().min(1).default(20).describe('rows of the table of problems');
const buckets = z
  .int()
  .min(16)
  .refine((size) => Number.isInteger(Math.log2(size)), 'must be a power of two')
  .optional();
const precision = z.enum(['float32', 'bfloat16', 'float8']);

export const manifest = defineSystem({
  id: 'trace-check',
  title: 'Trace check',
  question: 'Where does my distributed training silently go wrong?',
  paper: { title: 'TTrace: Lightweight Error Checking and Diagnosis for Distributed Training', arxiv: '2506.09280' },
  tour: 'tour',
  page: { summary: 'Heat map of errors, shard map, and a lab of bugs' },
  verbs: [
    defineVerb({
      name: 'tour',
      summary: 'a clean two-device run, then a bug that the loss hides, found and named',
      examples: ['tour'],
      params: z.object({}),
      load: () => import('./verbs/tour.ts'),
    }),
    defineVerb({
      name: 'check',
      summary: 'compare a candidate trace with a reference trace and name the first wrong module',
      examples: [
        'check traces/reference traces/candidate --pert traces/perturbed-1 --pert traces/perturbed-2',
        'check traces/reference traces/candidate --tolerance tolerances.json --junit report.xml',
        'check bf16/reference bf16/candidate --pert bf16/perturbed --logic-reference f32/reference --logic-candidate f32/candidate --logic-pert f32/perturbed',
      ],
      writesFiles: true,
      params: z.object({
        reference: trace('trace of the trusted run'),
        candidate: trace('trace of the run in question'),
        pert,
        rerun: z
          .string()
          .default('')
          .meta({ kind: 'folder' })
          .describe('second unperturbed trace of the reference: what changes from run to run widens the tolerances'),
        logicReference: z.string().default('').meta({ kind: 'folder' }).describe('float32 trace of the trusted run'),
        logicCandidate: z
          .string()
          .default('')
          .meta({ kind: 'folder' })
          .describe('float32 trace of the run in question'),
        logicPert: z.array(z.string()).default([]).meta({ kind: 'folder' }).describe('perturbed float32 traces'),
        tolerance: z.string().default('').describe('tolerances written by the verb tolerance'),
        k,
        floor,
        workers: z.int().min(1).max(64).default(1).describe('threads that compare'),
        buckets: buckets.describe('compare sketches of this size (a power of two); larger stored ones are folded'),
        maxRows,
        junit: z.string().default('').meta({ kind: 'output' }).describe('write a JUnit report here'),
        captureList: z
          .string()
          .default('')
          .meta({ kind: 'output' })
          .describe('write the ids that a second, full trace should hold (option tensors of the collector)'),
        dryRun: z.boolean().default(false).describe('say which files would be written, write none'),
        force: z.boolean().default(false).describe('overwrite files that exist'),
      }),
      load: () => import('./verbs/check.ts'),
    }),
    defineVerb({
      name: 'tolerance',
      summary: 'tolerances per tensor from perturbed reference runs',
      examples: ['tolerance traces/reference --perturbed traces/perturbed-1 --output tolerances.json'],
      writesFiles: true,
      params: z.object({
        reference: trace('trace of the trusted run'),
        perturbed: z.array(z.string()).min(1).meta({ kind: 'folder' }).describe('traces of perturbed reference runs'),
        rerun: z.string().default('').meta({ kind: 'folder' }).describe('second unperturbed trace of the reference'),
        k,
        floor,
        output: z.string().default('').meta({ kind: 'output' }).describe('write them here as JSON'),
        dryRun: z.boolean().default(false).describe('say which files would be written, write none'),
        force: z.boolean().default(false).describe('overwrite files that exist'),
      }),
      load: () => import('./verbs/tolerance.ts'),
    }),
    defineVerb({
      name: 'invariants',
      summary: 'check one trace without a reference: copies, recomputation, tied weights, layer census',
      examples: ['invariants traces/candidate'],
      params: z.object({ run: trace('trace') }),
      load: () => import('./verbs/invariants.ts'),
    }),
    defineVerb({
      name: 'triangulate',
      summary: 'two runs disagree: a third decides which one is off',
      examples: ['triangulate traces/a traces/b traces/float32'],
      params: z.object({
        a: trace('first trace'),
        b: trace('second trace'),
        oracle: trace('third trace, better in higher precision'),
        limit: z.number().positive().optional().describe('relative distance that counts as agreement'),
      }),
      load: () => import('./verbs/triangulate.ts'),
    }),
    defineVerb({
      name: 'inspect',
      summary: 'what a trace holds: tensors, shapes, who holds what',
      examples: ['inspect traces/candidate', 'inspect traces/candidate --id layers.0.mlp --shards'],
      params: z.object({
        run: trace('trace'),
        id: z.string().default('').describe('only ids that contain this'),
        shards: z.boolean().default(false).describe('one row per rank'),
        maxRows: z.int().min(1).default(40).describe('tensors to list'),
      }),
      load: () => import('./verbs/inspect.ts'),
    }),
    defineVerb({
      name: 'merge',
      summary: 'write one logical tensor of a trace as a safetensors file',
      examples: ['merge traces/candidate --id it0/main_grad/output_layer.weight --output head.safetensors'],
      writesFiles: true,
      params: z.object({
        run: trace('trace'),
        id: z.string().describe('canonical id'),
        output: z.string().meta({ kind: 'output' }).describe('file to write'),
        dryRun: z.boolean().default(false).describe('say which files would be written, write none'),
        force: z.boolean().default(false).describe('overwrite files that exist'),
      }),
      load: () => import('./verbs/merge.ts'),
    }),
    defineVerb({
      name: 'mutate',
      summary: 'which synthetic faults the tolerances of a trace would catch',
      examples: ['mutate traces/reference --pert traces/perturbed-1'],
      params: z.object({
        reference: trace('trace of the trusted run'),
        pert: z.array(z.string()).min(1).meta({ kind: 'folder' }).describe('traces of perturbed reference runs'),
        k,
      }),
      load: () => import('./verbs/mutate.ts'),
    }),
    defineVerb({
      name: 'simulate',
      writesFiles: true,
      summary: 'train a small GPT on worker threads, clean or with a bug, and check it',
      examples: [
        'simulate --mesh "tp2 sp"',
        'simulate --bug 12',
        'simulate --bug zero-update --output traces',
        'simulate --list-bugs',
      ],
      params: z.object({
        mesh: z
          .string()
          .default('')
          .describe('words tp2 cp2 ep2 dp2 pp2 vpp2 sp zero recompute tied moe; empty: tp2, or the mesh of the bug'),
        precision: z
          .enum(['default', ...precision.options])
          .default('default')
          .describe('storage and matrix products'),
        bug: z.string().default('').describe('name or number (12, 12b) of a bug; empty for a clean run'),
        layers: z.int().min(1).max(64).optional().describe('layers of the model; default 4'),
        steps: z.int().min(1).max(4).optional().describe('training steps'),
        isolate: z.boolean().default(false).describe('give every module generated inputs and output gradients'),
        listBugs: z.boolean().default(false).describe('list the bugs and stop'),
        output: z.string().default('').meta({ kind: 'output' }).describe('folder for the traces'),
        maxRows,
        dryRun: z.boolean().default(false).describe('say which files would be written, write none'),
        force: z.boolean().default(false).describe('overwrite files that exist'),
      }),
      load: () => import('./verbs/simulate.ts'),
    }),
    defineVerb({
      name: 'matrix',
      summary: 'every clean mesh and every bug, with what is found first',
      examples: ['matrix', 'matrix --no-clean --bugs 1 --bugs 12b', 'matrix --precisions float32 --meshes tp2'],
      params: z.object({
        meshes: z.array(z.string()).default([]).describe('clean meshes; none: all'),
        precisions: z.array(precision).default([]).describe('precisions of clean runs; none: all'),
        bugs: z.array(z.string()).default([]).describe('bugs by number (12, 12b) or name; none: all'),
        clean: z.boolean().default(true).describe('run the clean meshes'),
        sketch: buckets.describe('also check by sketches of this size and compare the verdicts'),
      }),
      load: () => import('./verbs/matrix.ts'),
    }),
    defineVerb({
      name: 'collector',
      summary: 'write the Python collector and show the lines to add',
      examples: ['collector', 'collector --preset megatron --output tools/tenfold_trace.py'],
      writesFiles: true,
      params: z.object({
        output: z.string().default('tenfold_trace.py').meta({ kind: 'output' }).describe('file to write'),
        preset: z.enum(['plain', 'megatron', 'wrapped']).default('plain').describe('kind of script'),
        dryRun: z.boolean().default(false).describe('say which files would be written, write none'),
        force: z.boolean().default(false).describe('overwrite files that exist'),
      }),
      load: () => import('./verbs/collector.ts'),
    }),
  ],
});
