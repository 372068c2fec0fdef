/** Names of the 14 bugs and their variants, and what is wrong in each: for the simulator, the command line and the page. */
export interface BugText {
  readonly number: number;
  /** Number and, for further variants of the same patch, a letter: `12`, `12b`. */
  readonly label: string;
  readonly name: BugName;
  /** What is wrong, at which call site. */
  readonly text: string;
}

export type BugName =
  | 'tp-embedding-mask'
  | 'tp-embedding-rows'
  | 'tp-embedding-sum'
  | 'recompute-input'
  | 'cp-loss-scale'
  | 'dp-loss-scale'
  | 'dp-token-mean'
  | 'tied-not-summed'
  | 'tied-partition'
  | 'sp-router-grad'
  | 'fp8-amax-group'
  | 'zero-update'
  | 'zero-wait'
  | 'pp-division'
  | 'recompute-precision'
  | 'fp8-grad-amax'
  | 'fp8-scale-reference'
  | 'overlap-flush'
  | 'overlap-buffer'
  | 'cp-attention-backward'
  | 'cp-ring-first-block'
  | 'cp-ring-owner'
  | 'cp-ring-local-lse'
  | 'norm-grad-twice'
  | 'sp-final-norm';

export const BUG_TEXTS: readonly BugText[] = [
  {
    number: 1,
    label: '1',
    name: 'tp-embedding-mask',
    text: 'the mask of the vocabulary-parallel embedding ends one row early',
  },
  {
    number: 1,
    label: '1b',
    name: 'tp-embedding-rows',
    text: 'the lookup of foreign ids takes row 0 and its result is not zeroed: every rank adds its first row',
  },
  {
    number: 1,
    label: '1c',
    name: 'tp-embedding-sum',
    text: 'the sum over TP after the vocabulary-parallel lookup is left out',
  },
  {
    number: 2,
    label: '2',
    name: 'recompute-input',
    text: 'every layer of a recomputed chunk reads the input of the chunk',
  },
  {
    number: 3,
    label: '3',
    name: 'cp-loss-scale',
    text: 'the loss is multiplied by CP, the gradient divided by DP alone',
  },
  { number: 4, label: '4', name: 'dp-loss-scale', text: 'the sum of gradients over DP is not divided' },
  {
    number: 4,
    label: '4b',
    name: 'dp-token-mean',
    text: 'every rank divides its loss by its own number of valid tokens instead of the number of all ranks',
  },
  {
    number: 5,
    label: '5',
    name: 'tied-not-summed',
    text: 'the gradients of tied embedding and head are not added across stages',
  },
  {
    number: 5,
    label: '5b',
    name: 'tied-partition',
    text: 'gradients are reduce-scattered first, in ranges that differ between the stages, and the tied copies are added after',
  },
  {
    number: 6,
    label: '6',
    name: 'sp-router-grad',
    text: 'the router’s gradient is not summed over TP under sequence parallelism',
  },
  {
    number: 7,
    label: '7',
    name: 'fp8-amax-group',
    text: 'the largest magnitude is reduced over DP instead of TP, gathered FP8 codes are decoded with the reader’s scale',
  },
  { number: 8, label: '8', name: 'zero-update', text: 'the all-gather of the last parameter bucket is never issued' },
  {
    number: 8,
    label: '8b',
    name: 'zero-wait',
    text: 'the forward pass looks the gather of a bucket up in a list in backward order, does not find it and does not wait',
  },
  { number: 9, label: '9', name: 'pp-division', text: 'layers per stage are rounded down, the remainder is lost' },
  { number: 10, label: '10', name: 'recompute-precision', text: 'the recomputed forward pass leaves the FP8 context' },
  {
    number: 10,
    label: '10b',
    name: 'fp8-grad-amax',
    text: 'recomputation loses the mark of the first module: scales of gradients are never updated and stay 1',
  },
  {
    number: 10,
    label: '10c',
    name: 'fp8-scale-reference',
    text: 'the scales for the recomputed pass are kept by reference: it sees those of the next step',
  },
  {
    number: 11,
    label: '11',
    name: 'overlap-flush',
    text: 'the deferred weight gradient of the last micro-batch’s head is added after the reduction was issued',
  },
  {
    number: 11,
    label: '11b',
    name: 'overlap-buffer',
    text: 'queued weight gradients read one of two gather buffers after a later chunk has overwritten it',
  },
  {
    number: 12,
    label: '12',
    name: 'cp-attention-backward',
    text: 'the backward pass of ring attention reads the transposed output gradient as if it were contiguous',
  },
  {
    number: 12,
    label: '12b',
    name: 'cp-ring-first-block',
    text: 'the backward pass of ring attention uses the keys and values of its first step in all steps',
  },
  {
    number: 12,
    label: '12c',
    name: 'cp-ring-owner',
    text: 'the last hop of the ring is left out: gradients of keys and values stay on a neighbour',
  },
  {
    number: 12,
    label: '12d',
    name: 'cp-ring-local-lse',
    text: 'the backward pass of ring attention uses the log-sum-exp of the own block instead of the merged one',
  },
  {
    number: 13,
    label: '13',
    name: 'norm-grad-twice',
    text: 'the weight gradient of the fused norm is summed over TP although its input was already gathered',
  },
  {
    number: 14,
    label: '14',
    name: 'sp-final-norm',
    text: 'the weight of the final norm is missing in the list of gradients summed over TP',
  },
];
