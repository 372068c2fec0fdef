/** Reverse mode on matrices, eagerly. Every result is rounded to the storage precision of the run; parameters collect
 *  their gradients in f32. */
import { roundToBfloat16 } from '../trace/generator.ts';

/** A matrix [rows, columns], row-major f32. */
export interface Var {
  readonly data: Float32Array;
  readonly rows: number;
  readonly columns: number;
  grad?: Float32Array;
  readonly isParameter?: boolean;
  /** Sees the finished gradient; what it returns takes its place. */
  onGrad?: (grad: Float32Array) => Float32Array | void;
}

interface TapeNode {
  readonly outputs: readonly Var[];
  /** Called once every output gradient is finished; reads them, adds to the inputs. */
  readonly backward: () => void;
}

export interface Tape {
  readonly nodes: TapeNode[];
  readonly isRecording: boolean;
  /** Rounds in place to the storage precision. */
  readonly round: (values: Float32Array) => Float32Array;
}

export function createTape(isBf16: boolean, isRecording = true): Tape {
  return { nodes: [], isRecording, round: isBf16 ? roundToBfloat16 : (values) => values };
}

export function createVar(data: Float32Array, rows: number, columns: number): Var {
  return { data, rows, columns };
}

/** A result with its backward function, which gets the finished output gradient. */
export function emit(
  tape: Tape,
  data: Float32Array,
  rows: number,
  columns: number,
  backward: (grad: Float32Array) => void,
): Var {
  const output = createVar(data, rows, columns);
  if (tape.isRecording)
    tape.nodes.push({
      outputs: [output],
      backward: () => {
        if (output.grad) backward(output.grad);
      },
    });
  return output;
}

/** Adds to a gradient. The array may be kept: callers hand it over.   Mutates: target.grad. */
export function addGrad(tape: Tape, target: Var, grad: Float32Array): void {
  if (!target.isParameter) tape.round(grad);
  if (target.grad === undefined) {
    target.grad = grad;
    return;
  }
  const known = target.grad;
  for (let i = 0; i < known.length; i++) known[i] += grad[i];
  if (!target.isParameter) tape.round(known);
}

/** Runs the tape backwards from what has a gradient already. */
export function runBackward(tape: Tape): void {
  for (let n = tape.nodes.length - 1; n >= 0; n--) {
    const { outputs, backward } = tape.nodes[n];
    for (const output of outputs)
      if (output.grad && output.onGrad) output.grad = output.onGrad(output.grad) ?? output.grad;
    backward();
    for (const output of outputs) delete output.grad;
  }
  tape.nodes.length = 0;
}
