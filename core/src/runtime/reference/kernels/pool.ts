/** MaxPool (with indices), AveragePool, MaxUnpool and the global pools. */
import { numel } from '../../../tensor/index.ts';
import { input, integers, numberAttribute } from '../kernel-call.ts';
import type { Kernel, KernelCall } from '../kernel-call.ts';
import { planWindows, windowPositions } from './conv.ts';
import type { WindowPlan } from './conv.ts';

function poolPlan(call: KernelCall): { plan: WindowPlan; wide: readonly number[]; narrow: readonly number[] } {
  const wide = input(call, 0).shape.slice(2);
  const narrow = call.outputs[0]!.shape.slice(2);
  return { plan: planWindows(call, integers(call, 'kernel_shape')), wide, narrow };
}

/** Y, and as second output the flat index of each maximum in the whole input (ONNX Indices, row-major). */
export const maxPool: Kernel = (call) => {
  const x = input(call, 0);
  const { plan, wide, narrow } = poolPlan(call);
  const positions = windowPositions(plan, wide, narrow);
  const numTaps = numel(plan.kernel);
  const numWindows = numel(narrow);
  const wideSize = numel(wide);
  const numPlanes = x.shape[0]! * x.shape[1]!;
  const out = new Float64Array(numPlanes * numWindows);
  const indices = new Float64Array(out.length);
  for (let plane = 0; plane < numPlanes; plane++) {
    for (let window = 0; window < numWindows; window++) {
      let best = -Infinity;
      let bestPosition = -1;
      for (let tap = 0; tap < numTaps; tap++) {
        const position = positions[tap * numWindows + window]!;
        if (position < 0) continue;
        const value = x.data[plane * wideSize + position]!;
        if (bestPosition >= 0 && !(value > best)) continue;
        best = value;
        bestPosition = position;
      }
      out[plane * numWindows + window] = best;
      indices[plane * numWindows + window] = plane * wideSize + bestPosition;
    }
  }
  return [out, indices];
};

/** Mean over each window; padding counts only with count_include_pad. */
export const averagePool: Kernel = (call) => {
  const x = input(call, 0);
  const { plan, wide, narrow } = poolPlan(call);
  const positions = windowPositions(plan, wide, narrow);
  const countsPadding = numberAttribute(call, 'count_include_pad', 0) !== 0;
  const numTaps = numel(plan.kernel);
  const numWindows = numel(narrow);
  const wideSize = numel(wide);
  const numPlanes = x.shape[0]! * x.shape[1]!;
  const out = new Float64Array(numPlanes * numWindows);
  for (let plane = 0; plane < numPlanes; plane++) {
    for (let window = 0; window < numWindows; window++) {
      let sum = 0;
      let count = 0;
      for (let tap = 0; tap < numTaps; tap++) {
        const position = positions[tap * numWindows + window]!;
        if (position < 0) continue;
        sum += x.data[plane * wideSize + position]!;
        count++;
      }
      out[plane * numWindows + window] = sum / (countsPadding ? numTaps : count);
    }
  }
  return [out];
};

/** GlobalAveragePool / GlobalMaxPool. */
export function globalPool(step: (total: number, x: number) => number, initial: number, isMean: boolean): Kernel {
  return (call) => {
    const x = input(call, 0);
    const size = numel(x.shape.slice(2));
    const out = new Float64Array(x.shape[0]! * x.shape[1]!);
    for (let plane = 0; plane < out.length; plane++) {
      let total = initial;
      for (let i = plane * size; i < (plane + 1) * size; i++) total = step(total, x.data[i]!);
      out[plane] = isMean ? total / size : total;
    }
    return [out];
  };
}

/** Writes each pooled value at its flat index of a zero tensor; of equal indices the last wins. */
export const maxUnpool: Kernel = (call) => {
  const x = input(call, 0).data;
  const indices = input(call, 1).data;
  const out = new Float64Array(numel(call.outputs[0]!.shape));
  for (let i = 0; i < x.length; i++) out[indices[i]!] = x[i]!;
  return [out];
};
