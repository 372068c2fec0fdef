/** Mixture of experts: a router on the (sequence-sharded) tokens, experts owned by EP ranks. Tokens and gates are gathered
 *  over the ranks that share experts, each rank adds what its experts give, and the sum is scattered back. */
import { matMulPlain, matMulRows, matMulTransposed } from './kernels.ts';
import { columnLinear, rowLinear, swiGlu } from './layers.ts';
import type { Axis, Parameter, RankState } from './rank-state.ts';
import { addGrad, createVar, emit, type Tape, type Var } from './tape.ts';

/** Logits in f32. */
export function routerLogits(tape: Tape, x: Var, weight: Parameter): Var {
  const [outer, inner] = weight.lowered.local;
  const y = matMulTransposed(x.data, weight.compute.data, x.rows, inner, outer);
  return emit(tape, y, x.rows, outer, (grad) => {
    addGrad(tape, x, matMulPlain(grad, weight.compute.data, x.rows, outer, inner));
    addGrad(tape, weight.compute, matMulRows(grad, x.data, x.rows, outer, inner));
  });
}

/** The k most probable experts of each row, in rising order. */
export function topExperts(logits: Var, k: number): Float32Array {
  const routes = new Float32Array(logits.rows * k);
  for (let r = 0; r < logits.rows; r++) {
    const order = Array.from({ length: logits.columns }, (_, e) => e).sort(
      (a, b) => logits.data[r * logits.columns + b] - logits.data[r * logits.columns + a] || a - b,
    );
    routes.set(
      order.slice(0, k).sort((a, b) => a - b),
      r * k,
    );
  }
  return routes;
}

/** Softmax probabilities of the chosen experts, 0 elsewhere; [rows, E]. */
export function gatesOf(tape: Tape, logits: Var, routes: Float32Array, k: number): Var {
  const { rows, columns } = logits;
  const p = new Float32Array(logits.data.length);
  const gates = new Float32Array(logits.data.length);
  for (let r = 0; r < rows; r++) {
    const at = r * columns;
    let max = -Infinity;
    for (let e = 0; e < columns; e++) max = Math.max(max, logits.data[at + e]);
    let sum = 0;
    for (let e = 0; e < columns; e++) sum += p[at + e] = Math.exp(logits.data[at + e] - max);
    for (let e = 0; e < columns; e++) p[at + e] /= sum;
    for (let i = 0; i < k; i++) gates[at + routes[r * k + i]] = p[at + routes[r * k + i]];
  }
  return emit(tape, gates, rows, columns, (grad) => {
    const dLogits = new Float32Array(p.length);
    for (let r = 0; r < rows; r++) {
      const at = r * columns;
      let dot = 0;
      for (let e = 0; e < columns; e++) if (gates[at + e] > 0) dot += grad[at + e] * p[at + e];
      for (let e = 0; e < columns; e++) dLogits[at + e] = p[at + e] * ((gates[at + e] > 0 ? grad[at + e] : 0) - dot);
    }
    addGrad(tape, logits, dLogits);
  });
}

/** Rows of all ranks along an axis; the gradient is summed and scattered back. */
export function gatherAxis(state: RankState, tape: Tape, x: Var, axis: Axis): Var {
  if (state.size(axis) === 1) return x;
  const data = state.gatherRows(x.data, x.columns, axis).slice();
  return emit(tape, data, data.length / x.columns, x.columns, (grad) =>
    addGrad(tape, x, state.scatterRows(grad, x.columns, axis).slice()),
  );
}

/** Rows of all TP ranks, for work that every TP rank then does alike: the gradient is whole on each, own rows are kept. */
export function gatherCopies(state: RankState, tape: Tape, x: Var): Var {
  const data = state.gatherRows(x.data, x.columns, 'tp').slice();
  const from = state.coords.tp * x.data.length;
  return emit(tape, data, data.length / x.columns, x.columns, (grad) =>
    addGrad(tape, x, grad.slice(from, from + x.data.length)),
  );
}

/** Sums over an axis and keeps the own rows. */
export function scatterAxis(state: RankState, tape: Tape, x: Var, axis: Axis): Var {
  if (state.size(axis) === 1) return x;
  const data = tape.round(state.scatterRows(x.data, x.columns, axis).slice());
  return emit(tape, data, data.length / x.columns, x.columns, (grad) =>
    addGrad(tape, x, state.gatherRows(grad, x.columns, axis).slice()),
  );
}

/** What the local experts add to every gathered row. `experts`: global index → weights. */
export function localExperts(
  state: RankState,
  tape: Tape,
  x: Var,
  gates: Var,
  experts: ReadonlyMap<number, { readonly fc1: Parameter; readonly fc2: Parameter }>,
): Var {
  const { columns } = x;
  const local = withoutSequenceParallel(state);
  const parts: { rows: Int32Array; input: Var; output: Var; expert: number; inner: Tape }[] = [];
  const total = new Float32Array(x.data.length);
  for (const [expert, { fc1, fc2 }] of experts) {
    const rows = Int32Array.from(
      Array.from({ length: x.rows }, (_, r) => r).filter((r) => gates.data[r * gates.columns + expert] > 0),
    );
    const chosen = new Float32Array(rows.length * columns);
    rows.forEach((r, i) => chosen.set(x.data.subarray(r * columns, (r + 1) * columns), i * columns));
    const inner: Tape = { ...tape, nodes: [] };
    const input = createVar(chosen, rows.length, columns);
    const output = rowLinear(local, inner, swiGlu(inner, columnLinear(local, inner, input, fc1, { isFp8: true })), fc2);
    rows.forEach((r, i) => {
      const gate = gates.data[r * gates.columns + expert];
      for (let c = 0; c < columns; c++) total[r * columns + c] += gate * output.data[i * columns + c];
    });
    parts.push({ rows, input, output, expert, inner });
  }
  return emit(tape, tape.round(total), x.rows, columns, (grad) => {
    const dx = new Float32Array(x.data.length);
    const dGates = new Float32Array(gates.data.length);
    for (const { rows, input, output, expert, inner } of parts) {
      const dOutput = new Float32Array(output.data.length);
      rows.forEach((r, i) => {
        const gate = gates.data[r * gates.columns + expert];
        let dot = 0;
        for (let c = 0; c < columns; c++) {
          dot += grad[r * columns + c] * output.data[i * columns + c];
          dOutput[i * columns + c] = gate * grad[r * columns + c];
        }
        dGates[r * gates.columns + expert] += dot;
      });
      output.grad = tape.round(dOutput);
      for (let n = inner.nodes.length - 1; n >= 0; n--) inner.nodes[n].backward();
      const own = input.grad;
      if (own) rows.forEach((r, i) => addRow(dx, r, own, i, columns));
    }
    addGrad(tape, x, dx);
    addGrad(tape, gates, dGates);
  });
}

function addRow(into: Float32Array, row: number, from: Float32Array, fromRow: number, columns: number): void {
  for (let c = 0; c < columns; c++) into[row * columns + c] += from[fromRow * columns + c];
}

/** Experts see gathered rows: their linears neither gather nor scatter the sequence. */
function withoutSequenceParallel(state: RankState): RankState {
  return {
    ...state,
    get isRecomputing() {
      return state.isRecomputing;
    },
    config: { ...state.config, isSequenceParallel: false },
  };
}
