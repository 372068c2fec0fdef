/** Activation recomputation: a chunk of layers keeps its input alone and is computed again in the backward pass. */
import type { RankState } from './rank-state.ts';
import { addGrad, createTape, createVar, emit, runBackward, type Tape, type Var } from './tape.ts';

/** Keeps the input alone; the chunk is computed again before its backward pass. */
export function checkpoint(state: RankState, tape: Tape, x: Var, chunk: (tape: Tape, x: Var) => Var): Var {
  const isBf16 = state.config.precision !== 'float32';
  const { microBatch } = state;
  const first = chunk(createTape(isBf16, false), x);
  return emit(tape, first.data, first.rows, first.columns, (grad) => {
    const inner = createTape(isBf16);
    const input = createVar(x.data, x.rows, x.columns);
    const before = state.microBatch;
    state.microBatch = microBatch;
    state.isRecomputing = true;
    const output = chunk(inner, input);
    state.isRecomputing = false;
    output.grad = grad.slice();
    runBackward(inner);
    state.microBatch = before;
    addGrad(tape, x, input.grad!);
  });
}
