/** Layers of the simulated model on shards. Rows of a matrix are (position, sequence), positions outermost; every layer
 *  states where its collectives stand, and the bugs patch exactly these places. */
import { decodeFloats, encodeFloats, tensorFromArray } from '@tenfold/core/tensor';
import { rankAtCoords } from '@tenfold/core/ranks';
import {
  attendBlock,
  attendBlockBackward,
  createAttentionState,
  matMulPlain,
  matMulRows,
  matMulTransposed,
  type AttentionShape,
} from './kernels.ts';
import type { Axis, Parameter, RankState } from './rank-state.ts';
import { addGrad, emit, type Tape, type Var } from './tape.ts';

const NORM_EPSILON = 1e-5;
const ROPE_BASE = 10_000;
const E4M3_MAX = 448;
const E5M2_MAX = 57_344;
/** Ranks that hold parts of one activation. */
const ACTIVATION_AXES: readonly Axis[] = ['tp', 'cp'];

/** Rounds to FP8 under one scale per logical tensor and back: the largest magnitude is reduced over the ranks that share
 *  the tensor. */
function fakeQuantise(
  state: RankState,
  values: Float32Array,
  format: 'float8e4m3fn' | 'float8e5m2',
  axes: readonly Axis[],
): Float32Array {
  const [amax] = state.allReduce(Float32Array.of(amaxOf(values)), axes, { reduction: 'max', isExact: true });
  const scale = scaleOf(format, amax);
  const scaled = values.map((value) => value * scale);
  const rounded = decodeFloats(format, encodeFloats(format, scaled));
  return rounded.map((value) => value / scale);
}

function scaleOf(format: 'float8e4m3fn' | 'float8e5m2', amax: number): number {
  return amax > 0 ? (format === 'float8e4m3fn' ? E4M3_MAX : E5M2_MAX) / amax : 1;
}

function amaxOf(values: Float32Array): number {
  let amax = 0;
  for (let i = 0; i < values.length; i++) amax = Math.max(amax, Math.abs(values[i]));
  return amax;
}

function usesFp8({ config, isRecomputing }: RankState): boolean {
  return config.precision === 'float8' && !(config.bug === 'recompute-precision' && isRecomputing);
}

/** Sequence-sharded FP8 input: codes travel, each reader decodes with its own scale, so all must have made the same one.
 *  Bug `fp8-amax-group`: the largest magnitude is reduced over DP, the scales of TP ranks differ. */
function gatherFp8(state: RankState, data: Float32Array, columns: number): Float32Array {
  const group: readonly Axis[] = state.config.bug === 'fp8-amax-group' ? ['dp'] : ACTIVATION_AXES;
  const [amax] = state.allReduce(Float32Array.of(amaxOf(data)), group, { reduction: 'max', isExact: true });
  const scale = scaleOf('float8e4m3fn', amax);
  const codes = decodeFloats(
    'float8e4m3fn',
    encodeFloats(
      'float8e4m3fn',
      data.map((value) => value * scale),
    ),
  );
  return state.gatherRows(codes, columns, 'tp').map((code) => code / scale);
}

/** Output split over TP. Input: sequence-sharded (gathered here) or whole (its gradient is summed over TP).
 *  `defer` takes the work of the weight gradient, to be done later. */
export function columnLinear(
  state: RankState,
  tape: Tape,
  x: Var,
  weight: Parameter,
  options: { readonly isFp8?: boolean; readonly defer?: (work: () => Float32Array) => void } = {},
): Var {
  const { isSequenceParallel } = state.config;
  const [outer, inner] = weight.lowered.local;
  const isFp8 = options.isFp8 === true && usesFp8(state);
  const isGathered = isSequenceParallel && state.size('tp') > 1;
  let input = x.data;
  if (isGathered) input = isFp8 ? gatherFp8(state, x.data, inner) : state.gatherRows(x.data, inner, 'tp');
  else if (isFp8) input = fakeQuantise(state, input, 'float8e4m3fn', ACTIVATION_AXES);
  const w = isFp8 ? fakeQuantise(state, weight.compute.data, 'float8e4m3fn', ['tp']) : weight.compute.data;
  const rows = input.length / inner;
  const y = tape.round(matMulTransposed(input, w, rows, inner, outer));
  return emit(tape, y, rows, outer, (grad) => {
    const g = isFp8 ? fakeQuantise(state, grad, 'float8e5m2', ACTIVATION_AXES) : grad;
    const dx = tape.round(matMulPlain(g, w, rows, outer, inner));
    addGrad(tape, x, isGathered ? state.scatterRows(dx, inner, 'tp') : state.allReduce(dx, 'tp'));
    const weightGrad = (): Float32Array => matMulRows(g, input, rows, outer, inner);
    if (options.defer) options.defer(weightGrad);
    else addGrad(tape, weight.compute, weightGrad());
  });
}

