/** The 14 bugs and their variants: which call site is wrong, on which mesh it shows, and what the checker should say first.
 *  Classes after the paper's table; each is a patch of a named collective, group, buffer or schedule step. */
import { nearestNameHints } from '@tenfold/core/base';
import { traceError } from '../trace-check-errors.ts';
import type { EvidenceColumn, Hint } from '../types.ts';
import { BUG_TEXTS, type BugName, type BugText } from './bug-texts.ts';
import { createSimConfig, type SimConfig } from './sim-config.ts';

export interface Bug extends BugText {
  readonly config: SimConfig;
  readonly column: EvidenceColumn;
  /** Pattern of the first diverging id. */
  readonly firstId: RegExp;
  readonly hint?: Hint['kind'];
  /** Where a run watched by its loss alone would see nothing at step 1. */
  readonly isSilent?: boolean;
}

const textOf = (name: BugName): BugText => BUG_TEXTS.find((bug) => bug.name === name)!;

const bf16 = { precision: 'bfloat16' } as const;

export const BUGS: readonly Bug[] = [
  {
    ...textOf('tp-embedding-mask'),
    config: createSimConfig({ ...bf16, mesh: { tp: 2 } }),
    column: 'forward',
    firstId: /out\/embedding\.word_embeddings$/,
    hint: 'subset',
  },
  {
    ...textOf('tp-embedding-rows'),
    config: createSimConfig({ ...bf16, mesh: { tp: 2 } }),
    column: 'forward',
    firstId: /out\/embedding\.word_embeddings$/,
    hint: 'added-rows',
  },
  {
    ...textOf('tp-embedding-sum'),
    config: createSimConfig({ ...bf16, mesh: { tp: 2 } }),
    column: 'replica',
    firstId: /out\/embedding\.word_embeddings$/,
    hint: 'not-reduced',
  },
  {
    ...textOf('recompute-input'),
    config: createSimConfig({ ...bf16, recompute: 2 }),
    column: 'forward',
    firstId: /in\/decoder\.layers\.1\.input_layernorm$/,
  },
  {
    ...textOf('cp-loss-scale'),
    config: createSimConfig({ ...bf16, mesh: { cp: 2 } }),
    column: 'main_grad',
    firstId: /main_grad\//,
    hint: 'scale',
    isSilent: true,
  },
  {
    ...textOf('dp-loss-scale'),
    config: createSimConfig({ ...bf16, mesh: { dp: 2 } }),
    column: 'main_grad',
    firstId: /main_grad\//,
    hint: 'scale',
    isSilent: true,
  },
  {
    ...textOf('dp-token-mean'),
    config: createSimConfig({ ...bf16, mesh: { dp: 2 }, model: { isMasked: true } }),
    column: 'backward',
    firstId: /mb0\/dout\/output_layer$/,
    hint: 'varying-scale',
  },
  {
    ...textOf('tied-not-summed'),
    config: createSimConfig({ ...bf16, mesh: { pp: 2, dp: 2 }, model: { isTied: true } }),
    column: 'replica',
    firstId: /main_grad\/embedding\.word_embeddings\.weight$/,
    hint: 'not-reduced',
    isSilent: true,
  },
  {
    ...textOf('tied-partition'),
    config: createSimConfig({ ...bf16, mesh: { pp: 2, dp: 2 }, isZero: true, model: { isTied: true } }),
    column: 'replica',
    firstId: /main_grad\/embedding\.word_embeddings\.weight$/,
    hint: 'contributions',
    isSilent: true,
  },
  {
    ...textOf('sp-router-grad'),
    config: createSimConfig({ ...bf16, mesh: { tp: 2, ep: 2 }, isSequenceParallel: true, model: { numExperts: 4 } }),
    column: 'replica',
    firstId: /main_grad\/decoder\.layers\.\d+\.mlp\.router\.weight$/,
    hint: 'not-reduced',
    isSilent: true,
  },
  {
    ...textOf('fp8-amax-group'),
    config: createSimConfig({
      precision: 'float8',
      mesh: { tp: 2 },
      isSequenceParallel: true,
      model: { isImbalanced: true },
    }),
    column: 'forward',
    firstId: /out\/decoder\.layers\.0\.self_attention\.linear_qkv$/,
    hint: 'scale',
  },
  {
    ...textOf('zero-update'),
    config: createSimConfig({ ...bf16, mesh: { dp: 2 }, isZero: true, numSteps: 2 }),
    column: 'replica',
    firstId: /delta\/|param_next\//,
    hint: 'stale',
    isSilent: true,
  },
  {
    ...textOf('zero-wait'),
    // In bfloat16 an update of 1e-3 drowns in the rounding of the step before.
    config: createSimConfig({ mesh: { dp: 2 }, isZero: true, numSteps: 2, numMicroBatches: 2 }),
    column: 'step2',
    firstId: /it1\/mb0\/out\/embedding\.word_embeddings$/,
    hint: 'stale',
    isSilent: true,
  },
  {
    ...textOf('pp-division'),
    config: createSimConfig({ ...bf16, mesh: { pp: 4 }, model: { numLayers: 9 } }),
    column: 'census',
    firstId: /decoder\.layers\.8$/,
    hint: 'missing-layer',
    isSilent: true,
  },
  {
    ...textOf('recompute-precision'),
    config: createSimConfig({ precision: 'float8', recompute: 2 }),
    column: 'recompute',
    firstId: /recompute_out\/decoder\.layers\.\d+\.self_attention\.linear_qkv$/,
    isSilent: true,
  },
  {
    ...textOf('fp8-grad-amax'),
    config: createSimConfig({
      precision: 'float8',
      recompute: 2,
      fp8Scaling: 'delayed',
      numWarmUpSteps: 3,
      numMicroBatches: 2,
      lossScale: 2 ** -9,
    }),
    column: 'backward',
    firstId: /scale\/decoder\.layers\.3\.mlp\.linear_fc2#grad$/,
    hint: 'frozen-scale',
    isSilent: true,
  },
  {
    ...textOf('fp8-scale-reference'),
    config: createSimConfig({ precision: 'float8', recompute: 2, fp8Scaling: 'delayed', numMicroBatches: 2 }),
    column: 'recompute',
    firstId: /mb1\/recompute_out\/decoder\.layers\.\d+\.self_attention\.linear_qkv$/,
    isSilent: true,
  },
  {
    ...textOf('overlap-flush'),
    config: createSimConfig({ ...bf16, mesh: { tp: 2, pp: 2 } }),
    column: 'main_grad',
    firstId: /main_grad\/output_layer\.weight$/,
    hint: 'contributions',
    isSilent: true,
  },
  {
    ...textOf('overlap-buffer'),
    config: createSimConfig({ ...bf16, mesh: { tp: 4 }, isSequenceParallel: true, isOverlapped: true }),
    column: 'wgrad',
    firstId: /wgrad\/(decoder\.layers\.\d+\..*\.linear_(qkv|fc1)|output_layer)\.weight$/,
    hint: 'operands',
    isSilent: true,
  },
  {
    ...textOf('cp-attention-backward'),
    config: createSimConfig({ ...bf16, mesh: { cp: 2 } }),
    column: 'backward',
    firstId: /din\/decoder\.layers\.3\.self_attention\.core_attention#[qkv]$/,
    hint: 'layout',
    isSilent: true,
  },
  {
    ...textOf('cp-ring-first-block'),
    config: createSimConfig({ ...bf16, mesh: { cp: 2 } }),
    column: 'backward',
    firstId: /din\/decoder\.layers\.3\.self_attention\.core_attention#[qkv]$/,
    hint: 'ring',
    isSilent: true,
  },
  {
    ...textOf('cp-ring-owner'),
    config: createSimConfig({ ...bf16, mesh: { cp: 2 } }),
    column: 'backward',
    firstId: /din\/decoder\.layers\.3\.self_attention\.core_attention#[kv]$/,
    hint: 'permutation',
    isSilent: true,
  },
  {
    ...textOf('cp-ring-local-lse'),
    config: createSimConfig({ ...bf16, mesh: { cp: 2 } }),
    column: 'backward',
    firstId: /din\/decoder\.layers\.3\.self_attention\.core_attention#[qkv]$/,
    hint: 'ring',
    isSilent: true,
  },
  {
    ...textOf('norm-grad-twice'),
    config: createSimConfig({ precision: 'float8', mesh: { tp: 2, cp: 2 } }),
    column: 'wgrad',
    firstId: /wgrad\/decoder\.layers\.\d+\.(input|pre_mlp)_layernorm\.weight$/,
    hint: 'scale',
    isSilent: true,
  },
  {
    ...textOf('sp-final-norm'),
    config: createSimConfig({ ...bf16, mesh: { tp: 2 }, isSequenceParallel: true }),
    column: 'replica',
    firstId: /main_grad\/decoder\.final_layernorm\.weight$/,
    hint: 'not-reduced',
    isSilent: true,
  },
];

/** @param text  name, number or label
 *  @throws TF-TRACE-016 if there is none */
export function findBug(text: string, subject: string): Bug {
  const bug = BUGS.find(({ name, label }) => name === text || label === text);
  if (bug) return bug;
  throw traceError('TF-TRACE-016', {
    subject,
    expected: `a bug by name or by number (${BUGS.map(({ label }) => label).join(' ')})`,
    actual: JSON.stringify(text),
    hints: nearestNameHints(
      text,
      BUGS.map(({ name }) => name),
    ),
  });
}
