/** Matrix kernels. Products of rows accumulate in f64 and round once to f32; sums over rows accumulate in f32. */

/** y[r, o] = Σ_i x[r, i]·w[o, i]. */
export function matMulTransposed(
  x: Float32Array,
  w: Float32Array,
  rows: number,
  inner: number,
  outer: number,
): Float32Array {
  const y = new Float32Array(rows * outer);
  for (let r = 0; r < rows; r++) {
    const xAt = r * inner;
    for (let o = 0; o < outer; o++) {
      const wAt = o * inner;
      let s0 = 0;
      let s1 = 0;
      let s2 = 0;
      let s3 = 0;
      let i = 0;
      for (; i + 3 < inner; i += 4) {
        s0 += x[xAt + i] * w[wAt + i];
        s1 += x[xAt + i + 1] * w[wAt + i + 1];
        s2 += x[xAt + i + 2] * w[wAt + i + 2];
        s3 += x[xAt + i + 3] * w[wAt + i + 3];
      }
      for (; i < inner; i++) s0 += x[xAt + i] * w[wAt + i];
      y[r * outer + o] = s0 + s1 + (s2 + s3);
    }
  }
  return y;
}

/** dx[r, i] = Σ_o g[r, o]·w[o, i]. */
export function matMulPlain(
  g: Float32Array,
  w: Float32Array,
  rows: number,
  outer: number,
  inner: number,
): Float32Array {
  const dx = new Float32Array(rows * inner);
  for (let r = 0; r < rows; r++) {
    const at = r * inner;
    for (let o = 0; o < outer; o++) {
      const factor = g[r * outer + o];
      if (factor === 0) continue;
      const wAt = o * inner;
      for (let i = 0; i < inner; i++) dx[at + i] += factor * w[wAt + i];
    }
  }
  return dx;
}

/** dw[o, i] = Σ_r g[r, o]·x[r, i]. */
export function matMulRows(g: Float32Array, x: Float32Array, rows: number, outer: number, inner: number): Float32Array {
  const dw = new Float32Array(outer * inner);
  for (let r = 0; r < rows; r++) {
    const at = r * inner;
    for (let o = 0; o < outer; o++) {
      const factor = g[r * outer + o];
      if (factor === 0) continue;
      const wAt = o * inner;
      for (let i = 0; i < inner; i++) dw[wAt + i] += factor * x[at + i];
    }
  }
  return dw;
}

/** Shapes of an attention call: rows are (position, sequence of the batch), columns (head, width). */
export interface AttentionShape {
  readonly batch: number;
  readonly heads: number;
  readonly groups: number;
  readonly width: number;
}

/** Running softmax over blocks of keys: maximum, sum and weighted values per (row, head). In f32, as kernels keep them:
 *  the order of blocks then shows in the last bits. */
export interface AttentionState {
  readonly max: Float32Array;
  readonly sum: Float32Array;
  readonly values: Float32Array;
}

export function createAttentionState(rows: number, { heads, width }: AttentionShape): AttentionState {
  return {
    max: new Float32Array(rows * heads).fill(-Infinity),
    sum: new Float32Array(rows * heads),
    values: new Float32Array(rows * heads * width),
  };
}

/** Adds one block of keys and values (causal by position).   Mutates: state. */
export function attendBlock(
  state: AttentionState,
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  queryPositions: Int32Array,
  keyPositions: Int32Array,
  shape: AttentionShape,
): void {
  const { batch, heads, groups, width } = shape;
  const perGroup = heads / groups;
  const scale = 1 / Math.sqrt(width);
  for (let s = 0; s < queryPositions.length; s++)
    for (let b = 0; b < batch; b++)
      for (let h = 0; h < heads; h++) {
        const row = s * batch + b;
        const qAt = (row * heads + h) * width;
        const cell = row * heads + h;
        const group = Math.floor(h / perGroup);
        for (let t = 0; t < keyPositions.length; t++) {
          if (keyPositions[t] > queryPositions[s]) continue;
          const kAt = ((t * batch + b) * groups + group) * width;
          let score = 0;
          for (let i = 0; i < width; i++) score += q[qAt + i] * k[kAt + i];
          score *= scale;
          const best = Math.max(state.max[cell], Math.fround(score));
          const keep = Math.exp(state.max[cell] - best);
          const weight = Math.exp(score - best);
          state.sum[cell] = state.sum[cell] * keep + weight;
          state.max[cell] = best;
          for (let i = 0; i < width; i++) state.values[qAt + i] = state.values[qAt + i] * keep + weight * v[kAt + i];
        }
      }
}

export interface AttentionGrads {
  readonly dq: Float32Array;
  readonly dk: Float32Array;
  readonly dv: Float32Array;
}

/** Gradients through one block. `lse` is the merged log-sum-exp, `rowDot` Σ dO·O per (row, head).   Mutates: grads. */
export function attendBlockBackward(
  { dq, dk, dv }: AttentionGrads,
  { q, k, v, dOut }: { q: Float32Array; k: Float32Array; v: Float32Array; dOut: Float32Array },
  { lse, rowDot }: { lse: Float64Array; rowDot: Float64Array },
  queryPositions: Int32Array,
  keyPositions: Int32Array,
  shape: AttentionShape,
): void {
  const { batch, heads, groups, width } = shape;
  const perGroup = heads / groups;
  const scale = 1 / Math.sqrt(width);
  for (let s = 0; s < queryPositions.length; s++)
    for (let b = 0; b < batch; b++)
      for (let h = 0; h < heads; h++) {
        const row = s * batch + b;
        const qAt = (row * heads + h) * width;
        const cell = row * heads + h;
        const group = Math.floor(h / perGroup);
        for (let t = 0; t < keyPositions.length; t++) {
          if (keyPositions[t] > queryPositions[s]) continue;
          const kAt = ((t * batch + b) * groups + group) * width;
          let score = 0;
          let dP = 0;
          for (let i = 0; i < width; i++) {
            score += q[qAt + i] * k[kAt + i];
            dP += dOut[qAt + i] * v[kAt + i];
          }
          const p = Math.exp(score * scale - lse[cell]);
          const dS = p * (dP - rowDot[cell]) * scale;
          for (let i = 0; i < width; i++) {
            dv[kAt + i] += p * dOut[qAt + i];
            dq[qAt + i] += dS * k[kAt + i];
            dk[kAt + i] += dS * q[qAt + i];
          }
        }
      }
}
