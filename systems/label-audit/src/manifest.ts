/** The room's manifest: data only; algorithms load when a verb runs. */
import { defineSystem, defineVerb, outputParams } from '@tenfold/core/system';
import { z } from 'zod';
import { AUGMENTATIONS, BACKBONES, FILTERS, LABEL_LOSSES, SCORES } from './types.ts';

const inputParams = {
  data: z
    .string()
    .meta({ positional: true })
    .describe('table (.csv, .tsv, .parquet, .jsonl), labels (.npy), folder of images named by label, or CIFAR (.bin)'),
  label: z.string().default('label').describe('column with the labels'),
  probs: z
    .string()
    .default('')
    .meta({ kind: 'file' })
    .describe('predicted probabilities [N, K], .npy, of models that did not train on the sample'),
  features: z.string().default('').meta({ kind: 'file' }).describe('embeddings [N, d] or images [N, C, H, W], .npy'),
  columns: z.array(z.string()).default([]).describe('feature columns; default all numeric ones but row numbers'),
  text: z.string().default('').describe('column with texts, turned into TF-IDF features'),
  group: z.string().default('').describe('column whose equal values stay in one fold'),
  truth: z.string().default('').describe('column with true labels, to measure the audit'),
  id: z.string().default('').describe('column that names the samples; default the row number'),
  imageSize: z.int().min(8).max(256).default(32).describe('side in pixels that images are averaged into'),
};

const trainingParams = {
  epochs: z.int().min(1).max(1000).default(15).describe('passes over the training samples'),
  batch: z.int().min(2).default(128).describe('samples per update'),
  backbone: z
    .enum(['auto', ...BACKBONES])
    .default('auto')
    .describe('network before the head; auto: sce-mini for colour images, else mlp'),
  augment: z.enum(AUGMENTATIONS).default('none').describe('random changes of the training images'),
  head: z
    .enum(['distance', 'linear'])
    .default('distance')
    .describe('class centres with a potential, or a linear layer'),
  loss: z.enum(LABEL_LOSSES).default('sce').describe('label loss'),
};

