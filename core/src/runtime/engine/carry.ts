/** Moves tensors across the border: our dtypes on one side, ONNX Runtime's typed arrays on the other. */
import type * as Ort from 'onnxruntime-common';
import { castTensor, createDtypeArray, DTYPES, encodeFloats, isSmallFloat, numel } from '../../tensor/index.ts';
import type { Dtype, DtypeArrays, Tensor, TensorData } from '../../tensor/index.ts';
import type { EngineSlot } from './engine-graph.ts';
import type { OrtApi } from './node-runtime.ts';

/** What ONNX Runtime's API accepts and returns as data. */
export type EngineData = TensorData | Float16Array;

/** The engine's view of a tensor; copies only where the dtype must change. */
export function engineDataFromTensor(slot: EngineSlot, tensor: Tensor): EngineData {
  if (slot.engineDtype !== slot.dtype) return castTensor(tensor, slot.engineDtype).data;
  return engineView(slot.dtype, tensor.data);
}

/** ONNX Runtime wants f16 as Float16Array where the platform has it; the bits are the same. */
export function engineView(dtype: Dtype, data: TensorData): EngineData {
  if (dtype !== 'float16' || typeof Float16Array === 'undefined') return data;
  return new Float16Array(data.buffer, data.byteOffset, data.length);
}

/** A tensor over the engine's data; copies only where the dtype must change. */
export function tensorFromEngineData(slot: EngineSlot, data: EngineData): Tensor {
  const { dtype, engineDtype, shape } = slot;
  if (engineDtype !== dtype) {
    if (isSmallFloat(dtype)) return { dtype, shape, data: encodeFloats(dtype, data as Float32Array) };
    return castTensor({ dtype: engineDtype, shape, data: data as TensorData }, dtype);
  }
  const info = DTYPES[dtype];
  if (data.constructor === info.ArrayType) return { dtype, shape, data: data as TensorData };
  return { dtype, shape, data: new info.ArrayType(data.buffer as ArrayBuffer, data.byteOffset, data.length) };
}

/** A zeroed array that the engine can read and write for this slot. */
export function createEngineArray(slot: EngineSlot): DtypeArrays[Dtype] {
  return createDtypeArray(slot.engineDtype, numel(slot.shape));
}

/** Copies a tensor into an array made by createEngineArray. Mutates: target. */
export function copyIntoEngineArray(slot: EngineSlot, tensor: Tensor, target: TensorData): void {
  const source = slot.engineDtype === slot.dtype ? tensor.data : castTensor(tensor, slot.engineDtype).data;
  (target as Float32Array).set(source as Float32Array);
}

/** The engine's tensor over data, without a copy. */
export function ortTensor(ort: OrtApi, slot: EngineSlot, data: EngineData): Ort.Tensor {
  // The engine dtype is one of ONNX Runtime's names; its typings want to know which.
  const tensor = new ort.Tensor(slot.engineDtype as 'float32', data as Float32Array, slot.shape);
  if (slot.engineDtype === 'float16') {
    // The class insists on Float16Array, Node's binding on Uint16Array; both read the bits through `data`.
    Object.defineProperty(tensor, 'data', { value: new Uint16Array(data.buffer, data.byteOffset, data.length) });
  }
  return tensor;
}
