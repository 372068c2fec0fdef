/** Reductions over any set of axes, arg-reductions, softmax and log-softmax, cumulative sum. */
import { stridesFromShape } from '../../../tensor/index.ts';
import { input, integers, numberAttribute, splitAtAxis } from '../kernel-call.ts';
import type { Kernel, KernelCall } from '../kernel-call.ts';
import { forEachRow } from './broadcast.ts';

interface ReducePlan {
  readonly axes: readonly number[];
  /** Elements reduced into each output. */
  readonly count: number;
}

function planReduction(call: KernelCall, shape: readonly number[]): ReducePlan {
  const axes = integers(call, 'axes');
  return { axes, count: axes.reduce((count, axis) => count * shape[axis]!, 1) };
}

interface Reduction {
  readonly initial: number;
  readonly step: (total: number, x: number) => number;
  readonly finish?: (total: number, count: number) => number;
}

/** Kernel of a reduction. */
export function reduction({ initial, step, finish }: Reduction): Kernel {
  return (call) => {
    const x = input(call, 0);
    const { axes, count } = planReduction(call, x.shape);
    const keptShape = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
    const outStrides = stridesFromShape(keptShape).map((stride, axis) => (axes.includes(axis) ? 0 : stride));
    const out = new Float64Array(keptShape.reduce((product, size) => product * size, 1)).fill(initial);
    const width = x.shape[x.shape.length - 1] ?? 1;
    const lastStep = outStrides[outStrides.length - 1] ?? 0;
    const data = x.data;
    forEachRow(x.shape, [outStrides], (row, [offset]) => {
      const start = row * width;
      if (lastStep === 0) {
        let total = out[offset!]!;
        for (let i = 0; i < width; i++) total = step(total, data[start + i]!);
        out[offset!] = total;
        return;
      }
      for (let i = 0; i < width; i++) out[offset! + i] = step(out[offset! + i]!, data[start + i]!);
    });
    if (finish) for (let i = 0; i < out.length; i++) out[i] = finish(out[i]!, count);
    return [out];
  };
}

/** log Σ exp, shifted by the maximum. */
export const reduceLogSumExp: Kernel = (call) => {
  const x = input(call, 0);
  const { axes } = planReduction(call, x.shape);
  const [peaks] = reduction({ initial: -Infinity, step: Math.max })(call) as [Float64Array];
  const keptShape = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const strides = stridesFromShape(keptShape).map((stride, axis) => (axes.includes(axis) ? 0 : stride));
  const sums = new Float64Array(peaks.length);
  const width = x.shape[x.shape.length - 1] ?? 1;
  const step = strides[strides.length - 1] ?? 0;
  forEachRow(x.shape, [strides], (row, [offset]) => {
    for (let i = 0; i < width; i++) {
      const target = offset! + i * step;
      const peak = peaks[target]!;
      sums[target]! += peak === -Infinity ? 0 : Math.exp(x.data[row * width + i]! - peak);
    }
  });
  return [peaks.map((peak, i) => (peak === -Infinity ? peak : peak + Math.log(sums[i]!)))];
};

/** ArgMax / ArgMin. @param isBetter  strict order; ties take the first index unless select_last_index */
export function argReduction(isBetter: (x: number, best: number) => boolean): Kernel {
  return (call) => {
    const x = input(call, 0);
    const { outer, size, inner } = splitAtAxis(x.shape, numberAttribute(call, 'axis', 0));
    const takesLast = numberAttribute(call, 'select_last_index', 0) !== 0;
    const out = new Float64Array(outer * inner);
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        const start = o * size * inner + i;
        let best = x.data[start]!;
        let bestIndex = 0;
        for (let j = 1; j < size; j++) {
          const candidate = x.data[start + j * inner]!;
          if (!isBetter(candidate, best) && !(takesLast && candidate === best)) continue;
          best = candidate;
          bestIndex = j;
        }
        out[o * inner + i] = bestIndex;
      }
    }
    return [out];
  };
}

/** Softmax or log-softmax along an axis. */
export function softmaxKernel(isLog: boolean): Kernel {
  return (call) => {
    const x = input(call, 0);
    const { outer, size, inner } = splitAtAxis(x.shape, numberAttribute(call, 'axis', x.shape.length - 1));
    const out = new Float64Array(x.data.length);
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        const start = o * size * inner + i;
        const end = start + size * inner;
        let peak = -Infinity;
        for (let at = start; at < end; at += inner) if (x.data[at]! > peak) peak = x.data[at]!;
        let sum = 0;
        for (let at = start; at < end; at += inner) sum += Math.exp(x.data[at]! - peak);
        const logSum = Math.log(sum);
        for (let at = start; at < end; at += inner) {
          const shifted = x.data[at]! - peak;
          out[at] = isLog ? shifted - logSum : Math.exp(shifted) / sum;
        }
      }
    }
    return [out];
  };
}

/** CumSum with `exclusive` and `reverse`. */
export const cumSum: Kernel = (call) => {
  const x = input(call, 0);
  const { outer, size, inner } = splitAtAxis(x.shape, numberAttribute(call, 'axis', 0));
  const isExclusive = numberAttribute(call, 'exclusive', 0) !== 0;
  const isReverse = numberAttribute(call, 'reverse', 0) !== 0;
  const out = new Float64Array(x.data.length);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      let total = 0;
      for (let step = 0; step < size; step++) {
        const at = (o * size + (isReverse ? size - 1 - step : step)) * inner + i;
        if (isExclusive) out[at] = total;
        total += x.data[at]!;
        if (!isExclusive) out[at] = total;
      }
    }
  }
  return [out];
};
