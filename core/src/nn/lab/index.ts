/** Verbs of the lab that core/nn brings. */
import { z } from 'zod';
import type { VerbManifest } from '../../system/index.ts';

const DEFAULT_EPOCHS = 3;
const DEFAULT_BATCH = 64;

const trainDigitsParams = z.object({
  epochs: z.int().min(1).default(DEFAULT_EPOCHS).describe('passes over the training digits'),
  batch: z.int().min(1).default(DEFAULT_BATCH).describe('digits per update'),
  out: z.string().default('').meta({ kind: 'output' }).describe('folder for checkpoint and ONNX file; default: cache'),
  maxItems: z.int().min(0).default(0).describe('use only the first so many digits of each split; 0 for all'),
  minAccuracy: z.number().min(0).max(1).default(0.985).describe('the check fails below this test accuracy (ratio)'),
  force: z.boolean().default(false).describe('overwrite files'),
  dryRun: z.boolean().default(false).describe('write no files'),
});

export const trainDigitsVerb: VerbManifest<typeof trainDigitsParams> = {
  name: 'train-digits',
  summary: 'train a small network on handwritten digits, save, reload, export and compare',
  examples: ['train-digits', 'train-digits --epochs 1', 'train-digits --out digits --seed 7'],
  params: trainDigitsParams,
  load: () => import('./train-digits.ts'),
  writesFiles: true,
};

export const labVerbs: readonly VerbManifest[] = [trainDigitsVerb as unknown as VerbManifest];
