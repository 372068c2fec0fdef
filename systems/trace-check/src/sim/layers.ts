/** Layers of the simulated model on shards. Rows of a matrix are (position, sequence), positions outermost; every layer
 *  states where its collectives stand, and the bugs patch exactly these places. */
import { gatherFp8, quantiserOf, usesFp8 } from './fp8.ts';
import { matMulPlain, matMulRows, matMulTransposed, type AttentionShape } from './kernels.ts';
import { ringWeightGrad } from './overlap.ts';
import type { Parameter, RankState } from './rank-state.ts';
import { addGrad, emit, type Tape, type Var } from './tape.ts';

const NORM_EPSILON = 1e-5;
const ROPE_BASE = 10_000;

/** Output split over TP. Input: sequence-sharded (gathered here) or whole (its gradient is summed over TP).
 *  `defer` takes the work of the weight gradient, to be done later. */
export function columnLinear(
  state: RankState,
  tape: Tape,
  x: Var,
  weight: Parameter,
  options: { readonly isFp8?: boolean; readonly defer?: (work: () => Float32Array) => void } = {},
): Var {
  const { isSequenceParallel, isOverlapped } = state.config;
  const [outer, inner] = weight.lowered.local;
  const fp8 = options.isFp8 === true && usesFp8(state) ? quantiserOf(state, weight.name) : undefined;
  const isGathered = isSequenceParallel && state.size('tp') > 1;
  let input = x.data;
  if (isGathered) input = fp8 ? gatherFp8(state, fp8, x.data, inner) : state.gatherRows(x.data, inner, 'tp');
  else if (fp8) input = fp8.input(input);
  const w = fp8 ? fp8.weight(weight.compute.data) : weight.compute.data;
  const rows = input.length / inner;
  const y = tape.round(matMulTransposed(input, w, rows, inner, outer));
  return emit(tape, y, rows, outer, (grad) => {
    const g = fp8 ? fp8.gradient(grad) : grad;
    const dx = tape.round(matMulPlain(g, w, rows, outer, inner));
    addGrad(tape, x, isGathered ? state.scatterRows(dx, inner, 'tp') : state.allReduce(dx, 'tp'));
    const weightGrad = (): Float32Array =>
      isGathered && isOverlapped && !fp8
        ? ringWeightGrad(state, g, x.data, outer, inner)
        : matMulRows(g, input, rows, outer, inner);
    if (options.defer) options.defer(weightGrad);
    else addGrad(tape, weight.compute, weightGrad());
  });
}

/** Input split over TP; partial outputs are summed, into sequence shards under sequence parallelism. */
export function rowLinear(state: RankState, tape: Tape, x: Var, weight: Parameter): Var {
  const [outer, inner] = weight.lowered.local;
  const fp8 = usesFp8(state) ? quantiserOf(state, weight.name) : undefined;
  const isScattered = state.config.isSequenceParallel && state.size('tp') > 1;
  const input = fp8 ? fp8.input(x.data) : x.data;
  const w = fp8 ? fp8.weight(weight.compute.data) : weight.compute.data;
  const { rows } = x;
  const partial = tape.round(matMulTransposed(input, w, rows, inner, outer));
  const y = isScattered ? state.scatterRows(partial, outer, 'tp') : state.allReduce(partial, 'tp');
  return emit(tape, tape.round(y.slice()), y.length / outer, outer, (grad) => {
    const whole = isScattered ? state.gatherRows(grad, outer, 'tp') : grad;
    const g = fp8 ? fp8.gradient(whole) : whole;
    addGrad(tape, x, matMulPlain(g, w, rows, outer, inner));
    addGrad(tape, weight.compute, matMulRows(g, input, rows, outer, inner));
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

/** Mean cross entropy over vocabulary shards; puts the gradient into the logits.
 *  @param targets  −1 where a token does not count
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
    if (targets[r] < 0) continue;
    loss += Math.log(sums[r]) - sums[rows + r];
    for (let i = 0; i < columns; i++) {
      const p = Math.exp(logits.data[r * columns + i] - globalMax[r]) / sums[r];
      grad[r * columns + i] = ((p - (targets[r] - vocabStart === i ? 1 : 0)) * factor) / tokensOfMicroBatch;
    }
  }
  logits.grad = grad;
  return loss;
}
