/** Activation recomputation: a chunk of layers keeps its input alone and is computed again in the backward pass. */
import type { RankState } from './rank-state.ts';
import { addGrad, createTape, createVar, emit, runBackward, type Tape, type Var } from './tape.ts';

/** Keeps the input alone, and the FP8 scales of the first pass; the chunk is computed again before its backward pass.
 *  Bug `fp8-scale-reference`: the scales are kept by reference, so that the second pass may see those of the next step. */
export function checkpoint(state: RankState, tape: Tape, x: Var, chunk: (tape: Tape, x: Var) => Var): Var {
  const isBf16 = state.config.precision !== 'float32';
  const { microBatch, scales } = state;
  const kept = state.config.bug === 'fp8-scale-reference' ? scales?.forward : { ...scales?.forward };
  const first = chunk(createTape(isBf16, false), x);
  return emit(tape, first.data, first.rows, first.columns, (grad) => {
    const inner = createTape(isBf16);
    const input = createVar(x.data, x.rows, x.columns);
    const before = state.microBatch;
    state.microBatch = microBatch;
    const present = scales?.forward;
    if (scales) scales.forward = kept!;
    state.isRecomputing = true;
    const output = chunk(inner, input);
    state.isRecomputing = false;
    if (scales) scales.forward = present!;
    output.grad = grad.slice();
    runBackward(inner);
    state.microBatch = before;
    addGrad(tape, x, input.grad!);
  });
}
