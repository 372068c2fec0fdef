/** Layer, RMS, batch, group and instance normalisation. Statistics are float64 (two passes), biased variance. */
import { numel } from '../../../tensor/index.ts';
import { input, numberAttribute } from '../kernel-call.ts';
import type { Kernel } from '../kernel-call.ts';

/** Normalises rows [rows, width]. @param isCentred  false: RMS norm, mean stays 0 */
function rowNorm(x: Float64Array, width: number, epsilon: number, isCentred: boolean) {
  const rows = width === 0 ? 0 : x.length / width;
  const normalised = new Float64Array(x.length);
  const means = new Float64Array(rows);
  const invStds = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const start = row * width;
    const end = start + width;
    let mean = 0;
    if (isCentred) {
      for (let i = start; i < end; i++) mean += x[i]!;
      mean /= width;
    }
    let variance = 0;
    for (let i = start; i < end; i++) variance += (x[i]! - mean) ** 2;
    const invStd = 1 / Math.sqrt(variance / width + epsilon);
    for (let i = start; i < end; i++) normalised[i] = (x[i]! - mean) * invStd;
    means[row] = mean;
    invStds[row] = invStd;
  }
  return { normalised, means, invStds };
}

/** Y, Mean, InvStdDev over axes `axis` … rank−1. */
export const layerNorm: Kernel = (call) => {
  const x = input(call, 0);
  const scale = input(call, 1).data;
  const bias = call.inputs[2]?.data;
  const width = numel(x.shape.slice(numberAttribute(call, 'axis', x.shape.length - 1)));
  const { normalised, means, invStds } = rowNorm(x.data, width, numberAttribute(call, 'epsilon', 1e-5), true);
  for (let i = 0; i < normalised.length; i++) {
    const column = i % width;
    normalised[i] = normalised[i]! * scale[column]! + (bias ? bias[column]! : 0);
  }
  return [normalised, means, invStds];
};

/** Y, InvStdDev: x / rms(x) · scale. */
export const rmsNorm: Kernel = (call) => {
  const x = input(call, 0);
  const scale = input(call, 1).data;
  const width = numel(x.shape.slice(numberAttribute(call, 'axis', x.shape.length - 1)));
  const { normalised, invStds } = rowNorm(x.data, width, numberAttribute(call, 'epsilon', 1e-5), false);
  for (let i = 0; i < normalised.length; i++) normalised[i]! *= scale[i % width]!;
  return [normalised, invStds];
};

/** Group norm with per-channel scale and bias; @param groupsOf  number of groups for a channel count */
function groupedNorm(groupsOf: (call: Parameters<Kernel>[0], channels: number) => number): Kernel {
  return (call) => {
    const x = input(call, 0);
    const scale = input(call, 1).data;
    const bias = input(call, 2).data;
    const channels = x.shape[1]!;
    const spatial = numel(x.shape.slice(2));
    const width = (channels / groupsOf(call, channels)) * spatial;
    const { normalised } = rowNorm(x.data, width, numberAttribute(call, 'epsilon', 1e-5), true);
    for (let i = 0; i < normalised.length; i++) {
      const channel = Math.floor(i / spatial) % channels;
      normalised[i] = normalised[i]! * scale[channel]! + bias[channel]!;
    }
    return [normalised];
  };
}

export const groupNorm = groupedNorm((call) => numberAttribute(call, 'num_groups', 1));
export const instanceNorm = groupedNorm((_, channels) => channels);

/** Y, running_mean, running_var; training_mode takes the batch's statistics. */
export const batchNorm: Kernel = (call) => {
  const x = input(call, 0);
  const [scale, bias, inputMean, inputVar] = [1, 2, 3, 4].map((i) => input(call, i).data) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const epsilon = numberAttribute(call, 'epsilon', 1e-5);
  const momentum = numberAttribute(call, 'momentum', 0.9);
  const isTraining = numberAttribute(call, 'training_mode', 0) !== 0;
  const [N, C] = x.shape as [number, number];
  const spatial = numel(x.shape.slice(2));
  const count = N * spatial;
  const out = new Float64Array(x.data.length);
  const runningMean = new Float64Array(C);
  const runningVar = new Float64Array(C);
  for (let c = 0; c < C; c++) {
    let mean = inputMean[c]!;
    let variance = inputVar[c]!;
    if (isTraining) {
      mean = 0;
      variance = 0;
      for (let n = 0; n < N; n++) for (let i = 0; i < spatial; i++) mean += x.data[(n * C + c) * spatial + i]!;
      mean /= count;
      for (let n = 0; n < N; n++)
        for (let i = 0; i < spatial; i++) variance += (x.data[(n * C + c) * spatial + i]! - mean) ** 2;
      variance /= count;
    }
    runningMean[c] = momentum * inputMean[c]! + (1 - momentum) * mean;
    runningVar[c] = momentum * inputVar[c]! + (1 - momentum) * variance;
    const factor = scale[c]! / Math.sqrt(variance + epsilon);
    for (let n = 0; n < N; n++) {
      for (let i = 0; i < spatial; i++) {
        const at = (n * C + c) * spatial + i;
        out[at] = (x.data[at]! - mean) * factor + bias[c]!;
      }
    }
  }
  return [out, runningMean, runningVar];
};
