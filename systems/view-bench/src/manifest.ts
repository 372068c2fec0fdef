/** The room's manifest: data only; algorithms load when a verb runs. */
import { defineSystem, defineVerb } from '@tenfold/core/system';
import { z } from 'zod';
import { methodShape, sceneShape, startShape, scoringShape, streetShape, trainingShape } from './params.ts';

const outShape = {
  out: z
    .string()
    .default('')
    .meta({ kind: 'output' })
    .describe('folder for cloud.ply, pictures and results.json; empty writes none'),
  force: z.boolean().default(false).describe('overwrite files'),
  dryRun: z.boolean().default(false).describe('compute, but write no file'),
};

export const manifest = defineSystem({
  id: 'view-bench',
  title: 'View bench',
  question: 'How badly do street-scene splats fail away from the training cameras?',
  paper: { title: 'Extrapolated Urban View Synthesis Benchmark', arxiv: '2412.05256' },
  tour: 'tour',
  page: { summary: 'Trains splats of a street and shows how far from the drive they can be trusted' },
  verbs: [
    defineVerb({
      name: 'tour',
      summary: 'photograph a small street, train splats on the CPU, score three levels and draw the trust radius',
      examples: ['tour', 'tour --steps 1500 --width 160'],
      params: z.object({
        width: z.int().min(48).max(640).default(96).describe('image width, pixels'),
        steps: z.int().min(60).max(30000).default(400).describe('training steps'),
      }),
      load: () => import('./verbs/tour.ts'),
    }),
    defineVerb({
      name: 'train',
      summary: 'train splats of a scene folder on the CPU or a GPU and score its test views',
      examples: [
        'train my-scene --steps 3000 --out splats',
        'train lund --max-width 256 --strategy mcmc --cap 40000',
        'train lund --max-width 256 --steps 500 --strategy fixed --degree 0 --exposure --antialiased --members 2',
        'train my-scene --backend webgpu --steps 7000 --max-width 1600',
      ],
      params: z.object({ ...sceneShape, ...startShape, ...trainingShape, ...scoringShape, ...outShape }),
      writesFiles: true,
      load: () => import('./verbs/train.ts'),
    }),
    defineVerb({
      name: 'evaluate',
      summary: 'score a cloud, of ours or of another program, in the test views of a scene',
      examples: ['evaluate my-scene splats/cloud.ply', 'evaluate lund cloud.splat --profile euvs-released'],
      params: z.object({
        ...sceneShape,
        cloud: z.string().meta({ positional: true, kind: 'file' }).describe('cloud as .ply or .splat'),
        ...methodShape,
        ...scoringShape,
      }),
      load: () => import('./verbs/evaluate.ts'),
    }),
    defineVerb({
      name: 'street',
      summary: 'photograph the synthetic street and write it in the EUVS layout, with exact depth and masks',
      examples: ['street --out my-street', 'street --out big --width 640 --stops 40 --traversals 5 --lighting varied'],
      params: z.object({
        ...streetShape,
        out: z.string().default('street').meta({ kind: 'output' }).describe('folder of the scene'),
        force: z.boolean().default(false).describe('overwrite files'),
        dryRun: z.boolean().default(false).describe('photograph, but write no file'),
      }),
      writesFiles: true,
      load: () => import('./verbs/street.ts'),
    }),
    defineVerb({
      name: 'compare',
      summary: 'train several methods on the same synthetic street and tabulate drops and trust radii',
      examples: [
        'compare --methods 3dgs,mcmc,released-loss',
        'compare --methods 3dgs,exposure --lighting varied --steps 3000',
      ],
      params: z.object({
        methods: z
          .string()
          .regex(
            /^(3dgs|absgrad|mcmc|antialiased|exposure|2dgs|pgsr|released-loss)(\s*,\s*(3dgs|absgrad|mcmc|antialiased|exposure|2dgs|pgsr|released-loss))*$/,
          )
          .default('3dgs,absgrad,mcmc')
          .describe('comma-separated: 3dgs, absgrad, mcmc, antialiased, exposure, 2dgs, pgsr, released-loss'),
        ...streetShape,
        ...trainingShape,
        ...scoringShape,
      }),
      load: () => import('./verbs/compare.ts'),
    }),
    defineVerb({
      name: 'convert',
      summary: 'convert a cloud between PLY, packed PLY, .splat and SPZ',
      examples: [
        'convert cloud.ply cloud.spz',
        'convert cloud.ply cloud.compressed.ply',
        'convert cloud.spz cloud.ply --force',
      ],
      params: z.object({
        input: z
          .string()
          .meta({ positional: true, kind: 'file' })
          .describe('cloud as .ply, packed .ply, .splat or .spz'),
        output: z
          .string()
          .meta({ positional: true, kind: 'output' })
          .describe('new file: .ply, .compressed.ply, .splat or .spz'),
        force: z.boolean().default(false).describe('overwrite the file'),
        dryRun: z.boolean().default(false).describe('convert, but write no file'),
      }),
      writesFiles: true,
      load: () => import('./verbs/convert.ts'),
    }),
  ],
});
