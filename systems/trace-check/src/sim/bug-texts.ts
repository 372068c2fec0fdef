/** Names of the 14 bugs and what is wrong in each: for the simulator, the command line and the page. */
export interface BugText {
  readonly number: number;
  readonly name: BugName;
  /** What is wrong, at which call site. */
  readonly text: string;
}

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

export const BUG_TEXTS: readonly BugText[] = [
  { number: 1, name: 'tp-embedding-mask', text: 'the mask of the vocabulary-parallel embedding ends one row early' },
  { number: 2, name: 'recompute-input', text: 'every layer of a recomputed chunk reads the input of the chunk' },
  { number: 3, name: 'cp-loss-scale', text: 'the loss is multiplied by CP, the gradient divided by DP alone' },
  { number: 4, name: 'dp-loss-scale', text: 'the sum of gradients over DP is not divided' },
  { number: 5, name: 'tied-not-summed', text: 'the gradients of tied embedding and head are not added across stages' },
  { number: 6, name: 'sp-router-grad', text: 'the router’s gradient is not summed over TP under sequence parallelism' },
  {
    number: 7,
    name: 'fp8-amax-group',
    text: 'the largest magnitude is reduced over DP instead of TP, gathered FP8 codes are decoded with the reader’s scale',
  },
  { number: 8, name: 'zero-update', text: 'the all-gather of the last parameter bucket is never issued' },
  { number: 9, name: 'pp-division', text: 'layers per stage are rounded down, the remainder is lost' },
  { number: 10, name: 'recompute-precision', text: 'the recomputed forward pass leaves the FP8 context' },
  {
    number: 11,
    name: 'overlap-flush',
    text: 'the deferred weight gradient of the last micro-batch’s head is added after the reduction was issued',
  },
  {
    number: 12,
    name: 'cp-attention-backward',
    text: 'the backward pass of ring attention reads the transposed output gradient as if it were contiguous',
  },
  {
    number: 13,
    name: 'norm-grad-twice',
    text: 'the weight gradient of the fused norm is summed over TP although its input was already gathered',
  },
  {
    number: 14,
    name: 'sp-final-norm',
    text: 'the weight of the final norm is missing in the list of gradients summed over TP',
  },
];
