/** Buffers of a session: what lives across runs, and the slots that values of one run share. States that change have two
 *  buffers that swap after each run. */
import { castTensor, numel } from '../../tensor/index.ts';
import type { Tensor, TensorData } from '../../tensor/index.ts';
import type { Graph, ValueId } from '../../graph/index.ts';
import { bytesOf } from './kernel-plan.ts';
import type { KernelPlan } from './kernel-plan.ts';
import type { PrimValue } from './prims.ts';

export interface GpuMemory {
  /** The buffer of a root in runs of this parity. */
  bufferOf(root: ValueId, parity: 0 | 1): GPUBuffer;
  write(buffer: GPUBuffer, value: PrimValue, tensor: Tensor): void;
  /** Copies next states that are made elsewhere than in their own buffer, as the last part of a run. */
  copyStates(encoder: GPUCommandEncoder, parity: 0 | 1): void;
  destroy(): void;
}

export function createGpuMemory(device: GPUDevice, graph: Graph, plan: KernelPlan): GpuMemory {
  const { values, slotOf, slotBytes, rootOf } = plan;
  const create = (bytes: number): GPUBuffer =>
    device.createBuffer({
      size: bytes,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
  const own = new Map<ValueId, GPUBuffer>();
  const swapping = new Map<ValueId, readonly [GPUBuffer, GPUBuffer]>();
  const copies: { from: ValueId; state: ValueId; between: GPUBuffer }[] = [];
  const entering = new Set([...graph.inputs, ...graph.states.map(({ value }) => value), ...graph.initializers.keys()]);
  const isOutput = new Set(graph.outputs.map((id) => rootOf.get(id)!));
  for (const { value, next } of graph.states) {
    if (next === undefined || next === value) continue;
    const root = rootOf.get(next)!;
    const bytes = bytesOf(values[value]);
    const isOwn = !entering.has(root) && !swapping.has(root) && !isOutput.has(root);
    if (!isOwn) {
      copies.push({ from: root, state: value, between: create(bytes) });
      continue;
    }
    const pair = [create(bytes), create(bytes)] as const;
    swapping.set(value, pair);
    swapping.set(root, [pair[1], pair[0]]);
  }
  const slots = slotBytes.map(create);
  const bufferOf = (root: ValueId, parity: 0 | 1): GPUBuffer => {
    const pair = swapping.get(root);
    if (pair !== undefined) return pair[parity];
    const slot = slotOf.get(root);
    if (slot !== undefined) return slots[slot];
    let buffer = own.get(root);
    if (buffer === undefined) {
      buffer = create(bytesOf(values[root]));
      own.set(root, buffer);
    }
    return buffer;
  };
  return {
    bufferOf,
    write(buffer, value, tensor) {
      const bytes = deviceBytes(value, tensor);
      device.queue.writeBuffer(buffer, 0, bytes);
    },
    copyStates(encoder, parity) {
      // Through buffers between, since one state's next value may be another state's present one.
      const steps = copies.map(({ from, state, between }) => ({
        from: bufferOf(from, parity),
        between,
        to: bufferOf(state, parity),
      }));
      for (const { from, between } of steps) encoder.copyBufferToBuffer(from, 0, between, 0, between.size);
      for (const { between, to } of steps) encoder.copyBufferToBuffer(between, 0, to, 0, between.size);
    },
    destroy() {
      const between = copies.map((copy) => copy.between);
      for (const buffer of [...own.values(), ...slots, ...between, ...[...swapping.values()].flat()]) buffer.destroy();
    },
  };
}

/** A tensor's elements as they lie on the device, in whole words. */
function deviceBytes({ kind }: PrimValue, tensor: Tensor): Uint8Array<ArrayBuffer> {
  const data: TensorData = kind === 'i32' || kind === 'bool' ? castTensor(tensor, 'int32').data : tensor.data;
  const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  if (bytes.length % 4 === 0) return bytes;
  const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  padded.set(bytes);
  return padded;
}

/** The tensor that device bytes stand for. @param bytes  its own memory, from the first element on */
export function tensorFromDevice(
  { kind }: PrimValue,
  { dtype, shape }: Pick<Tensor, 'dtype' | 'shape'>,
  bytes: ArrayBuffer,
): Tensor {
  const count = numel(shape);
  if (kind === 'f32') return { dtype, shape, data: new Float32Array(bytes, 0, count) };
  if (kind === 'f16') return { dtype, shape, data: new Uint16Array(bytes, 0, count) };
  return castTensor({ dtype: 'int32', shape, data: new Int32Array(bytes, 0, count) }, dtype);
}
