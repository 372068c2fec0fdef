/** The 14 bugs: which call site is wrong, on which mesh it shows, and what the checker should say first.
 *  Classes after the paper's table; each is a patch of a named collective, group, buffer or schedule step. */
import type { EvidenceColumn, Hint } from '../types.ts';
import { createSimConfig, type SimConfig } from './sim-config.ts';

export type BugName =
  | 'tp-embedding-mask'
  | 'recompute-input'
  | 'cp-loss-scale'
  | 'dp-loss-scale'
  | 'tied-not-summed'
  | 'sp-router-grad'
  | 'fp8-amax-group'
  | 'zero-update'
  | 'pp-division'
  | 'recompute-precision'
  | 'overlap-flush'
  | 'cp-attention-backward'
  | 'norm-grad-twice'
  | 'sp-final-norm';

export interface Bug {
  readonly number: number;
  readonly name: BugName;
  /** What is wrong, at which call site. */
  readonly text: string;
  readonly config: SimConfig;
  readonly column: EvidenceColumn;
  /** Pattern of the first diverging id. */
  readonly firstId: RegExp;
  readonly hint?: Hint['kind'];
  /** Where a run watched by its loss alone would see nothing at step 1. */
  readonly isSilent?: boolean;
}

const bf16 = { precision: 'bfloat16' } as const;

export const BUGS: readonly Bug[] = [
  {
    number: 1,
    name: 'tp-embedding-mask',
    text: 'the mask of the vocabulary-parallel embedding ends one row early',
    config: createSimConfig({ ...bf16, mesh: { tp: 2 } }),
    column: 'forward',
    firstId: /out\/embedding\.word_embeddings$/,
    hint: 'subset',
  },
  {
    number: 2,
    name: 'recompute-input',
    text: 'every layer of a recomputed chunk reads the input of the chunk',
    config: createSimConfig({ ...bf16, recompute: 2 }),
    column: 'forward',
    firstId: /in\/decoder\.layers\.1\.input_layernorm$/,
  },
  {
    number: 3,
    name: 'cp-loss-scale',
    text: 'the loss is multiplied by CP, the gradient divided by DP alone',
    config: createSimConfig({ ...bf16, mesh: { cp: 2 } }),
    column: 'main_grad',
    firstId: /main_grad\//,
    hint: 'scale',
    isSilent: true,
  },
  {
    number: 4,
    name: 'dp-loss-scale',
    text: 'the sum of gradients over DP is not divided',
    config: createSimConfig({ ...bf16, mesh: { dp: 2 } }),
    column: 'main_grad',
    firstId: /main_grad\//,
    hint: 'scale',
    isSilent: true,
  },
  {
    number: 5,
    name: 'tied-not-summed',
    text: 'the gradients of tied embedding and head are not added across stages',
    config: createSimConfig({ ...bf16, mesh: { pp: 2, dp: 2 }, model: { isTied: true } }),
    column: 'replica',
    firstId: /main_grad\/embedding\.word_embeddings\.weight$/,
    hint: 'not-reduced',
    isSilent: true,
  },
  {
    number: 6,
    name: 'sp-router-grad',
    text: 'the router’s gradient is not summed over TP under sequence parallelism',
    config: createSimConfig({ ...bf16, mesh: { tp: 2, ep: 2 }, isSequenceParallel: true, model: { numExperts: 4 } }),
    column: 'replica',
    firstId: /main_grad\/decoder\.layers\.\d+\.mlp\.router\.weight$/,
    hint: 'not-reduced',
    isSilent: true,
  },
  {
    number: 7,
    name: 'fp8-amax-group',
    text: 'the largest magnitude is reduced over DP instead of TP, gathered FP8 codes are decoded with the reader’s scale',
    config: createSimConfig({
      precision: 'float8',
      mesh: { tp: 2 },
      isSequenceParallel: true,
      model: { isImbalanced: true },
    }),
    column: 'forward',
    firstId: /out\/decoder\.layers\.0\.self_attention\.linear_qkv$/,
  },
  {
    number: 8,
    name: 'zero-update',
    text: 'the all-gather of the last parameter bucket is never issued',
    config: createSimConfig({ ...bf16, mesh: { dp: 2 }, isZero: true, numSteps: 2 }),
    column: 'replica',
    firstId: /delta\/|param_next\//,
    hint: 'stale',
    isSilent: true,
  },
  {
    number: 9,
    name: 'pp-division',
    text: 'layers per stage are rounded down, the remainder is lost',
    config: createSimConfig({ ...bf16, mesh: { pp: 4 }, model: { numLayers: 6 } }),
    column: 'census',
    firstId: /decoder\.layers\.4$/,
    hint: 'missing-layer',
  },
  {
    number: 10,
    name: 'recompute-precision',
    text: 'the recomputed forward pass leaves the FP8 context',
    config: createSimConfig({ precision: 'float8', recompute: 2 }),
    column: 'recompute',
    firstId: /recompute_out\/decoder\.layers\.\d+\.self_attention\.linear_qkv$/,
    isSilent: true,
  },
  {
    number: 11,
    name: 'overlap-flush',
    text: 'the deferred weight gradient of the last micro-batch’s head is added after the reduction was issued',
    config: createSimConfig({ ...bf16, mesh: { tp: 2, pp: 2 } }),
    column: 'main_grad',
    firstId: /main_grad\/output_layer\.weight$/,
    isSilent: true,
  },
  {
    number: 12,
    name: 'cp-attention-backward',
    text: 'the backward pass of ring attention reads the transposed output gradient as if it were contiguous',
    config: createSimConfig({ ...bf16, mesh: { cp: 2 } }),
    column: 'backward',
    firstId: /din\/decoder\.layers\.3\.self_attention\.core_attention#[qkv]$/,
    hint: 'layout',
    isSilent: true,
  },
  {
    number: 13,
    name: 'norm-grad-twice',
    text: 'the weight gradient of the fused norm is summed over TP although its input was already gathered',
    config: createSimConfig({ precision: 'float8', mesh: { tp: 2, cp: 2 } }),
    column: 'wgrad',
    firstId: /wgrad\/decoder\.layers\.\d+\.(input|pre_mlp)_layernorm\.weight$/,
    hint: 'scale',
    isSilent: true,
  },
  {
    number: 14,
    name: 'sp-final-norm',
    text: 'the weight of the final norm is missing in the list of gradients summed over TP',
    config: createSimConfig({ ...bf16, mesh: { tp: 2 }, isSequenceParallel: true }),
    column: 'replica',
    firstId: /main_grad\/decoder\.final_layernorm\.weight$/,
    hint: 'not-reduced',
    isSilent: true,
  },
];
