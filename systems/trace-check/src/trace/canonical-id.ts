/** Canonical ids: `it0/mb1/out/decoder.layers.3.mlp#gate`. One string for one logical tensor, whatever the sharding. */
import { traceError } from '../trace-check-errors.ts';
import type { CanonicalId, TensorKind } from '../types.ts';

const PATTERN = /^it(\d+)(?:\/mb(\d+))?\/(opt\/[mv]|[a-z_]+)\/([^#\s]+)(?:#(.+))?$/;

/** Kinds in the order of a step; true where the loss factor is divided out. */
export const KINDS: Readonly<Record<TensorKind, { readonly phase: number; readonly isLossScaled: boolean }>> = {
  param: { phase: 0, isLossScaled: false },
  in: { phase: 1, isLossScaled: false },
  out: { phase: 1, isLossScaled: false },
  route: { phase: 1, isLossScaled: false },
  amax: { phase: 1, isLossScaled: false },
  scale: { phase: 1, isLossScaled: false },
  recompute_out: { phase: 2, isLossScaled: false },
  dout: { phase: 3, isLossScaled: true },
  din: { phase: 3, isLossScaled: true },
  wgrad: { phase: 4, isLossScaled: true },
  main_grad: { phase: 5, isLossScaled: false },
  scalar: { phase: 6, isLossScaled: false },
  'opt/m': { phase: 7, isLossScaled: false },
  'opt/v': { phase: 7, isLossScaled: false },
  delta: { phase: 8, isLossScaled: false },
  param_next: { phase: 9, isLossScaled: false },
};

/** @throws TF-TRACE-012 if the text is no id */
export function parseId(text: string): CanonicalId {
  const match = PATTERN.exec(text);
  if (!match || !(match[3]! in KINDS))
    throw traceError('TF-TRACE-012', {
      subject: 'parseId',
      expected: 'an id like it0/mb0/out/decoder.layers.0.mlp',
      actual: JSON.stringify(text),
    });
  const [, iteration, microBatch, kind, module, slot] = match;
  return {
    iteration: Number(iteration),
    ...(microBatch === undefined ? {} : { microBatch: Number(microBatch) }),
    kind: kind as TensorKind,
    module: module!,
    ...(slot === undefined ? {} : { slot }),
  };
}

export function formatId({ iteration, microBatch, kind, module, slot }: CanonicalId): string {
  const batch = microBatch === undefined ? '' : `/mb${microBatch}`;
  return `it${iteration}${batch}/${kind}/${module}${slot === undefined ? '' : `#${slot}`}`;
}

const WRAPPERS = /^(?:module\.|_fsdp_wrapped_module\.|_orig_mod\.|model\.(?=module\.))+/;
/** Names under which fused layers keep parameters of another module. */
const ALIASES: readonly (readonly [RegExp, string])[] = [
  [/\b_fsdp_wrapped_module\.|\b_orig_mod\.|\b_checkpoint_wrapped_module\./g, ''],
  [/self_attention\.linear_qkv\.layer_norm_(weight|bias)$/, 'input_layernorm.$1'],
  [/mlp\.linear_fc1\.layer_norm_(weight|bias)$/, 'pre_mlp_layernorm.$1'],
  [/mlp\.experts\.linear_(fc[12])\.weight(\d+)$/, 'mlp.experts.$2.linear_$1.weight'],
  [/mlp\.experts\.local_experts\.(\d+)\./, 'mlp.experts.$1.'],
];

/** Name in the single-device model: wrappers stripped, aliases of fused layers resolved, stage-local layer made global.
 *  @param layerOffset  added to the layer index; @param expertOffset  added to the expert index */
export function canonicalModule(name: string, layerOffset = 0, expertOffset = 0): string {
  let path = name.replace(WRAPPERS, '');
  for (const [pattern, replacement] of ALIASES) path = path.replace(pattern, replacement);
  path = path.replace(/(\blayers\.)(\d+)/, (_, head: string, index: string) => `${head}${Number(index) + layerOffset}`);
  return path.replace(
    /(\bexperts\.)(\d+)/,
    (_, head: string, index: string) => `${head}${Number(index) + expertOffset}`,
  );
}

/** Global layer index in a path, or undefined. */
export function layerOfModule(module: string): number | undefined {
  const match = /\blayers\.(\d+)\b/.exec(module);
  return match ? Number(match[1]) : undefined;
}
