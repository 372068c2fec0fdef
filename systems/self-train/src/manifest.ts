/** The room's manifest: data only; algorithms load when a verb runs. */
import { defineSystem, defineVerb, outputParams } from '@tenfold/core/system';
import { z } from 'zod';
import { METHODS, RANKS } from './types.ts';

const SAMPLES =
  'folder of images, table (.csv, .tsv, .parquet, .jsonl), .npy, IDX, file.h5:dataset, or digits:fonts, digits:mnist, digits:usps (with :count)';

const pairParams = {
  labeled: z.string().meta({ positional: true }).describe(`labelled samples: ${SAMPLES}`),
  unlabeled: z
    .string()
    .default('')
    .meta({ positional: true })
    .describe('unlabelled samples, likewise; default: rows of the first table without a label'),
  label: z.string().default('label').describe('label column, or file with the labels of an array; images: sub-folders'),
  id: z.string().default('').describe('column that names samples; default the row number'),
  text: z.string().default('').describe('column with texts, used as weighted term counts'),
  columns: z
    .array(z.string())
    .default([])
    .describe('feature columns; default all that both tables have, but row numbers'),
  imageSize: z.int().min(8).max(64).default(16).describe('side in pixels that images are averaged into'),
  colour: z.boolean().default(false).describe('read images as RGB instead of grey'),
};

const runParams = {
  rounds: z.int().min(1).max(50).default(6).describe('rounds of self-training'),
  epochs: z.int().min(1).max(1000).default(8).describe('passes over the labelled samples before the rounds'),
  hidden: z.array(z.int().min(2).max(4096)).min(1).default([256, 64]).describe('units of the hidden layers'),
  portion: z
    .string()
    .default('0.2:0.7:0.1')
    .describe('share of each predicted class that is accepted, start:max:step, 0..1'),
  basesPerClass: z.int().min(1).max(16).default(1).describe('Gaussians of EM per class'),
  beta: z.number().min(0).max(1).default(0.5).describe('weight of the network as prior of EM, 0..1; 0 learns weights'),
  sharedVariance: z.boolean().default(true).describe('one variance for all Gaussians'),
  bases: z
    .enum(['prototype', 'attention'])
    .default('prototype')
    .describe('start of EM: class means weighed by predictions, or bases that the network learned'),
  clamp: z.number().min(0).default(0).describe('weight of labelled features in EM; 1 where both sets are one domain'),
  ensemble: z
    .int()
    .min(1)
    .max(20)
    .default(1)
    .describe('networks trained from different starts; what they disagree about counts as doubt'),
  passes: z.int().min(1).max(200).default(10).describe('passes with dropout that measure the doubt of the network'),
  rank: z.enum(RANKS).default('conf').describe('what labels are ranked by before the best share is accepted'),
  target: z.enum(['hard', 'soft']).default('hard').describe('train on the class or on the distribution'),
  weight: z.enum(['none', 'exp']).default('none').describe('weigh accepted labels by exp(−variance)'),
  agree: z.boolean().default(false).describe('accept only where EM and network name the same class'),
  guard: z.boolean().default(true).describe('stop and go back when the rounds collapse'),
};

const streetParams = {
  day: z.int().min(10).max(2000).default(120).describe('streets by day, with masks'),
  dusk: z.int().min(10).max(2000).default(80).describe('streets at dusk; their masks only measure'),
  darkness: z.number().min(0).max(1).default(0.4).describe('0 is day, 1 the end of dusk'),
};