export const manifest = defineSystem({
  id: 'label-audit',
  title: 'Label audit',
  question: 'Which labels of my data set are wrong, and what should they be?',
  paper: { title: 'Potential Energy based Mixture Model for Noisy Label Learning', arxiv: '2405.01186' },
  tour: 'tour',
  page: { summary: 'Reviews suspicious labels one by one, with the noise matrix and the class centres' },
  verbs: [
    defineVerb({
      name: 'tour',
      summary: 'MNIST with a fifth of its labels made wrong, audited and repaired; and the real test labels',
      examples: ['tour'],
      params: z.object({
        train: z.int().min(500).max(60_000).default(5000).describe('training digits that get wrong labels'),
        test: z.int().min(500).max(10_000).default(10_000).describe('real test digits that are audited'),
        epochs: z.int().min(1).default(5).describe('passes of each fold'),
        noise: z.number().min(0).max(0.9).default(0.2).describe('share of labels made wrong, 0..1'),
      }),
      load: () => import('./verbs/tour.ts'),
    }),
    defineVerb({
      name: 'audit',
      summary: 'rank the suspicious labels and propose repairs',
      examples: [
        'audit animals.csv --label species --out audited',
        'audit labels.npy --probs probs.npy',
        'audit photos/ --epochs 10 --out audited',
        'audit reviews.jsonl --label sentiment --text body',
      ],
      writesFiles: true,
      params: z.object({
        ...inputParams,
        classes: z.array(z.string()).default([]).describe('class names in the order of the probability columns'),
        filter: z.enum(FILTERS).default('prune_by_noise_rate').describe('which labels count as suspicious'),
        score: z.enum(SCORES).default('normalized_margin').describe('what the list is ranked by'),
        adjust: z.boolean().default(true).describe('subtract class thresholds before scoring'),
        fracNoise: z.number().min(0).max(1).default(1).describe('share of the estimated errors that is flagged, 0..1'),
        folds: z.int().min(2).max(50).default(5).describe('folds of the cross-validation'),
        ...trainingParams,
        maxIssues: z.int().min(1).default(1000).describe('longest issue list that is kept'),
        out: z
          .string()
          .default('')
          .meta({ kind: 'output' })
          .describe('folder for corrected table, mask, JSON and HTML report'),
        format: z.enum(['csv', 'parquet']).default('csv').describe('of the corrected table'),
        ...outputParams,
      }),
      load: () => import('./verbs/audit.ts'),
    }),
    defineVerb({
      name: 'train',
      summary: 'train a classifier that survives wrong labels; safetensors and ONNX',
      examples: ['train animals.csv --label species --out model', 'train photos/ --epochs 30 --out model'],
      writesFiles: true,
      params: z.object({
        ...inputParams,
        ...trainingParams,
        headScale: z.enum(['one', 'sqrtd', 'learned']).default('one').describe('factor of the squared distances'),
        learningRate: z.number().positive().default(0.01).describe('peak of the cosine'),
        weightDecay: z.number().min(0).default(0.01).describe('pull of weights to zero'),
        alpha: z.number().min(0).optional().describe('weight of cross entropy in sce (0.1) and nce+rce (1)'),
        beta: z.number().min(0).default(1).describe('weight of reverse cross entropy in sce and nce+rce'),
        q: z.number().gt(0).max(1).default(0.7).describe('exponent of gce: 0 is cross entropy, 1 mean absolute error'),
        forgetRate: z
          .number()
          .min(0)
          .max(0.95)
          .default(0.2)
          .describe('share of labels that co-teaching takes to be wrong, 0..1'),
        warmupEpochs: z.int().min(0).default(0).describe('first epochs with plain cross entropy'),
        prior: z
          .enum(['uniform', 'empirical'])
          .default('uniform')
          .describe('priors of the mixture; empirical: the shares of the labels'),
        repulsion: z.number().positive().default(3).describe('exponent s of the potential r^-s - r^-t, above t'),
        attraction: z.number().positive().default(2).describe('exponent t of the potential'),
        potentialWeight: z.number().min(0).default(2).describe('weight of the energy of the centres'),
        reconstructionWeight: z.number().min(0).default(1).describe('weight of the mixture reconstruction'),
        compat: z
          .enum(['none', 'official'])
          .default('none')
          .describe('official: schedule, decay, clamp and evaluation dropout of the published code'),
        holdOut: z.number().min(0.01).max(0.5).default(0.1).describe('share of samples that only measure, 0..1'),
        out: z
          .string()
          .default('')
          .meta({ kind: 'output' })
          .describe('folder for model.safetensors, model.onnx and model.json'),
        ...outputParams,
      }),
      load: () => import('./verbs/train.ts'),
    }),
    defineVerb({
      name: 'noise',
      summary: 'make some labels of a table wrong and keep the true ones beside them',
      examples: [
        'noise animals.csv --label species --rate 0.2 --out noisy.csv',
        'noise animals.csv --label species --kind asymmetric --pairs "cat>dog,dog>cat" --out noisy.csv',
      ],
      writesFiles: true,
      params: z.object({
        data: z.string().meta({ positional: true, kind: 'file' }).describe('table (.csv, .tsv, .parquet, .jsonl)'),
        label: z.string().default('label').describe('column with the labels'),
        kind: z
          .enum(['symmetric', 'asymmetric', 'superclass', 'matrix', 'instance'])
          .default('symmetric')
          .describe('how wrong labels are chosen'),
        rate: z.number().min(0).max(1).default(0.2).describe('share of labels made wrong, 0..1'),
        pairs: z.array(z.string()).default([]).describe('for asymmetric: from>to'),
        groupSize: z.int().min(2).default(5).describe('for superclass: consecutive classes that are mistaken in turn'),
        probs: z
          .string()
          .default('')
          .meta({ kind: 'file' })
          .describe('for instance: probabilities [N, K] of a model, .npy; its doubtful samples get its second choice'),
        matrix: z
          .string()
          .default('')
          .meta({ kind: 'file' })
          .describe('for matrix: p(given | true) [K, K], .npy, columns sum to 1'),
        compat: z.enum(['none', 'official']).default('none').describe('official: pairs act on labels already changed'),
        out: z.string().meta({ kind: 'output' }).describe('file to write, .csv or .parquet'),
        ...outputParams,
      }),
      load: () => import('./verbs/noise.ts'),
    }),
    defineVerb({
      name: 'annotators',
      summary: 'consensus labels from several votes per sample, and the quality of each annotator',
      examples: ['annotators votes.csv --sample item --annotator worker --label answer --out consensus.csv'],
      writesFiles: true,
      params: z.object({
        votes: z.string().meta({ positional: true, kind: 'file' }).describe('table with one vote a row'),
        sample: z.string().default('sample').describe('column that names the sample'),
        annotator: z.string().default('annotator').describe('column that names the annotator'),
        label: z.string().default('label').describe('column with the vote'),
        out: z.string().default('').meta({ kind: 'output' }).describe('file for the consensus, .csv or .parquet'),
        ...outputParams,
      }),
      load: () => import('./verbs/annotators.ts'),
    }),
    defineVerb({
      name: 'apply',
      summary: 'write the decisions of a review into the table',
      examples: ['apply animals.csv --label species --decisions decisions.json --out reviewed.csv'],
      writesFiles: true,
      params: z.object({
        data: z.string().meta({ positional: true, kind: 'file' }).describe('table (.csv, .tsv, .parquet, .jsonl)'),
        decisions: z.string().meta({ kind: 'file' }).describe('decisions exported by the page, .json'),
        label: z.string().default('label').describe('column with the labels'),
        out: z.string().meta({ kind: 'output' }).describe('file to write, .csv or .parquet'),
        ...outputParams,
      }),
      load: () => import('./verbs/apply.ts'),
    }),
    defineVerb({
      name: 'verify',
      summary: 'minimise the energy of the class centres and compare with theory',
      examples: ['verify', 'verify --classes 4 --width 2'],
      params: z.object({
        classes: z.int().min(2).max(200).default(10).describe('number of centres'),
        width: z.int().min(1).max(2048).default(64).describe('dimensions of feature space'),
        starts: z.int().min(1).max(1000).default(5).describe('random starts'),
      }),
      load: () => import('./verbs/verify.ts'),
    }),
  ],
});
