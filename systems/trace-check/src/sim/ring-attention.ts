/** Causal attention under context parallelism: keys and values travel around a ring, partial softmaxes are merged, and in
 *  the backward pass the gradients of keys and values travel with them until they are home. */
import {
  attendBlock,
  attendBlockBackward,
  createAttentionState,
  type AttentionShape,
  type AttentionState,
} from './kernels.ts';
import { passAround, type RankState } from './rank-state.ts';
import { addGrad, emit, type Tape, type Var } from './tape.ts';

/** Bugs, all in the backward pass alone: `cp-attention-backward` (dO arrives transposed and its buffer is read as if it
 *  were contiguous), `cp-ring-first-block` (the keys and values of ring step 0 serve in all steps), `cp-ring-owner` (the
 *  last hop is left out: gradients of keys and values stay on a neighbour), `cp-ring-local-lse` (probabilities are made
 *  with the log-sum-exp of the own block in place of the merged one). */
export function ringAttention(
  state: RankState,
  tape: Tape,
  { q, k, v }: { readonly q: Var; readonly k: Var; readonly v: Var },
  shape: AttentionShape,
  positionsOf: (cpRank: number) => Int32Array,
): Var {
  const size = state.size('cp');
  const own = state.coords.cp;
  const { rows } = q;
  const { heads, width } = shape;
  const positions = positionsOf(own);
  const bug = size > 1 ? state.config.bug : undefined;
  const running = createAttentionState(rows, shape);
  let localLse: Float64Array | undefined;
  let block: Float32Array[] = [k.data, v.data];
  for (let step = 0; step < size; step++) {
    const pass = step + 1 < size ? passAround(state, 'cp', block) : undefined;
    attendBlock(running, q.data, block[0], block[1], positions, positionsOf((own - step + size) % size), shape);
    if (step === 0 && bug === 'cp-ring-local-lse') localLse = lseOf(running);
    if (pass) block = pass();
  }
  const out = new Float32Array(q.data.length);
  const lse = lseOf(running);
  for (let cell = 0; cell < rows * heads; cell++)
    for (let i = 0; i < width; i++) out[cell * width + i] = running.values[cell * width + i] / running.sum[cell];
  return emit(tape, tape.round(out), rows, q.columns, (grad) => {
    const dOut = bug === 'cp-attention-backward' ? misreadTransposed(grad, positions.length, shape) : grad;
    const rowDot = new Float64Array(rows * heads);
    for (let cell = 0; cell < rowDot.length; cell++)
      for (let i = 0; i < width; i++) rowDot[cell] += dOut[cell * width + i] * out[cell * width + i];
    const dq = new Float32Array(q.data.length);
    let parts = [k.data, v.data, new Float32Array(k.data.length), new Float32Array(v.data.length)];
    for (let step = 0; step < size; step++) {
      const [keys, values, dk, dv] = parts;
      const [usedKeys, usedValues] = bug === 'cp-ring-first-block' ? [k.data, v.data] : [keys, values];
      const inputs = { q: q.data, k: usedKeys, v: usedValues, dOut };
      const from = positionsOf((own - step + size) % size);
      attendBlockBackward({ dq, dk, dv }, inputs, { lse: localLse ?? lse, rowDot }, positions, from, shape);
      // After the last step the gradients are one hop from home.
      const isLast = step + 1 === size;
      if (size > 1 && !(isLast && bug === 'cp-ring-owner')) parts = passAround(state, 'cp', parts)();
    }
    addGrad(tape, q, dq);
    addGrad(tape, k, parts[2]);
    addGrad(tape, v, parts[3]);
  });
}

/** Log-sum-exp per (row, head) of the blocks seen so far. */
function lseOf({ max, sum }: AttentionState): Float64Array {
  return Float64Array.from(max, (top, cell) => top + Math.log(sum[cell]));
}

/** The buffer of [S, B, H, D] read as [B, H, S, D]. */
function misreadTransposed(
  grad: Float32Array,
  numPositions: number,
  { batch, heads, width }: AttentionShape,
): Float32Array {
  const read = new Float32Array(grad.length);
  let at = 0;
  for (let b = 0; b < batch; b++)
    for (let h = 0; h < heads; h++)
      for (let s = 0; s < numPositions; s++)
        for (let i = 0; i < width; i++) read[((s * batch + b) * heads + h) * width + i] = grad[at++];
  return read;
}
