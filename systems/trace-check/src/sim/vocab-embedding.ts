/** Lookup in a table whose rows are split over TP: foreign ids give zero rows, the sum over TP fills them. */
import type { Parameter, RankState } from './rank-state.ts';
import { addGrad, emit, type Tape, type Var } from './tape.ts';

/** Bugs: `tp-embedding-mask` (the own range ends one row early), `tp-embedding-rows` (foreign ids are looked up as row 0
 *  and their rows are not zeroed), `tp-embedding-sum` (the sum over TP is left out). */
export function vocabEmbedding(state: RankState, tape: Tape, tokens: Int32Array, weight: Parameter): Var {
  const [numRows, width] = weight.lowered.local;
  const bug = state.size('tp') > 1 ? state.config.bug : undefined;
  const start = weight.lowered.boxes[0].g[0];
  const end = start + numRows - (bug === 'tp-embedding-mask' ? 1 : 0);
  const foreign = bug === 'tp-embedding-rows' ? 0 : -1;
  const partial = new Float32Array(tokens.length * width);
  const table = weight.compute.data;
  const rowOf = (token: number): number => (token < start || token >= end ? foreign : token - start);
  tokens.forEach((token, r) => {
    const row = rowOf(token);
    if (row >= 0) partial.set(table.subarray(row * width, (row + 1) * width), r * width);
  });
  const isScattered = state.config.isSequenceParallel && state.size('tp') > 1;
  const y =
    bug === 'tp-embedding-sum' ? ownPart(state, partial, isScattered) : reduced(state, partial, width, isScattered);
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

function reduced(state: RankState, partial: Float32Array, width: number, isScattered: boolean): Float32Array {
  return (isScattered ? state.scatterRows(partial, width, 'tp') : state.allReduce(partial, 'tp')).slice();
}

function ownPart(state: RankState, partial: Float32Array, isScattered: boolean): Float32Array {
  if (!isScattered) return partial.slice();
  const count = partial.length / state.size('tp');
  return partial.slice(state.coords.tp * count, (state.coords.tp + 1) * count);
}
