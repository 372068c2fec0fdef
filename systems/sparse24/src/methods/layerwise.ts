/** The methods that go through the model layer by layer: each matrix is pruned for the inputs that it receives from the
 *  already pruned layers before it. */
import { throwIfCancelled } from '@tenfold/core/base';
import type { Tensor } from '@tenfold/core/tensor';
import { applyMask, assertFinite, assertMaskable } from '../mask/mask24.ts';
import type { LoadedModel, Mask24, MethodName, PruneOutcome } from '../types.ts';
import { admmPrune } from './admm.ts';
import { layerInputsOf } from './layer-inputs.ts';
import { createPace, type Pace } from './pace.ts';
import { columnNorms, riaMask, wandaMask } from './scores.ts';
import { sparseGpt } from './sparse-gpt.ts';

export type LayerwiseMethod = Extract<
  MethodName,
  'wanda' | 'ria' | 'sparsegpt' | 'sparsegpt-update' | 'admm' | 'admm-update'
>;

interface LayerResult {
  readonly mask: Mask24;
  /** Present for methods that change kept weights. */
  readonly updated?: Float32Array;
  /** What the layers behind see instead of the masked original. */
  readonly carried?: Float32Array;
}

type PruneLayer = (
  weights: Float32Array,
  shape: readonly [number, number],
  inputs: { readonly gram: Float64Array; readonly numTokens: number },
  pace: Pace,
) => LayerResult | Promise<LayerResult>;

const PRUNE_LAYER: Readonly<Record<LayerwiseMethod, PruneLayer>> = {
  wanda: (w, shape, { gram }) => ({ mask: wandaMask(w, shape, columnNorms(gram, shape[1])) }),
  ria: (w, shape, { gram }) => ({ mask: riaMask(w, shape, columnNorms(gram, shape[1])) }),
  sparsegpt: async (w, shape, inputs, pace) => ({ mask: (await sparseGpt(w, shape, inputs, pace)).mask }),
  'sparsegpt-update': sparseGpt,
  // Its mask is better for inputs that updated layers give; SparseGPT's is not.
  admm: async (w, shape, { gram }, pace) => {
    const { mask, updated } = await admmPrune(w, shape, gram, pace);
    return { mask, carried: updated };
  },
  'admm-update': (w, shape, { gram }, pace) => admmPrune(w, shape, gram, pace),
};

export async function pruneLayerwise(
  model: LoadedModel,
  method: LayerwiseMethod,
  rows: readonly (readonly number[])[],
  { signal, onLayer }: { signal?: AbortSignal; onLayer?: (done: number, total: number) => void } = {},
): Promise<PruneOutcome> {
  const inputs = layerInputsOf(model, rows, signal);
  const masks = new Map<string, Mask24>();
  const pace = createPace(signal, method);
  const updated: Record<string, Tensor<'float32'>> = {};
  for (const [index, group] of inputs.groups.entries()) {
    throwIfCancelled(signal, method);
    const gram = await inputs.gramOf(group);
    for (const name of group) {
      const { shape, data } = model.parameters[name]!;
      assertMaskable(name, shape);
      assertFinite(name, data);
      const result = await PRUNE_LAYER[method](data, shape, { gram, numTokens: inputs.numTokens }, pace);
      masks.set(name, result.mask);
      if (result.updated) updated[name] = { dtype: 'float32', shape, data: result.updated };
      inputs.replace(name, result.updated ?? result.carried ?? applyMask(data, result.mask, name));
    }
    onLayer?.(index + 1, inputs.groups.length);
  }
  return { method, masks, ...(Object.keys(updated).length > 0 ? { updated } : {}), warnings: [] };
}
