/** The nouns of the 2:4 room. */
import type { LlamaConfig } from '@tenfold/core/nn';
import type { Tensor } from '@tenfold/core/tensor';

/** Which two of four consecutive weights along the inner axis stay: 0…5 = 1100, 1010, 1001, 0110, 0101, 0011.
 *  One byte a block, row-major. Invariant: the matrix has 4 × `codes.length` weights. */
export interface Mask24 {
  readonly shape: readonly [number, number];
  readonly codes: Uint8Array;
}

/** Masks by weight name. */
export type MaskSet = ReadonlyMap<string, Mask24>;

/** A decoder in memory: f32 weights in Hugging Face names, its tokenizer, and where it came from. */
export interface LoadedModel {
  readonly config: LlamaConfig;
  readonly parameters: Readonly<Record<string, Tensor<'float32'>>>;
  readonly tokenizer: TextTokenizer;
  readonly source: string;
}

export interface TextTokenizer {
  readonly vocabSize: number;
  /** Token that starts a document. */
  readonly startId: number;
  encode(text: string): number[];
  decode(ids: readonly number[]): string;
}

export type MethodName =
  | 'magnitude'
  | 'wanda'
  | 'ria'
  | 'sparsegpt'
  | 'sparsegpt-update'
  | 'admm'
  | 'admm-update'
  | 'proxsparse'
  | 'maskllm'
  | 'proxsparse+maskllm';

/** What a method found. With `updated`, kept weights changed too: such rows are always shown apart. */
export interface PruneOutcome {
  readonly method: MethodName;
  readonly masks: MaskSet;
  readonly updated?: Readonly<Record<string, Tensor<'float32'>>>;
  /** Points of a learned method: loss and share of blocks with at most two non-zeros, by step. */
  readonly history?: readonly { readonly step: number; readonly loss: number; readonly sparseShare: number }[];
  /** Share of blocks with at most two non-zeros before the mask was taken (learned methods). */
  readonly sparseShare?: number;
  readonly warnings: readonly string[];
}