/** Input split over TP; partial outputs are summed, into sequence shards under sequence parallelism. */
export function rowLinear(state: RankState, tape: Tape, x: Var, weight: Parameter): Var {
  const [outer, inner] = weight.lowered.local;
  const isFp8 = usesFp8(state);
  const isScattered = state.config.isSequenceParallel && state.size('tp') > 1;
  const input = isFp8 ? fakeQuantise(state, x.data, 'float8e4m3fn', ACTIVATION_AXES) : x.data;
  const w = isFp8 ? fakeQuantise(state, weight.compute.data, 'float8e4m3fn', ['tp']) : weight.compute.data;
  const { rows } = x;
  const partial = tape.round(matMulTransposed(input, w, rows, inner, outer));
  const y = isScattered ? state.scatterRows(partial, outer, 'tp') : state.allReduce(partial, 'tp');
  return emit(tape, tape.round(y.slice()), y.length / outer, outer, (grad) => {
    const whole = isScattered ? state.gatherRows(grad, outer, 'tp') : grad;
    const g = isFp8 ? fakeQuantise(state, whole, 'float8e5m2', ACTIVATION_AXES) : whole;
    addGrad(tape, x, matMulPlain(g, w, rows, outer, inner));
    addGrad(tape, weight.compute, matMulRows(g, input, rows, outer, inner));
  });
}

/** Vocabulary-parallel lookup: foreign ids give zero rows, the sum over TP fills them.
 *  Bug `tp-embedding-mask`: the own range ends one row early. */
export function vocabEmbedding(state: RankState, tape: Tape, tokens: Int32Array, weight: Parameter): Var {
  const [numRows, width] = weight.lowered.local;
  const start = weight.lowered.boxes[0].g[0];
  const end = state.config.bug === 'tp-embedding-mask' && state.size('tp') > 1 ? start + numRows - 1 : start + numRows;
  const partial = new Float32Array(tokens.length * width);
  const table = weight.compute.data;
  const rowOf = (token: number): number => (token < start || token >= end ? -1 : token - start);
  tokens.forEach((token, r) => {
    const row = rowOf(token);
    if (row >= 0) partial.set(table.subarray(row * width, (row + 1) * width), r * width);
  });
  const isScattered = state.config.isSequenceParallel && state.size('tp') > 1;
  const y = (isScattered ? state.scatterRows(partial, width, 'tp') : state.allReduce(partial, 'tp')).slice();
  return emit(tape, y, y.length / width, width, (grad) => {
    const whole = isScattered ? state.gatherRows(grad, width, 'tp') : grad;
    const dTable = new Float32Array(table.length);
    tokens.forEach((token, r) => {
      const row = rowOf(token);
      if (row >= 0) for (let i = 0; i < width; i++) dTable[row * width + i] += whole[r * width + i];
    });
    addGrad(tape, weight.compute, dTable);
  });
}

/** y = x / √(mean x² + ε) · w.
 *  Bug `norm-grad-twice`: with TP, CP and FP8 the gradient of w is summed over TP although every rank holds all of it. */
export function rmsNorm(state: RankState, tape: Tape, x: Var, weight: Parameter, isFused: boolean): Var {
  const { rows, columns } = x;
  const w = weight.compute.data;
  const y = new Float32Array(x.data.length);
  const inverse = new Float64Array(rows);
  for (let r = 0; r < rows; r++) {
    let square = 0;
    for (let i = r * columns; i < (r + 1) * columns; i++) square += x.data[i] ** 2;
    inverse[r] = 1 / Math.sqrt(square / columns + NORM_EPSILON);
    for (let i = 0; i < columns; i++) y[r * columns + i] = x.data[r * columns + i] * inverse[r] * w[i];
  }
  return emit(tape, tape.round(y), rows, columns, (grad) => {
    const dx = new Float32Array(x.data.length);
    let dw: Float32Array = new Float32Array(columns);
    for (let r = 0; r < rows; r++) {
      const at = r * columns;
      let dot = 0;
      for (let i = 0; i < columns; i++) {
        const normal = x.data[at + i] * inverse[r];
        dw[i] += grad[at + i] * normal;
        dot += grad[at + i] * w[i] * normal;
      }
      dot /= columns;
      for (let i = 0; i < columns; i++)
        dx[at + i] = inverse[r] * (grad[at + i] * w[i] - x.data[at + i] * inverse[r] * dot);
    }
    const { bug, precision } = state.config;
    const isDoubled = bug === 'norm-grad-twice' && isFused && state.size('cp') > 1 && precision === 'float8';
    if (isDoubled) dw = state.allReduce(dw, 'tp', { isExact: true }).slice();
    addGrad(tape, x, dx);
    addGrad(tape, weight.compute, dw);
  });
}

