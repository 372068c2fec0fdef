/** Params that several verbs share. */
import { z } from 'zod';

export const METHOD_NAMES = [
  'magnitude',
  'wanda',
  'ria',
  'sparsegpt',
  'sparsegpt-update',
  'admm',
  'admm-update',
  'proxsparse',
  'maskllm',
  'proxsparse+maskllm',
] as const;

export const modelParam = z
  .string()
  .meta({ positional: true })
  .describe('Hugging Face folder of a Llama-style model, or a llama2.c .bin with its tokenizer beside it');

export const learnParams = {
  text: z.string().meta({ kind: 'file' }).optional().describe('calibration text; without it the model writes its own'),
  rows: z.int().min(1).default(128).describe('calibration rows'),
  context: z.int().min(8).default(192).describe('tokens per row'),
  steps: z.int().min(1).default(400).describe('steps of the learned methods'),
  lr: z
    .number()
    .positive()
    .optional()
    .describe('peak learning rate of ProxSparse; default from the size of the weights'),
  lambda1: z.number().positive().optional().describe('weight of the 2:4 regulariser, in 1/|w|'),
  kappa: z
    .number()
    .positive()
    .optional()
    .describe('λ₁ times the root mean square of each matrix, instead of lambda1; default 0.02'),
  lambda2: z.number().min(0).optional().describe('weight of the frozen-weight regulariser; default 0'),
  epsilon: z
    .number()
    .positive()
    .optional()
    .describe('ε of the frozen-weight regulariser; default the size of the weights'),
  maskLr: z.number().positive().default(0.0005).describe('peak learning rate of mask logits (maskllm)'),
};

export interface LearnParams {
  readonly text?: string | undefined;
  readonly rows: number;
  readonly context: number;
  readonly steps: number;
  readonly lr?: number | undefined;
  readonly lambda1?: number | undefined;
  readonly kappa?: number | undefined;
  readonly lambda2?: number | undefined;
  readonly epsilon?: number | undefined;
  readonly maskLr: number;
}
