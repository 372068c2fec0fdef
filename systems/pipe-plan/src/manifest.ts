/** The room's manifest: data only; algorithms load when a verb runs. */
import { defineSystem, defineVerb } from '@tenfold/core/system';
import { z } from 'zod';

const planParams = {
  model: z
    .string()
    .default('sd21')
    .meta({ positional: true })
    .describe('sd21, sd15, controlnet, dit-xl, or a profile file (own JSON, PipeDream graph.txt, Piper JSON)'),
  devices: z.int().min(1).max(1024).default(8).describe('devices in all'),
  cluster: z
    .enum(['a100-efa', 'a100-slow', 'workstation'])
    .default('workstation')
    .describe('links and memory: A100 nodes at 400 or 25 Gbit/s, or two-device workstations at 10 Gbit/s'),
  batch: z.int().min(1).default(64).describe('samples of an iteration on all devices together'),
  memoryGib: z.number().positive().optional().describe('memory cap per device in GiB; default that of the cluster'),
  bandwidthGbit: z
    .number()
    .positive()
    .optional()
    .describe('bandwidth between nodes in Gbit/s; default that of the cluster'),
  allReduceTable: z
    .string()
    .optional()
    .meta({ kind: 'file' })
    .describe('measured all-reduce bandwidths, JSON as Galvatron’s profiler writes it'),
  group: z.int().min(1).optional().describe('devices of a pipeline group; default: searched'),
  stages: z.int().min(1).optional().describe('stages; default: searched'),
  microBatches: z.int().min(1).optional().describe('micro-batches; default: searched'),
  method: z.enum(['pareto', 'paper']).default('pareto').describe('partition program: exact, or one scalar per state'),
  fill: z
    .enum(['greedy', 'perDevice', 'fullOnly', 'exact', 'none'])
    .default('perDevice')
    .describe('how bubbles are filled with frozen work'),
  warmup: z.enum(['both', 'classic', 'commAware']).default('both').describe('warm-up of the schedule'),
  placement: z
    .enum(['pipeline-inner', 'dp-inner'])
    .default('pipeline-inner')
    .describe('what stays inside nodes: pipelines or data parallelism'),
  recompute: z.enum(['auto', 'never', 'always']).default('auto').describe('recomputation of activations'),
  uneven: z.boolean().default(false).describe('allow replicas to get unequal shares of a micro-batch'),
  selfConditioning: z.number().min(0).max(1).optional().describe('probability of an extra forward pass; default: none'),
};

export const manifest = defineSystem({
  id: 'pipe-plan',
  title: 'Pipe plan',
  question: 'How do I train my diffusion model over several devices without letting them idle?',
  paper: {
    title: 'DiffusionPipe: Training Large Diffusion Models with Efficient Pipelines',
    arxiv: '2405.01248',
  },
  tour: 'tour',
  page: { summary: 'Stages, timelines before and after filling, and what other methods would take' },
  verbs: [
    defineVerb({
      name: 'plan',
      summary: 'search stages, replicas and micro-batches, and fill the bubbles with frozen work',
      examples: [
        'plan',
        'plan controlnet --devices 16 --cluster a100-slow --batch 256',
        'plan profile.json --stages 2',
      ],
      params: z.object(planParams),
      load: () => import('./verbs/plan.ts'),
    }),
    defineVerb({
      name: 'compare',
      summary: 'our plan beside DDP, ZeRO-3, GPipe, SPP, zero-bubble and cached latents, each at its best',
      examples: ['compare', 'compare controlnet --cluster a100-slow --devices 16 --batch 256'],
      params: z.object(planParams),
      load: () => import('./verbs/compare.ts'),
    }),
  ],
});
