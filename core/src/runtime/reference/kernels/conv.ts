/** Conv and ConvTranspose over any number of spatial axes, by columns and one matrix product per group. */
import { numel, stridesFromShape } from '../../../tensor/index.ts';
import { input, integers, numberAttribute } from '../kernel-call.ts';
import type { Kernel, KernelCall } from '../kernel-call.ts';
import { addMatrixProduct } from './matmul.ts';

export interface WindowPlan {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Padding before each axis; what follows is implied by the output's size. */
  readonly padsBefore: readonly number[];
}

/** Reads the window attributes. */
export function planWindows(call: KernelCall, kernel: readonly number[]): WindowPlan {
  return {
    kernel,
    strides: integers(call, 'strides'),
    dilations: call.node.attributes['dilations'] ? integers(call, 'dilations') : kernel.map(() => 1),
    padsBefore: integers(call, 'pads').slice(0, kernel.length),
  };
}

/** For each tap and each window, the flat position in the wide side, or -1 in the padding.
 *  @returns [numel(kernel) · numel(narrow)] */
export function windowPositions(plan: WindowPlan, wide: readonly number[], narrow: readonly number[]): Int32Array {
  const numTaps = numel(plan.kernel);
  const numWindows = numel(narrow);
  const wideStrides = stridesFromShape(wide);
  const positions = new Int32Array(numTaps * numWindows);
  for (let tap = 0; tap < numTaps; tap++) {
    for (let window = 0; window < numWindows; window++) {
      let tapRest = tap;
      let windowRest = window;
      let position = 0;
      for (let axis = wide.length - 1; axis >= 0; axis--) {
        const tapIndex = tapRest % plan.kernel[axis]!;
        const windowIndex = windowRest % narrow[axis]!;
        tapRest = Math.floor(tapRest / plan.kernel[axis]!);
        windowRest = Math.floor(windowRest / narrow[axis]!);
        const at = windowIndex * plan.strides[axis]! - plan.padsBefore[axis]! + tapIndex * plan.dilations[axis]!;
        if (at < 0 || at >= wide[axis]!) {
          position = -1;
          break;
        }
        position += at * wideStrides[axis]!;
      }
      positions[tap * numWindows + window] = position;
    }
  }
  return positions;
}

/** X [N, C, …], W [M, C/groups, …], B [M] → Y [N, M, …]. */
export const conv: Kernel = (call) => {
  const x = input(call, 0);
  const w = input(call, 1);
  const bias = call.inputs[2]?.data;
  const outShape = call.outputs[0]!.shape;
  const [N, C] = x.shape as [number, number];
  const [M, groupChannels] = w.shape as [number, number];
  const groups = numberAttribute(call, 'group', 1);
  const wide = x.shape.slice(2);
  const narrow = outShape.slice(2);
  const plan = planWindows(call, w.shape.slice(2));
  const positions = windowPositions(plan, wide, narrow);
  const numTaps = numel(plan.kernel);
  const numWindows = numel(narrow);
  const wideSize = numel(wide);
  const filters = M / groups;
  const columns = new Float64Array(groupChannels * numTaps * numWindows);
  const out = new Float64Array(numel(outShape));
  for (let n = 0; n < N; n++) {
    for (let group = 0; group < groups; group++) {
      for (let c = 0; c < groupChannels; c++) {
        const source = (n * C + group * groupChannels + c) * wideSize;
        const target = c * numTaps * numWindows;
        for (let i = 0; i < positions.length; i++) {
          const position = positions[i]!;
          columns[target + i] = position < 0 ? 0 : x.data[source + position]!;
        }
      }
      addMatrixProduct(
        out,
        (n * M + group * filters) * numWindows,
        {
          data: w.data,
          offset: group * filters * groupChannels * numTaps,
          rowStride: groupChannels * numTaps,
          columnStride: 1,
        },
        { data: columns, offset: 0, rowStride: numWindows, columnStride: 1 },
        { M: filters, N: numWindows, K: groupChannels * numTaps },
      );
    }
  }
  if (bias) addChannelBias(out, bias, N, M, numWindows);
  return [out];
};

/** X [N, C, …], W [C, M/groups, …], B [M] → Y [N, M, …]; the adjoint of Conv in X. */
export const convTranspose: Kernel = (call) => {
  const x = input(call, 0);
  const w = input(call, 1);
  const bias = call.inputs[2]?.data;
  const outShape = call.outputs[0]!.shape;
  const [N, C] = x.shape as [number, number];
  const filters = w.shape[1]!;
  const groups = numberAttribute(call, 'group', 1);
  const M = filters * groups;
  const groupChannels = C / groups;
  const narrow = x.shape.slice(2);
  const wide = outShape.slice(2);
  const plan = planWindows(call, w.shape.slice(2));
  const positions = windowPositions(plan, wide, narrow);
  const numTaps = numel(plan.kernel);
  const numWindows = numel(narrow);
  const wideSize = numel(wide);
  const out = new Float64Array(numel(outShape));
  const columns = new Float64Array(filters * numTaps * numWindows);
  for (let n = 0; n < N; n++) {
    for (let group = 0; group < groups; group++) {
      columns.fill(0);
      addMatrixProduct(
        columns,
        0,
        {
          data: w.data,
          offset: group * groupChannels * filters * numTaps,
          rowStride: 1,
          columnStride: filters * numTaps,
        },
        { data: x.data, offset: (n * C + group * groupChannels) * numWindows, rowStride: numWindows, columnStride: 1 },
        { M: filters * numTaps, N: numWindows, K: groupChannels },
      );
      for (let m = 0; m < filters; m++) {
        const target = (n * M + group * filters + m) * wideSize;
        const source = m * numTaps * numWindows;
        for (let i = 0; i < positions.length; i++) {
          const position = positions[i]!;
          if (position >= 0) out[target + position]! += columns[source + i]!;
        }
      }
    }
  }
  if (bias) addChannelBias(out, bias, N, M, wideSize);
  return [out];
};

/** Mutates: `out` [N, M, size]. */
function addChannelBias(out: Float64Array, bias: Float64Array, N: number, M: number, size: number): void {
  for (let row = 0; row < N * M; row++) {
    const shift = bias[row % M]!;
    for (let i = row * size; i < (row + 1) * size; i++) out[i]! += shift;
  }
}
