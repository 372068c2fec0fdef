/** Co-teaching: two networks, each trained on the samples of a batch that the other one finds easy.
 *  Source: Han et al. 2018 (arXiv 1804.06872), algorithm 1. */
import type { Tensor } from '@tenfold/core/tensor';

/** Epochs over which the share of left-out samples grows from 0 to the forget rate. */
const RAMP_EPOCHS = 5;

/** Share of a batch that is trained on. @param epoch  from 0 @param forgetRate  share of labels taken to be wrong, 0..1 */
export function keptShare(epoch: number, forgetRate: number): number {
  return 1 - forgetRate * Math.min(epoch / RAMP_EPOCHS, 1);
}

/** 1 for the samples of smallest cross entropy, 0 for the others; of equal ones the first are kept.
 *  @param logits  [B, K] of the other network @param labels  [B] classes
 *  @returns [B] with max(1, round(share · B)) ones */
export function smallLossWeights(
  logits: Float32Array,
  labels: ArrayLike<number>,
  share: number,
): Tensor<'float32'> & { readonly data: Float32Array } {
  const count = labels.length;
  const numClasses = logits.length / count;
  const losses = Float64Array.from({ length: count }, (_, i) => {
    const row = logits.subarray(i * numClasses, (i + 1) * numClasses);
    const largest = row.reduce((a, b) => Math.max(a, b));
    return largest + Math.log(row.reduce((sum, z) => sum + Math.exp(z - largest), 0)) - row[labels[i]];
  });
  const order = Uint32Array.from(losses.keys()).sort((a, b) => losses[a] - losses[b] || a - b);
  const data = new Float32Array(count);
  for (const i of order.subarray(0, Math.max(1, Math.round(share * count)))) data[i] = 1;
  return { dtype: 'float32', shape: [count], data };
}
