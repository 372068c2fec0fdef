/** Moves tensors between JavaScript and GPU buffers. onnxruntime-node has no download of its own: a graph of one Identity
 *  node with its input or output on the CPU does it. */
import type * as Ort from 'onnxruntime-common';
import type { Dtype } from '../../tensor/index.ts';
import { engineBytes } from '../engine/engine-bytes.ts';
import type { OrtApi } from '../engine/node-runtime.ts';

export interface GpuTransfer {
  upload(tensor: Ort.Tensor): Promise<Ort.Tensor>;
  download(tensor: Ort.Tensor): Promise<Ort.Tensor>;
  close(): Promise<void>;
}

type Direction = 'up' | 'down';

export function createGpuTransfer(ort: OrtApi): GpuTransfer {
  const open = new Map<string, Promise<Ort.InferenceSession>>();
  const move = async (tensor: Ort.Tensor, direction: Direction): Promise<Ort.Tensor> => {
    const key = `${direction}:${tensor.type}:${tensor.dims.join()}`;
    let session = open.get(key);
    if (session === undefined) {
      session = ort.InferenceSession.create(identityBytes(tensor.type as Dtype, tensor.dims), {
        executionProviders: ['webgpu'],
        logSeverityLevel: 3,
        ...(direction === 'up' ? { preferredOutputLocation: 'gpu-buffer' } : {}),
      });
      open.set(key, session);
    }
    return (await (await session).run({ x: tensor }))['y'] as Ort.Tensor;
  };
  return {
    upload: (tensor) => move(tensor, 'up'),
    download: (tensor) => move(tensor, 'down'),
    async close() {
      for (const session of open.values()) await (await session).release();
      open.clear();
    },
  };
}

function identityBytes(dtype: Dtype, shape: readonly number[]): Uint8Array {
  const value = (id: number, name: string) => ({ id, name, dtype, shape });
  return engineBytes(
    {
      name: 'transfer',
      values: [value(0, 'x'), value(1, 'y')],
      nodes: [
        {
          name: 'y',
          op: 'Identity',
          inputs: [0],
          outputs: [1],
          attributes: {},
          notes: { module: '', phase: 'forward', role: 'none' },
        },
      ],
      inputs: [0],
      outputs: [1],
      states: [],
      initializers: new Map(),
    },
    { doneSignal: false },
  );
}
