/** The room's manifest: data only; algorithms load when a verb runs. */
import { defineSystem, defineVerb } from '@tenfold/core/system';
import { z } from 'zod';

const GATES = ['switch', 'topk', 'topk-ranked', 'bpr', 'hash', 'expert-choice'] as const;

const input = {
  graph: z
    .string()
    .default('')
    .meta({ kind: 'file' })
    .describe('graph of a training step, JSON or ONNX; empty for the model'),
  costs: z
    .string()
    .default('')
    .meta({ kind: 'file' })
    .describe('JSON profile (s, bytes) or a log of nccl-tests; empty for the room’s device'),
  model: z.enum(['s', 'l']).default('s').describe('GPT2-S-MoE (12 layers of 768) or GPT2-L-MoE (24 of 1024)'),
  devices: z.int().min(2).default(16).describe('devices that share the experts (2 each)'),
  batch: z.int().min(1).default(24).describe('sequences of 512 tokens per device'),
  gate: z.enum(GATES).default('switch').describe('how tokens choose experts'),
  bandwidth: z.number().positive().default(1).describe('factor on the bandwidth between nodes'),
};

export const manifest = defineSystem({
  id: 'moe-overlap',
  title: 'MoE overlap',
  question: 'How much all-to-all can hide behind compute in my mixture-of-experts training?',
  paper: {
    title: 'Lancet: Accelerating Mixture-of-Experts Training via Whole Graph Computation-Communication Overlapping',
    arxiv: '2404.19429',
  },
  tour: 'tour',
  page: { summary: 'Timelines before and after, token grid, gradient matching, bandwidth what-if' },
  verbs: [
    defineVerb({
      name: 'tour',
      summary: 'Plan GPT2-S-MoE on 16 simulated devices, then run a small block on two workers for real',
      examples: ['tour'],
      params: z.object({
        rounds: z.int().min(1).default(3).describe('timed launches per mode of the real block'),
      }),
      load: () => import('./verbs/tour.ts'),
    }),
    defineVerb({
      name: 'optimise',
      summary: 'Best order and partition of a training step, with predicted times and a plan for the runner',
      examples: [
        'optimise',
        'optimise --model l --gate bpr',
        'optimise --graph step.json --costs profile.json',
        'optimise --rule paper --iota 16',
      ],
      params: z.object({
        ...input,
        maxParts: z.int().min(1).max(16).default(8).describe('most parts of a range (ρ)'),
        gamma: z
          .number()
          .min(0)
          .default(0)
          .describe('ms of a group, where ranges may begin and end (γ); 0 is automatic'),
        iota: z.int().min(0).default(0).describe('longest range in groups (ι); 0 is the distance of two layers'),
        rule: z.enum(['paper', 'official']).default('official').describe('greedy rule of the modes dw and both'),
        mode: z
          .enum(['best', 'none', 'tutel', 'dw', 'partition', 'both', 'exact'])
          .default('best')
          .describe('which plan is written to plan.json'),
      }),
      load: () => import('./verbs/optimise.ts'),
    }),
    defineVerb({
      name: 'explain',
      summary: 'Along which axes a range of the forward pass is cut, or which operations contradict each other',
      examples: [
        'explain --from layers.1/LayerNormalization --to layers.1.moe.decode/forward',
        'explain --gate bpr --from layers.1.moe.gate/MatMul --to layers.1.moe.decode/forward',
      ],
      params: z.object({
        ...input,
        from: z.string().default('layers.1/LayerNormalization_1').describe('first operation of the range'),
        to: z.string().default('layers.1.moe.decode/forward').describe('last operation of the range'),
        parts: z.int().min(2).default(2).describe('number of parts'),
      }),
      load: () => import('./verbs/explain.ts'),
    }),
    defineVerb({
      name: 'sweep',
      summary: 'What-if: step time and exposed communication over the bandwidth between nodes',
      examples: ['sweep', 'sweep --gate bpr --model l'],
      params: z.object({ ...input, maxParts: z.int().min(1).max(16).default(8).describe('most parts of a range (ρ)') }),
      load: () => import('./verbs/sweep.ts'),
    }),
    defineVerb({
      name: 'range',
      summary: 'Forward time over how far the range around a layer reaches, and over the number of parts',
      examples: ['range', 'range --gate bpr --overhead 0'],
      params: z.object({
        ...input,
        overhead: z.number().min(0).default(0.005).describe('ms added to every part of a computation'),
        maxParts: z.int().min(2).max(16).default(8).describe('most parts'),
      }),
      load: () => import('./verbs/range.ts'),
    }),
    defineVerb({
      name: 'tokens',
      summary: 'Which tokens a layer drops: whole batch, capacity passing, naive micro-batches',
      examples: ['tokens', 'tokens --gate bpr --parts 4 --skew 2'],
      params: z.object({
        gate: z.enum(GATES).default('switch').describe('how tokens choose experts'),
        tokens: z.int().min(2).max(512).default(48).describe('tokens of the batch'),
        experts: z.int().min(1).max(32).default(4).describe('experts'),
        capacity: z.int().default(12).describe('rows per expert'),
        parts: z.int().min(1).default(4).describe('parts of the batch'),
        skew: z.number().min(0).default(1).describe('preference for the first experts; 0 is balanced'),
        topK: z.int().min(1).default(2).describe('experts per token (topk gates)'),
      }),
      load: () => import('./verbs/tokens.ts'),
    }),
    defineVerb({
      name: 'gap',
      summary: 'Greedy assignment of weight gradients against the optimum, on random problems',
      examples: ['gap', 'gap --rounds 1000'],
      params: z.object({ rounds: z.int().min(1).default(300).describe('random problems') }),
      load: () => import('./verbs/gap.ts'),
    }),
    defineVerb({
      name: 'equiv',
      summary: 'Token equivalence of batches in parts, tried on random layers',
      examples: ['equiv', 'equiv --gate bpr --rounds 2000'],
      params: z.object({
        rounds: z.int().min(1).default(500).describe('random layers per gate'),
        gate: z
          .enum([...GATES, 'all'])
          .default('all')
          .describe('gate to try'),
      }),
      load: () => import('./verbs/equiv.ts'),
    }),
    defineVerb({
      name: 'run',
      summary: 'Run a mixture-of-experts block on two workers with emulated links, mode by mode',
      examples: ['run', 'run --rounds 5 --ratio 2'],
      params: z.object({
        rounds: z.int().min(1).default(3).describe('timed launches per mode'),
        ratio: z.number().positive().default(1.5).describe('time of an all-to-all over time of the experts'),
      }),
      load: () => import('./verbs/run.ts'),
    }),
    defineVerb({
      name: 'export',
      summary: 'Plans of a layer stack for the runner on PyTorch and NCCL (artifact runner-plans.json)',
      examples: [
        'export',
        'export --layers 3 --ratio 3.36',
        'export --profiling',
        'export --profile measured.json --ratio 2',
      ],
      params: z.object({
        devices: z.int().min(2).default(2).describe('GPUs'),
        layers: z.int().min(2).default(12).describe('layers; every second has experts'),
        hidden: z.int().min(8).default(768).describe('width'),
        heads: z.int().min(1).default(12).describe('attention heads'),
        seq: z.int().min(2).default(512).describe('tokens of a sequence'),
        batch: z.int().min(2).default(24).describe('sequences per GPU'),
        gate: z.enum(['switch', 'bpr']).default('switch').describe('how tokens choose experts'),
        ratio: z
          .number()
          .min(0)
          .default(0)
          .describe('time of an all-to-all over time of the experts; 0 is the link as it is'),
        profile: z
          .string()
          .default('')
          .meta({ kind: 'file' })
          .describe(
            'measured.json of an earlier run: its sizes and times are planned with; empty for the room’s device',
          ),
        profiling: z
          .boolean()
          .default(false)
          .describe('orders to measure before planning: as written, and cut everywhere into 2 and into 4 parts'),
        overhead: z
          .number()
          .min(0)
          .default(0.02)
          .describe('ms that every part of an operation adds, where the profile holds no parts'),
        maxParts: z.int().min(1).max(16).default(4).describe('most parts of a range (ρ)'),
      }),
      load: () => import('./verbs/export.ts'),
    }),
    defineVerb({
      name: 'replay',
      summary: 'Predicted against measured: plans simulated with the times that the runner measured',
      examples: [
        'replay measured.json --plans runner-plans.json',
        'replay measured.json --plans plans-1.json,plans-2.json --overhead 0.05',
      ],
      params: z.object({
        measured: z.string().meta({ positional: true, kind: 'file' }).describe('measured.json of the runner'),
        plans: z.string().default('runner-plans.json').describe('plans that were run, separated by commas'),
        overhead: z.number().min(0).default(0.02).describe('ms that every part of an operation adds'),
      }),
      load: () => import('./verbs/replay.ts'),
    }),
    defineVerb({
      name: 'trace-stats',
      summary: 'Hidden and exposed communication of a PyTorch profiler trace, and a better order for its ranges',
      examples: ['trace-stats trace.json.gz', 'trace-stats trace.json --communication "nccl,deep_ep"'],
      params: z.object({
        file: z.string().meta({ positional: true, kind: 'file' }).describe('Chrome trace, plain or gzip'),
        communication: z.string().default('').describe('patterns of communication kernels, separated by commas'),
      }),
      load: () => import('./verbs/trace-stats.ts'),
    }),
  ],
});
