/** The room's manifest: data only; algorithms load when a verb runs. */
import { defineSystem, defineVerb } from '@tenfold/core/system';
import { z } from 'zod';
import { learnParams, METHOD_NAMES, modelParam } from './params.ts';

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
        'prune models/scrimshaw-11m pruned --method proxsparse --steps 100 --text book.txt',
      ],
      params: z.object({
        model: modelParam,
        output: z.string().meta({ positional: true, kind: 'output' }).describe('folder to write'),
        method: z
          .enum(METHOD_NAMES)
          .default('magnitude')
          .describe('how the mask is chosen; magnitude needs no data and streams'),
        ...learnParams,
        force,
        dryRun,
      }),
      writesFiles: true,
      load: () => import('./verbs/prune.ts'),
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
        mask: z.string().meta({ positional: true, kind: 'file' }).describe('mask24.safetensors'),
        output: z.string().meta({ positional: true, kind: 'output' }).describe('folder to write'),
        force,
        dryRun,
      }),
      writesFiles: true,
      load: () => import('./verbs/apply.ts'),
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