export function addVars(tape: Tape, a: Var, b: Var): Var {
  const sum = a.data.map((value, i) => value + b.data[i]);
  return emit(tape, tape.round(sum), a.rows, a.columns, (grad) => {
    addGrad(tape, a, grad.slice());
    addGrad(tape, b, grad.slice());
  });
}

/** silu(gate) · up of columns [gate ; up]. */
export function swiGlu(tape: Tape, x: Var): Var {
  const half = x.columns / 2;
  const y = new Float32Array(x.rows * half);
  for (let r = 0; r < x.rows; r++)
    for (let i = 0; i < half; i++) {
      const gate = x.data[r * x.columns + i];
      y[r * half + i] = (gate / (1 + Math.exp(-gate))) * x.data[r * x.columns + half + i];
    }
  return emit(tape, tape.round(y), x.rows, half, (grad) => {
    const dx = new Float32Array(x.data.length);
    for (let r = 0; r < x.rows; r++)
      for (let i = 0; i < half; i++) {
        const at = r * x.columns + i;
        const gate = x.data[at];
        const sigmoid = 1 / (1 + Math.exp(-gate));
        const g = grad[r * half + i];
        dx[at] = g * x.data[at + half] * sigmoid * (1 + gate * (1 - sigmoid));
        dx[at + half] = g * gate * sigmoid;
      }
    addGrad(tape, x, dx);
  });
}

/** Query groups [(q … q, k, v)] of a fused projection as q, k and v, rotated by position. */
export function splitQkv(
  tape: Tape,
  x: Var,
  shape: AttentionShape,
  positions: Int32Array,
): { readonly q: Var; readonly k: Var; readonly v: Var } {
  const { heads, groups, width, batch } = shape;
  const perGroup = heads / groups;
  const part = (offset: number, count: number, isRotated: boolean): Var => {
    const columns = groups * count * width;
    const data = new Float32Array(x.rows * columns);
    const copy = (into: Float32Array, from: Float32Array, isBack: boolean): void => {
      for (let r = 0; r < x.rows; r++)
        for (let g = 0; g < groups; g++)
          for (let c = 0; c < count * width; c++) {
            const whole = r * x.columns + (g * (perGroup + 2) + offset) * width + c;
            const own = r * columns + g * count * width + c;
            if (isBack) into[whole] = from[own];
            else into[own] = from[whole];
          }
    };
    copy(data, x.data, false);
    if (isRotated) rotate(data, x.rows, columns, width, batch, positions, 1);
    return emit(tape, tape.round(data), x.rows, columns, (grad) => {
      const own = grad.slice();
      if (isRotated) rotate(own, x.rows, columns, width, batch, positions, -1);
      const dx = new Float32Array(x.data.length);
      copy(dx, own, true);
      addGrad(tape, x, dx);
    });
  };
  return { q: part(0, perGroup, true), k: part(perGroup, 1, true), v: part(perGroup + 1, 1, false) };
}

/** Rotary embedding in place; direction −1 undoes it. */
function rotate(
  data: Float32Array,
  rows: number,
  columns: number,
  width: number,
  batch: number,
  positions: Int32Array,
  direction: number,
): void {
  const half = width / 2;
  for (let r = 0; r < rows; r++) {
    const position = positions[Math.floor(r / batch)];
    for (let i = 0; i < half; i++) {
      const angle = position * ROPE_BASE ** (-i / half);
      const cos = Math.cos(angle);
      const sin = Math.sin(angle) * direction;
      for (let head = 0; head < columns; head += width) {
        const at = r * columns + head + i;
        const [a, b] = [data[at], data[at + half]];
        data[at] = a * cos - b * sin;
        data[at + half] = a * sin + b * cos;
      }
    }
  }
}

