/** The room's manifest: data only; algorithms load when a verb runs. */
import { defineSystem, defineVerb } from '@tenfold/core/system';
import { z } from 'zod';

const planParams = {
  model: z
    .string()
    .default('sd21')
    .meta({ positional: true })
    .describe('sd21, sd15, controlnet, dit-xl, sd-mini, or a profile file (own JSON, PipeDream graph.txt, Piper JSON)'),
  devices: z.int().min(1).max(1024).default(8).describe('devices in all'),
  cluster: z
    .enum(['workstation', 'workstation-10g', 'a100-efa', 'a100-slow'])
    .default('workstation')
    .describe('links and memory: two-device machines at 100 or 10 Gbit/s, or A100 nodes at 400 or 25 Gbit/s'),
  batch: z.int().min(1).default(64).describe('samples of an iteration on all devices together'),
  memoryGib: z.number().positive().optional().describe('memory cap per device in GiB; default that of the cluster'),
  bandwidthGbit: z
    .number()
    .positive()
    .optional()
    .describe('bandwidth between nodes in Gbit/s; default that of the cluster'),
  slowLink: z.number().min(1).default(1).describe('all links take so many times as long: the runner’s --slow-link'),
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

const outputParams = {
  out: z.string().optional().meta({ kind: 'output' }).describe('file to write; default: an artifact of the run'),
  force: z.boolean().default(false).describe('overwrite the file'),
  dryRun: z.boolean().default(false).describe('only say what would be written'),
};

const dialectParam = z
  .enum(['full', 'bw'])
  .default('full')
  .describe('full: B is the whole backward pass, I and W its parts; bw: BW is the whole one, B and W its parts');

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
      name: 'tour',
      summary: 'plan SD 2.1 on eight devices, compare with all rivals, and run a mini model on two workers',
      examples: ['tour'],
      params: z.object({}),
      load: () => import('./verbs/tour.ts'),
    }),
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
      name: 'simulate',
      summary: 'simulate and fill stages of your own',
      examples: ['simulate sd21 --ends 8,15,20,29 --replicas 2,2,2,2 --micro-batches 16'],
      params: z.object({
        ...planParams,
        ends: z.string().describe('last layer + 1 of every stage, comma-separated; the last is the number of layers'),
        replicas: z.string().describe('devices of every stage in a group, comma-separated'),
        microBatches: z.int().min(1).default(8).describe('micro-batches'),
      }),
      load: () => import('./verbs/simulate.ts'),
    }),
    defineVerb({
      name: 'gap',
      summary: 'how far the partition programs and the greedy filling are from the exact optimum',
      examples: ['gap', 'gap --instances 400', 'gap profile.json'],
      params: z.object({
        model: z
          .string()
          .optional()
          .meta({ positional: true, kind: 'file' })
          .describe('profile file; default: random instances'),
        instances: z.int().min(1).max(5000).default(400).describe('random instances'),
        layers: z.int().min(2).max(14).default(10).describe('a profile is merged to so many layers for brute force'),
      }),
      load: () => import('./verbs/gap.ts'),
    }),
    defineVerb({
      name: 'export',
      summary: 'the plan as JSON for the PyTorch runner, or as PyTorch’s pipelining CSV',
      examples: [
        'export sd-mini --devices 2 --batch 8 --group 2 --stages 2 --out plan.json',
        'export --format torch-csv --group 4 --stages 4',
        'export --format torch-csv-comms --group 4 --stages 4 --dialect bw',
      ],
      params: z.object({
        ...planParams,
        format: z
          .enum(['json', 'torch-csv', 'torch-csv-comms', 'chrome-trace'])
          .default('json')
          .describe('the plan, PyTorch’s compute-only or compute-and-transfers CSV, or a trace for Perfetto'),
        dialect: dialectParam,
        ...outputParams,
      }),
      writesFiles: true,
      load: () => import('./verbs/export.ts'),
    }),
    defineVerb({
      name: 'import',
      summary: 'read a schedule in PyTorch’s pipelining CSV, check it and simulate it',
      examples: ['import schedule.csv', 'import old.csv --dialect bw'],
      params: z.object({
        file: z.string().meta({ positional: true, kind: 'file' }).describe('CSV: one row a rank, one column a step'),
        dialect: dialectParam,
        forwardMs: z.number().positive().default(1).describe('time of a forward pass in ms'),
        backwardMs: z.number().positive().default(2).describe('time of a whole backward pass in ms'),
      }),
      load: () => import('./verbs/import.ts'),
    }),
    defineVerb({
      name: 'check',
      summary: 'check a plan file before it runs: order, transfers, frozen work, memory, device count',
      examples: ['check plan.json', 'check plan.json --devices 8'],
      params: z.object({
        file: z.string().meta({ positional: true, kind: 'file' }).describe('plan in JSON, as `export` writes it'),
        devices: z.int().min(1).optional().describe('devices that will run it; default: those of the plan'),
      }),
      load: () => import('./verbs/check.ts'),
    }),
    defineVerb({
      name: 'compare-traces',
      summary: 'predicted against measured: two traces joined by operation',
      examples: ['compare-traces plan.json measured.json'],
      params: z.object({
        predicted: z
          .string()
          .meta({ positional: true, kind: 'file' })
          .describe('plan in JSON, or a Chrome trace as `export --format chrome-trace` writes it'),
        measured: z.string().meta({ positional: true, kind: 'file' }).describe('Chrome trace of the runner'),
      }),
      load: () => import('./verbs/compare-traces.ts'),
    }),
    defineVerb({
      name: 'profile',
      summary: 'a model as a profile file to edit: layers, times, bytes, skips, frozen components',
      examples: ['profile', 'profile sd21 --out profile.json', 'profile graph.txt'],
      params: z.object({
        model: z
          .string()
          .default('sd-mini')
          .meta({ positional: true })
          .describe('ready model or profile file, also of PipeDream or Piper'),
        ...outputParams,
      }),
      writesFiles: true,
      load: () => import('./verbs/profile.ts'),
    }),
    defineVerb({
      name: 'cascade',
      summary: 'plan several backbones: both directions on the same devices, side by side, or one after another',
      examples: ['cascade', 'cascade --devices 16 --batch 128'],
      params: z.object({
        model: z
          .string()
          .default('cascaded')
          .meta({ positional: true })
          .describe('cascaded, or a profile file with several backbones'),
        devices: z.int().min(2).max(64).default(8).describe('devices in all'),
        cluster: planParams.cluster,
        batch: z.int().min(1).default(64).describe('samples of an iteration'),
      }),
      load: () => import('./verbs/cascade.ts'),
    }),
    defineVerb({
      name: 'compare',
      summary: 'our plan beside DDP, ZeRO-3, GPipe, SPP, zero-bubble and cached latents, each at its best',
      examples: ['compare', 'compare controlnet --cluster a100-slow --devices 16 --batch 256'],
      params: z.object(planParams),
      load: () => import('./verbs/compare.ts'),
    }),
    defineVerb({
      name: 'run',
      summary: 'run a mini U-Net with frozen encoders on worker threads, with and without filling',
      examples: ['run', 'run --stages 4 --latency-ms 1 --bandwidth-mb 200'],
      params: z.object({
        stages: z.int().min(1).max(8).default(2).describe('pipeline stages, one worker each'),
        batch: z.int().min(1).default(16).describe('samples of an iteration'),
        microBatches: z.int().min(1).default(2).describe('micro-batches; must divide the batch'),
        channels: z.int().min(8).multipleOf(8).default(32).describe('channels of the U-Net at 16 × 16'),
        encoderChannels: z
          .int()
          .min(1)
          .default(72)
          .describe('channels of the frozen image encoder; 72: as large a share as in SD 2.1 on two H100'),
        runs: z.int().min(1).default(3).describe('runs of each kind, in turn'),
        iterations: z.int().min(1).default(4).describe('measured iterations of a run'),
        selfConditioned: z.boolean().default(false).describe('with an extra forward pass that conditions the second'),
        latencyMs: z.number().min(0).default(0.05).describe('emulated latency between workers in ms'),
        bandwidthMb: z.number().positive().default(2000).describe('emulated bandwidth between workers in MB/s'),
      }),
      load: () => import('./verbs/run.ts'),
    }),
  ],
});
