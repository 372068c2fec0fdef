/** Compositions of sequence models: causal depthwise convolution and rotary tables. */
import { createTensor, type Tensor } from '../../tensor/index.ts';
import type { GraphBuilder } from '../build/graph-builder.ts';
import type { GraphValue } from '../types.ts';

/** Depthwise convolution that sees the present and the K − 1 tokens before.
 *  @param x [B, C, T] @param w [C, 1, K] @param bias [C]
 *  @returns [B, C, T] */
export function causalConv1d(g: GraphBuilder, x: GraphValue, w: GraphValue, bias?: GraphValue): GraphValue {
  const kernel = w.shape[2]!;
  return g.conv(x, w, { group: w.shape[0]!, pads: [kernel - 1, 0], ...(bias === undefined ? {} : { bias }) });
}

export interface RotaryTableOptions {
  readonly numTokens: number;
  /** Rotated width R, even. */
  readonly width: number;
  /** Default 10000. */
  readonly base?: number;
  /** Position of the first row, default 0. */
  readonly start?: number;
}

/** cos and sin tables [T, R/2] f32 for RotaryEmbedding: angle = position · base^(−2i/R). */
export function rotaryTables({ numTokens, width, base = 10000, start = 0 }: RotaryTableOptions): {
  readonly cos: Tensor<'float32'>;
  readonly sin: Tensor<'float32'>;
} {
  const half = width / 2;
  const cos = createTensor('float32', [numTokens, half]);
  const sin = createTensor('float32', [numTokens, half]);
  for (let token = 0; token < numTokens; token++) {
    for (let i = 0; i < half; i++) {
      const angle = (start + token) * base ** ((-2 * i) / width);
      cos.data[token * half + i] = Math.cos(angle);
      sin.data[token * half + i] = Math.sin(angle);
    }
  }
  return { cos, sin };
}
