/** Buffers and kernels: sizes are checked against the device, allocation failures are reported, dispatches stay below the limits. */
import { viewError } from '../view-errors.ts';

export const USAGE = { storage: 0x80 | 0x4 | 0x8, uniform: 0x40 | 0x8, read: 0x1 | 0x8 } as const;
const MAX_GROUPS_PER_DIMENSION = 65_535;

export interface Kernel {
  readonly pipeline: GPUComputePipeline;
}

export function createKernel(device: GPUDevice, code: string, label: string): Kernel {
  const module = device.createShaderModule({ code, label });
  return { pipeline: device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: 'main' }, label }) };
}

/** What `compile` makes, made once a device. */
export function compiledOnce<T>(compile: (device: GPUDevice) => T): (device: GPUDevice) => T {
  const known = new WeakMap<GPUDevice, { readonly kernels: T }>();
  return (device) => {
    const entry = known.get(device) ?? { kernels: compile(device) };
    known.set(device, entry);
    return entry.kernels;
  };
}

const ownLimits = new WeakMap<GPUDevice, number>();

/** Makes a device refuse storage above `numBytes`, as an adapter with that limit would. Mutates: what bindingLimit says of the device. */
export function limitBindings(device: GPUDevice, numBytes: number): void {
  ownLimits.set(device, numBytes);
}

/** Bytes of the largest storage that a kernel of the device can bind, in whole rows of 16. */
export function bindingLimit(device: GPUDevice): number {
  const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
  const most = Math.min(maxBufferSize, maxStorageBufferBindingSize, ownLimits.get(device) ?? Infinity);
  return most - (most % 16);
}

/** Storage of `numBytes`, zeroed. @param hint  what would fit, and which option changes it @throws TF-VIEW-012 if a binding of the
 *  adapter cannot hold it */
export function createStorage(
  device: GPUDevice,
  numBytes: number,
  label: string,
  hint = 'Fewer Gaussians (--cap) or smaller images fit',
): GPUBuffer {
  const size = Math.max(16, Math.ceil(numBytes / 16) * 16);
  const most = bindingLimit(device);
  if (size > most) {
    throw viewError('TF-VIEW-012', {
      subject: 'createStorage',
      expected: `at most ${most} bytes in one buffer`,
      actual: `${size} for ${label}`,
      hints: [`${hint}; the CPU trains without such a limit.`],
    });
  }
  return device.createBuffer({ size, usage: USAGE.storage, label });
}

/** Runs work that allocates; out of memory is an error here, never buffers of zeros. @throws TF-VIEW-012 */
export async function withAllocationCheck<T>(device: GPUDevice, subject: string, work: () => T): Promise<T> {
  device.pushErrorScope('out-of-memory');
  device.pushErrorScope('validation');
  let result: T;
  let failure: unknown;
  try {
    result = work();
  } catch (cause) {
    failure = cause;
  }
  const validation = await device.popErrorScope();
  const memory = await device.popErrorScope();
  if (failure !== undefined) throw failure;
  if (memory) throw viewError('TF-VIEW-012', { subject, expected: 'enough GPU memory', actual: memory.message });
  if (validation)
    throw viewError('TF-VIEW-012', { subject, expected: 'work that the device accepts', actual: validation.message });
  return result!;
}

/** A kernel with its buffers bound, so that a step that repeats binds nothing anew. */
export interface Task {
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly numGroups: readonly [number, number];
}

/** @param buffers  by binding number @param numGroups  workgroups; a single number is laid out in two dimensions where there are many */
export function createTask(
  device: GPUDevice,
  { pipeline }: Kernel,
  buffers: readonly GPUBuffer[],
  numGroups: number | readonly [number, number],
): Task {
  return {
    label: pipeline.label,
    pipeline,
    bindGroup: device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
    }),
    numGroups: typeof numGroups === 'number' ? groupsOf(numGroups) : numGroups,
  };
}

export function runTasks(pass: GPUComputePassEncoder, tasks: readonly Task[]): void {
  for (const { pipeline, bindGroup, numGroups } of tasks) {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(...numGroups);
  }
}

/** Kernels find their row by both dimensions (`rowIndex`). */
function groupsOf(count: number): readonly [number, number] {
  if (count <= MAX_GROUPS_PER_DIMENSION) return [Math.max(1, count), 1];
  const columns = Math.min(MAX_GROUPS_PER_DIMENSION, Math.ceil(Math.sqrt(count)));
  return [columns, Math.ceil(count / columns)];
}

/** Copies a buffer to the host. @throws TF-VIEW-012 if the device is lost */
export async function readBuffer(
  device: GPUDevice,
  buffer: GPUBuffer,
  numBytes: number,
  offset = 0,
): Promise<ArrayBuffer> {
  const size = Math.ceil(numBytes / 4) * 4;
  const target = device.createBuffer({ size, usage: USAGE.read });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, offset, target, 0, size);
  device.queue.submit([encoder.finish()]);
  await target.mapAsync(1).catch((cause: unknown) => {
    throw viewError('TF-VIEW-012', {
      subject: 'readBuffer',
      expected: 'a device that answers',
      actual: cause instanceof Error ? cause.message : 'a lost one',
      hints: ['Drivers give a device up when its memory is full or one kernel runs for seconds.'],
      cause,
    });
  });
  const copy = target.getMappedRange().slice(0);
  target.destroy();
  return copy;
}

export function createUniform(device: GPUDevice, data: ArrayBuffer): GPUBuffer {
  const buffer = device.createBuffer({ size: Math.max(16, data.byteLength), usage: USAGE.uniform });
  device.queue.writeBuffer(buffer, 0, data);
  return buffer;
}
