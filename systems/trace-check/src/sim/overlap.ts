/** A weight gradient whose sequence-sharded input is gathered again in the backward pass, chunk by chunk around the TP
 *  ring into two buffers, while products of earlier chunks are still queued. */
import { matMulRows } from './kernels.ts';
import { passAround, type RankState } from './rank-state.ts';

const NUM_BUFFERS = 2;

/** dW of the gathered rows; `g` holds the rows of all TP ranks, `own` this rank's rows of the input.
 *  Bug `overlap-buffer`: the queue of products does not hold the gather back, so that with more chunks than buffers early
 *  products read what a later chunk has overwritten. */
export function ringWeightGrad(
  state: RankState,
  g: Float32Array,
  own: Float32Array,
  outer: number,
  inner: number,
): Float32Array {
  const size = state.size('tp');
  const rows = own.length / inner;
  const buffers = Array.from({ length: NUM_BUFFERS }, () => new Float32Array(own.length));
  const total = new Float32Array(outer * inner);
  const queue: (() => void)[] = [];
  const runQueue = (leave: number): void => {
    while (queue.length > leave) queue.shift()!();
  };
  const queueLimit = state.config.bug === 'overlap-buffer' ? size : NUM_BUFFERS - 1;
  let travelling = own;
  for (let step = 0; step < size; step++) {
    const buffer = buffers[step % NUM_BUFFERS];
    buffer.set(travelling);
    const pass = step + 1 < size ? passAround(state, 'tp', [travelling]) : undefined;
    const chunk = (state.coords.tp - step + size) % size;
    const gOfChunk = g.subarray(chunk * rows * outer, (chunk + 1) * rows * outer);
    queue.push(() => {
      const part = matMulRows(gOfChunk, buffer, rows, outer, inner);
      for (let i = 0; i < total.length; i++) total[i] += part[i];
    });
    runQueue(queueLimit);
    if (pass) [travelling] = pass();
  }
  runQueue(0);
  return total;
}