export const manifest = defineSystem({
  id: 'self-train',
  title: 'Self-training',
  question: 'Can my model adapt to a new domain without labels?',
  paper: {
    title: 'Uncertainty-aware self-training with expectation maximization basis transformation',
    arxiv: '2405.01175',
  },
  tour: 'tour',
  page: { summary: 'Rounds, feature map, calibration and doubtful samples of an adaptation' },
  verbs: [
    defineVerb({
      name: 'tour',
      summary: 'digits drawn from fonts teach a network to read handwriting (MNIST) without a handwritten label',
      examples: ['tour', 'tour --rounds 6 --target 5000'],
      params: z.object({
        source: z.int().min(200).max(20_000).default(2500).describe('digits drawn from fonts'),
        target: z
          .int()
          .min(200)
          .max(60_000)
          .default(2500)
          .describe('handwritten digits whose labels are not looked at'),
        rounds: z.int().min(1).max(20).default(4).describe('rounds of self-training'),
      }),
      load: () => import('./verbs/tour.ts'),
    }),
    defineVerb({
      name: 'adapt',
      summary: 'train on labelled samples, adapt to unlabelled ones, write labels with their doubt and the network',
      examples: [
        'adapt old-camera/ new-camera/ --out run',
        'adapt half-labelled.csv --label species --out run',
        'adapt reviews.jsonl tweets.jsonl --label mood --text body --out run',
        'adapt digits:mnist digits:usps --truth label',
      ],
      writesFiles: true,
      params: z.object({
        ...pairParams,
        truth: z
          .string()
          .default('')
          .describe('column or file with true labels of the unlabelled samples, only to measure; for digits any word'),
        method: z.enum(METHODS).default('em').describe('how the target is used; em is this room’s method'),
        ...runParams,
        out: z
          .string()
          .default('')
          .meta({ kind: 'output' })
          .describe('folder for network, labels, rounds and checkpoint'),
        resume: z.boolean().default(false).describe('go on from the checkpoint in --out'),
        ...outputParams,
      }),
      load: () => import('./verbs/adapt.ts'),
    }),
    defineVerb({
      name: 'compare',
      summary: 'run several methods from one source network with equal budgets and measure them',
      examples: [
        'compare digits:mnist digits:usps',
        'compare digits:usps digits:mnist --methods em --methods cbst --methods oracle',
        'compare old.csv new.csv --label species --truth species',
      ],
      params: z.object({
        ...pairParams,
        truth: z
          .string()
          .default('label')
          .describe('column or file with true labels of the unlabelled samples; only the oracle trains on them'),
        methods: z
          .array(z.enum(METHODS))
          .min(1)
          .default([...METHODS])
          .describe('methods to run; the first is shown in full'),
        ...runParams,
      }),
      load: () => import('./verbs/compare.ts'),
    }),
    defineVerb({
      name: 'label',
      summary: 'label new samples with an adapted network',
      examples: ['label run new-camera/ --out labels.csv', 'label run more.csv --id name'],
      writesFiles: true,
      params: z.object({
        run: z.string().meta({ positional: true, kind: 'folder' }).describe('folder that `adapt --out` wrote'),
        data: z.string().meta({ positional: true }).describe(`samples: ${SAMPLES}`),
        id: z.string().default('').describe('column that names samples; default the row number'),
        out: z.string().default('').meta({ kind: 'output' }).describe('table of labels and their doubt, .csv'),
        ...outputParams,
      }),
      load: () => import('./verbs/label.ts'),
    }),
    defineVerb({
      name: 'em',
      summary: 'smooth the probabilities of a model of yours with its own features; nothing is trained',
      examples: ['em features.npy probs.npy --out smoothed.npy', 'em features.npy probs.npy --bases-per-class 4'],
      writesFiles: true,
      params: z.object({
        features: z.string().meta({ positional: true, kind: 'file' }).describe('features [N, d], .npy'),
        probs: z.string().meta({ positional: true, kind: 'file' }).describe('class probabilities [N, C], .npy'),
        beta: runParams.beta,
        sharedVariance: runParams.sharedVariance,
        basesPerClass: runParams.basesPerClass,
        iterations: z.int().min(0).max(1000).default(15).describe('most EM iterations; 0 is one E-step'),
        out: z.string().default('').meta({ kind: 'output' }).describe('smoothed labels [N, C], .npy'),
        ...outputParams,
      }),
      load: () => import('./verbs/em.ts'),
    }),
    defineVerb({
      name: 'segment',
      summary: 'adapt a pixel classifier: labelled pictures with masks, unlabelled pictures of another domain',
      examples: [
        'segment day/pictures day/masks dusk/pictures --classes classes.txt --out masks',
        'segment day/pictures day/masks dusk/pictures --height 64 --width 96 --truth dusk/masks',
      ],
      writesFiles: true,
      params: z.object({
        pictures: z.string().meta({ positional: true, kind: 'folder' }).describe('labelled pictures'),
        masks: z
          .string()
          .meta({ positional: true, kind: 'folder' })
          .describe('their masks: PNG of the same names whose grey or palette numbers are classes'),
        unlabeled: z.string().meta({ positional: true, kind: 'folder' }).describe('pictures of the other domain'),
        truth: z.string().default('').meta({ kind: 'folder' }).describe('masks of these, only to measure'),
        classes: z.string().default('').meta({ kind: 'file' }).describe('class names, one a line or a JSON list'),
        voidClass: z.int().min(0).max(255).default(255).describe('mask number that does not count'),
        height: z.int().min(8).max(512).default(32).describe('height in pixels that pictures are averaged to'),
        width: z.int().min(8).max(512).default(48).describe('width in pixels'),
        method: z.enum(METHODS).default('em').describe('how the target is used; em is this room’s method'),
        rounds: z.int().min(1).max(20).default(4).describe('rounds of self-training'),
        epochs: z.int().min(1).max(1000).default(15).describe('passes over the labelled pictures before the rounds'),
        guard: runParams.guard,
        out: z.string().default('').meta({ kind: 'output' }).describe('folder for masks and pictures of doubt'),
        ...outputParams,
      }),
      load: () => import('./verbs/segment.ts'),
    }),
    defineVerb({
      name: 'streets',
      summary: 'synthetic streets: from day to dusk, with and without the guard, beside CBST and an oracle',
      examples: ['streets', 'streets --darkness 0.3 --rounds 6'],
      params: z.object({
        ...streetParams,
        rounds: z.int().min(1).max(20).default(5).describe('rounds of self-training'),
        epochs: z.int().min(1).max(1000).default(15).describe('passes over the day before the rounds'),
      }),
      load: () => import('./verbs/streets.ts'),
    }),
    defineVerb({
      name: 'draw-streets',
      summary: 'write the synthetic streets with exact masks as folders',
      examples: ['draw-streets streets'],
      writesFiles: true,
      params: z.object({
        folder: z.string().meta({ positional: true, kind: 'output' }).describe('folder to write into'),
        ...streetParams,
        ...outputParams,
      }),
      load: () => import('./verbs/draw-streets.ts'),
    }),
  ],
});
