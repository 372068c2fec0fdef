/** The cost formulas of the paper (Appendix A, table 1), as its simulator uses them: L tokens, D model width, N state
 *  width, 2-byte numbers, causal mask not halved, multi-head attention, Mamba-1 formula for every recurrent layer. */
import type { ModelProfile } from '../types.ts';

/** Layer counts and widths of a model as the paper describes it. */
export interface PaperModel {
  readonly name: string;
  readonly numSsm: number;
  readonly numAttention: number;
  readonly numMlp: number;
  readonly width: number;
  readonly stateWidth: number;
}

const EXPAND = 2;
const CONV = 4;

/** NVIDIA's 7B hybrid of attention and Mamba-2: 4 attention, 24 recurrent, 28 MLP layers. */
export const PAPER_7B: PaperModel = {
  name: 'paper-7b',
  numSsm: 24,
  numAttention: 4,
  numMlp: 28,
  width: 4096,
  stateWidth: 128,
};

/** Forward FLOPs of one attention layer on L tokens: 8LD² + 4L²D. */
export function attentionFlops(L: number, D: number): number {
  return 8 * L * D * D + 4 * L * L * D;
}

/** Forward FLOPs of one MLP layer (two matrices, 4D hidden): 16LD². */
export function mlpFlops(L: number, D: number): number {
  return 16 * L * D * D;
}

/** Forward FLOPs of one recurrent layer: 12LD² + 16LDN + 10LD. */
export function ssmFlops(L: number, D: number, N: number): number {
  return 12 * L * D * D + 16 * L * D * N + 10 * L * D;
}

/** Bytes of keys and values of one attention layer on L tokens: 4LD. */
export function kvBytes(L: number, D: number): number {
  return 4 * L * D;
}

/** Bytes of the recurrent and convolution state of one layer. */
export function ssmStateBytes(D: number, N: number): number {
  return 2 * D * N + (EXPAND * D + 2 * N) * CONV * 2;
}

/** The whole model as a profile (quadratic and linear part of the sums above). */
export function profileFromPaperModel(model: PaperModel): ModelProfile {
  const { numSsm, numAttention, numMlp, width: D, stateWidth: N } = model;
  return {
    name: model.name,
    stateBytes: numSsm * ssmStateBytes(D, N),
    kvBytesPerToken: numAttention * kvBytes(1, D),
    linearFlops: numSsm * ssmFlops(1, D, N) + numMlp * mlpFlops(1, D) + numAttention * 8 * D * D,
    quadraticFlops: numAttention * 4 * D,
  };
}

/** FLOPs per byte of the whole state of L tokens (paper, eq. 1). */
export function flopEfficiency(model: PaperModel, L: number): number {
  const { numSsm, numAttention, numMlp, width: D, stateWidth: N } = model;
  const flops = numSsm * ssmFlops(L, D, N) + numAttention * attentionFlops(L, D) + numMlp * mlpFlops(L, D);
  return flops / (numSsm * ssmStateBytes(D, N) + numAttention * kvBytes(L, D));
}
