/** Reads a hybrid model in Nemotron-H layout (config.json, model.safetensors) into one memory: matrices packed in panels
 *  of eight outputs, the rest as they are. */
import { join } from 'node:path';
import { readSafetensors } from '@tenfold/core/data';
import { numbersFromTensor } from '@tenfold/core/tensor';
import { readHybridConfig, unusable, type HybridConfig } from './hybrid-config.ts';

/** A matrix [outputs, inputs] in panels; `offset` in floats. */
export interface PackedMatrix {
  readonly offset: number;
  readonly inputs: number;
  readonly outputs: number;
}

export type HybridLayer = { readonly norm: Float32Array } & (
  | {
      readonly kind: 'mamba';
      readonly inProj: PackedMatrix;
      readonly outProj: PackedMatrix;
      /** [channels, taps] */
      readonly conv: Float32Array;
      readonly convBias: Float32Array;
      readonly dtBias: Float32Array;
      /** −exp(A_log) */
      readonly decay: Float32Array;
      readonly skip: Float32Array;
      readonly gateNorm: Float32Array;
    }
  | {
      readonly kind: 'attention';
      readonly q: PackedMatrix;
      readonly k: PackedMatrix;
      readonly v: PackedMatrix;
      readonly o: PackedMatrix;
    }
  | { readonly kind: 'mlp'; readonly up: PackedMatrix; readonly down: PackedMatrix }
);

export interface HybridWeights {
  readonly config: HybridConfig;
  readonly layers: readonly HybridLayer[];
  /** [vocabulary, width] */
  readonly embeddings: Float32Array;
  readonly head: PackedMatrix;
  readonly finalNorm: Float32Array;
  /** All packed matrices, one after another. */
  readonly packed: Float32Array;
}

const PANEL = 8;

/** @throws TF-PREFIX-007 if a file, field or tensor is missing */
export async function readHybridWeights(folder: string): Promise<HybridWeights> {
  const config = await readHybridConfig(folder);
  const tensors = await readSafetensors(join(folder, 'model.safetensors'));
  const floats = (name: string): Float32Array => {
    const tensor = tensors.get(`backbone.${name}`);
    if (tensor === undefined) throw unusable(`a tensor backbone.${name}`, folder);
    return Float32Array.from(numbersFromTensor(tensor));
  };
  const panels: Float32Array[] = [];
  let end = 0;
  const packFloats = (values: Float32Array, outputs: number): PackedMatrix => {
    const inputs = values.length / outputs;
    const panel = packPanels(values, outputs, inputs);
    panels.push(panel);
    const matrix = { offset: end, inputs, outputs };
    end += panel.length;
    return matrix;
  };
  const pack = (name: string, outputs: number): PackedMatrix => packFloats(floats(`${name}.weight`), outputs);
  const { width, inner, stateWidth, heads, hidden } = config;
  const channels = inner + 2 * stateWidth;
  const layers = Array.from(config.pattern, (letter, i): HybridLayer => {
    const at = `layers.${i}.mixer`;
    const norm = floats(`layers.${i}.norm.weight`);
    if (letter === '-')
      return { kind: 'mlp', norm, up: pack(`${at}.up_proj`, hidden), down: pack(`${at}.down_proj`, width) };
    if (letter === '*') {
      const size = config.attentionHeads * config.attentionWidth;
      const [q, k, v] = [pack(`${at}.q_proj`, size), pack(`${at}.k_proj`, size), pack(`${at}.v_proj`, size)];
      return { kind: 'attention', norm, q, k, v, o: pack(`${at}.o_proj`, width) };
    }
    return {
      kind: 'mamba',
      norm,
      inProj: pack(`${at}.in_proj`, inner + channels + heads),
      outProj: pack(`${at}.out_proj`, width),
      conv: floats(`${at}.conv1d.weight`),
      convBias: floats(`${at}.conv1d.bias`),
      dtBias: floats(`${at}.dt_bias`),
      decay: floats(`${at}.A_log`).map((value) => -Math.exp(value)),
      skip: floats(`${at}.D`),
      gateNorm: floats(`${at}.norm.weight`),
    };
  });
  const embeddings = floats('embeddings.weight');
  const head = packFloats(embeddings, config.vocabulary);
  const packed = new Float32Array(end);
  let at = 0;
  for (const panel of panels) {
    packed.set(panel, at);
    at += panel.length;
  }
  return { config, layers, embeddings, head, finalNorm: floats('norm_f.weight'), packed };
}

/** [outputs, inputs] → [outputs / 8][inputs][8]. */
function packPanels(values: Float32Array, outputs: number, inputs: number): Float32Array {
  const packed = new Float32Array(values.length);
  for (let output = 0; output < outputs; output++) {
    const panel = Math.floor(output / PANEL) * PANEL * inputs + (output % PANEL);
    for (let k = 0; k < inputs; k++) packed[panel + k * PANEL] = values[output * inputs + k]!;
  }
  return packed;
}
