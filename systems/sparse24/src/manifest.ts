/** The room's manifest: data only; algorithms load when a verb runs. */
import { defineSystem, defineVerb } from '@tenfold/core/system';
import { z } from 'zod';
import { learnParams, METHOD_NAMES, modelParam } from './params.ts';

const { lambda1: _lambda1, kappa: _kappa, maskLr: _maskLr, ...sweepLearnParams } = learnParams;

const force = z.boolean().default(false).describe('replace the output folder if it exists');
const dryRun = z.boolean().default(false).describe('say what would be written, write nothing');

export const manifest = defineSystem({
  id: 'sparse24',
  title: '2:4 sparsity',
  question: 'Which half of my transformer’s weights can go at the least loss?',
  paper: {
    title: 'ProxSparse: Regularized Learning of Semi-Structured Sparsity Masks for Pretrained LLMs',
    arxiv: '2502.00258',
  },
  tour: 'tour',
  page: { summary: 'Methods side by side, the block inspector, learning curves' },
  verbs: [
    defineVerb({
      name: 'tour',
      summary: 'prune the shipped 11 M model with four methods and print the table',
      examples: ['tour'],
      params: z.object({}),
      load: () => import('./verbs/tour.ts'),
    }),
    defineVerb({
      name: 'prune',
      summary: 'mask a checkpoint folder: same files, two of every four weights zero, the rest byte-identical',
      examples: [
        'prune models/scrimshaw-11m pruned',
        'prune models/scrimshaw-11m pruned --text book.txt --steps 100',
        'prune models/scrimshaw-11m pruned --method wanda --text book.txt',
      ],
      params: z.object({
        model: z
          .string()
          .meta({ positional: true, kind: 'folder' })
          .describe('Hugging Face folder; methods other than magnitude need a Llama-style model'),
        output: z.string().meta({ positional: true, kind: 'output' }).describe('folder to write'),
        method: z
          .enum(METHOD_NAMES)
          .optional()
          .describe('how the mask is chosen; default proxsparse with --text, else magnitude, which reads no text'),
        ...learnParams,
        checkpoint: z
          .string()
          .meta({ kind: 'output' })
          .optional()
          .describe('file that proxsparse writes its state to ten times a run'),
        resume: z.boolean().default(false).describe('go on from the checkpoint if it is there'),
        force,
        dryRun,
      }),
      writesFiles: true,
      load: () => import('./verbs/prune.ts'),
    }),
    defineVerb({
      name: 'sweep',
      summary: 'which strength of the 2:4 regulariser suits this model; weak ones stop after a quarter of the steps',
      examples: [
        'sweep models/scrimshaw-11m --kappas 0.02,0.05 --steps 40 --rows 16',
        'sweep stories260K.bin --kappas 0.005,0.02,0.08',
      ],
      params: z.object({
        model: modelParam,
        kappas: z
          .array(z.number().positive())
          .min(2)
          .max(12)
          .default([0.005, 0.02, 0.05])
          .describe('strengths κ to try; λ₁ is κ over the root mean square of each matrix'),
        keep: z.int().min(1).default(1).describe('how many go on to the end'),
        heldOut: z.string().meta({ kind: 'file' }).optional().describe('text to judge on; without it the model writes'),
        heldOutRows: z.int().min(1).default(32).describe('rows to judge on'),
        ...sweepLearnParams,
      }),
      load: () => import('./verbs/sweep.ts'),
    }),
    defineVerb({
      name: 'compare',
      summary: 'masks of several methods, judged by perplexity on held-out text',
      examples: [
        'compare models/scrimshaw-11m --methods magnitude,wanda --rows 16',
        'compare stories260K.bin --steps 400 --lambda1 0.1 --lambda2 0.1 --epsilon 0.1 --lr 0.003',
      ],
      params: z.object({
        model: modelParam,
        methods: z
          .array(z.enum(METHOD_NAMES))
          .min(1)
          .default(['magnitude', 'wanda', 'sparsegpt', 'proxsparse'])
          .describe('methods in the table'),
        heldOut: z
          .string()
          .meta({ kind: 'file' })
          .optional()
          .describe('text to judge on; without it the model writes its own'),
        heldOutRows: z.int().min(1).default(32).describe('rows to judge on'),
        ...learnParams,
      }),
      load: () => import('./verbs/compare.ts'),
    }),
    defineVerb({
      name: 'inspect',
      summary: 'is this checkpoint really 2:4, and do its shapes suit sparse tensor cores',
      examples: ['inspect pruned', 'inspect models/scrimshaw-11m'],
      params: z.object({ path: z.string().meta({ positional: true }).describe('safetensors file or folder') }),
      load: () => import('./verbs/inspect.ts'),
    }),
    defineVerb({
      name: 'apply',
      summary: 'put a mask file over its base model',
      examples: ['apply models/scrimshaw-11m pruned/mask24.safetensors masked'],
      params: z.object({
        model: z.string().meta({ positional: true, kind: 'folder' }).describe('base model folder'),
        mask: z
          .string()
          .meta({ positional: true })
          .describe('mask24.safetensors, an .npz of packed bits, or a masked checkpoint (file or folder)'),
        output: z.string().meta({ positional: true, kind: 'output' }).describe('folder to write'),
        anyBase: z.boolean().default(false).describe('also over a model other than the one the mask was made for'),
        force,
        dryRun,
      }),
      writesFiles: true,
      load: () => import('./verbs/apply.ts'),
    }),
    defineVerb({
      name: 'diff',
      summary: 'how far two masks agree, matrix by matrix',
      examples: ['diff pruned/mask24.safetensors other/mask24.safetensors', 'diff pruned other'],
      params: z.object({
        a: z.string().meta({ positional: true }).describe('mask file, .npz or masked checkpoint'),
        b: z.string().meta({ positional: true }).describe('mask file, .npz or masked checkpoint'),
      }),
      load: () => import('./verbs/diff.ts'),
    }),
    defineVerb({
      name: 'prox',
      summary: 'the proximal point of one block of four, official and exact solver side by side',
      examples: ['prox --block 1,0.9,0.2,0.1 --lambda 1', 'prox --block 0.6,0.5,0.4,0.3'],
      params: z.object({
        block: z.array(z.number()).default([0.6, 0.5, 0.4, 0.3]).describe('four weights'),
        lambda: z.number().min(0).default(1).describe('λ, in 1/|w|'),
      }),
      load: () => import('./verbs/prox.ts'),
    }),
  ],
});
