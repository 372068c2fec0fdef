/** FP8 scales that do not move, and the gradients that they flush to zero. */
import { formatId, parseId } from '../trace/canonical-id.ts';
import type { TraceRun } from '../trace/trace-run.ts';
import type { Finding, Hint } from '../types.ts';
import { mergeWhole } from './merge.ts';

const INITIAL_SCALE = 1;
/** So many more zeros than the reference has are an underflow. */
const LEAST_ZEROS = 0.1;

/** A scale that keeps its initial value in all recorded steps. */
export function explainFrozenScale({ id, kind }: Finding, candidate: TraceRun, reference: TraceRun): Hint | undefined {
  if (kind !== 'scale') return undefined;
  const fields = parseId(id);
  let numSteps = 0;
  for (let iteration = 0; ; iteration++) {
    const tensor = candidate.tensors.get(formatId({ ...fields, iteration }));
    if (!tensor) break;
    if (mergeWhole(tensor).data[0] !== INITIAL_SCALE) return undefined;
    numSteps++;
  }
  const expected = mergeWhole(reference.tensors.get(id)!).data[0];
  if (numSteps === 0 || expected === INITIAL_SCALE) return undefined;
  const steps = numSteps === 1 ? 'the recorded step' : `all ${numSteps} recorded steps`;
  return {
    kind: 'frozen-scale',
    text: `the scale has its initial value 1 in ${steps}, the reference’s is ${expected.toPrecision(2)}: no largest magnitude ever reached it`,
  };
}

/** Zeros where the reference has small values. */
export function explainUnderflow(actual: Float32Array, expected: Float32Array): Hint | undefined {
  const [zeros, known] = [shareOfZeros(actual), shareOfZeros(expected)];
  if (zeros - known < LEAST_ZEROS || zeros === 1) return undefined;
  return {
    kind: 'underflow',
    text: `${percent(zeros)} of the elements are zero, ${percent(known)} in the reference: small values were flushed to zero`,
  };
}

function shareOfZeros(values: Float32Array): number {
  let count = 0;
  for (let i = 0; i < values.length; i++) if (values[i] === 0) count++;
  return count / values.length;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}