/** Causal attention; with CP keys and values travel around a ring and partial softmaxes are merged.
 *  Bug `cp-attention-backward`: dO arrives transposed and its buffer is read as if it were contiguous. */
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
  const running = createAttentionState(rows, shape);
  let block: Float32Array[] = [k.data, v.data];
  for (let step = 0; step < size; step++) {
    const pass = step + 1 < size ? passAround(state, block) : undefined;
    attendBlock(running, q.data, block[0], block[1], positions, positionsOf((own - step + size) % size), shape);
    if (pass) block = pass();
  }
  const out = new Float32Array(q.data.length);
  const lse = new Float64Array(rows * heads);
  for (let cell = 0; cell < lse.length; cell++) {
    lse[cell] = running.max[cell] + Math.log(running.sum[cell]);
    for (let i = 0; i < width; i++) out[cell * width + i] = running.values[cell * width + i] / running.sum[cell];
  }
  return emit(tape, tape.round(out), rows, q.columns, (grad) => {
    const isMisread = state.config.bug === 'cp-attention-backward' && size > 1;
    const dOut = isMisread ? misreadTransposed(grad, positions.length, shape) : grad;
    const rowDot = new Float64Array(rows * heads);
    for (let cell = 0; cell < rowDot.length; cell++)
      for (let i = 0; i < width; i++) rowDot[cell] += dOut[cell * width + i] * out[cell * width + i];
    const dq = new Float32Array(q.data.length);
    let parts = [k.data, v.data, new Float32Array(k.data.length), new Float32Array(v.data.length)];
    for (let step = 0; step < size; step++) {
      const [keys, values, dk, dv] = parts;
      const inputs = { q: q.data, k: keys, v: values, dOut };
      const from = positionsOf((own - step + size) % size);
      attendBlockBackward({ dq, dk, dv }, inputs, { lse, rowDot }, positions, from, shape);
      // After the last step the gradients are one hop from home.
      if (size > 1) parts = passAround(state, parts)();
    }
    addGrad(tape, q, dq);
    addGrad(tape, k, parts[2]);
    addGrad(tape, v, parts[3]);
  });
}

/** Issues the exchange with both neighbours of the ring; the result waits for it. */
function passAround(state: RankState, arrays: readonly Float32Array[]): () => Float32Array[] {
  const { context, coords } = state;
  const size = state.size('cp');
  const neighbour = (by: number): number =>
    rankAtCoords(context.mesh, { ...coords, cp: (coords.cp + by + size) % size });
  const handles = arrays.map((data, tag) => {
    const send = context.send(tensorFromArray('float32', [data.length], data), neighbour(1), { tag });
    return { send, recv: context.recv(neighbour(-1), { dtype: 'float32', shape: [data.length] }, { tag }) };
  });
  return () =>
    handles.map(({ send, recv }) => {
      const { data } = recv.wait();
      send.wait();
      return (data as Float32Array).slice();
    });
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

/** Mean cross entropy over vocabulary shards; puts the gradient into the logits.
 *  @param factor  what the mean loss is multiplied by
 *  @returns sum of −log p over the local tokens */
export function vocabCrossEntropy(
  state: RankState,
  logits: Var,
  targets: Int32Array,
  { vocabStart, tokensOfMicroBatch, factor }: { vocabStart: number; tokensOfMicroBatch: number; factor: number },
): number {
  const { rows, columns } = logits;
  const max = new Float32Array(rows).fill(-Infinity);
  for (let r = 0; r < rows; r++)
    for (let i = 0; i < columns; i++) max[r] = Math.max(max[r], logits.data[r * columns + i]);
  const globalMax = state.allReduce(max, 'tp', { reduction: 'max', isExact: true });
  const statistics = new Float32Array(2 * rows); // Σ exp, logit of the target
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < columns; i++) statistics[r] += Math.exp(logits.data[r * columns + i] - globalMax[r]);
    const own = targets[r] - vocabStart;
    if (own >= 0 && own < columns) statistics[rows + r] = logits.data[r * columns + own] - globalMax[r];
  }
  const sums = state.allReduce(statistics, 'tp', { isExact: true });
  const grad = new Float32Array(logits.data.length);
  let loss = 0;
  for (let r = 0; r < rows; r++) {
    loss += Math.log(sums[r]) - sums[rows + r];
    for (let i = 0; i < columns; i++) {
      const p = Math.exp(logits.data[r * columns + i] - globalMax[r]) / sums[r];
      grad[r * columns + i] = ((p - (targets[r] - vocabStart === i ? 1 : 0)) * factor) / tokensOfMicroBatch;
    }
  }
  logits.grad = grad;
  return loss;
}
