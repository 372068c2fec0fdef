/** Where training runs: this processor, or a WebGPU device. */
import { TenfoldError } from '@tenfold/core/base';
import type { ExperimentOptions } from '../bench/experiment.ts';
import type { TrainingParams } from '../params.ts';
import type { SplatMethod } from '../splat/method.ts';

export interface Backend extends Disposable {
  readonly name: 'cpu' | 'webgpu';
  /** As the driver names it; null on the CPU. */
  readonly adapterName: string | null;
  readonly trainer: ExperimentOptions['trainer'];
}

/** The one that trains on the GPU. */
const GPU_METHOD = '3dgs';
const CPU: Backend = { name: 'cpu', adapterName: null, trainer: undefined, [Symbol.dispose]: () => undefined };
/** Drivers that compute on the CPU, where our own CPU trainer is faster. */
const SOFTWARE_ADAPTER = /swiftshader|llvmpipe|lavapipe/i;

/** `webgpu` takes any adapter, `auto` a GPU if there is one and the method trains there. @throws TF-VIEW-011 for webgpu without an adapter */
export async function openBackend(
  choice: TrainingParams['backend'],
  method: SplatMethod = GPU_METHOD,
): Promise<Backend> {
  if (choice === 'cpu' || (choice === 'auto' && method !== GPU_METHOD)) return CPU;
  const { openGpuDevice } = await import('../gpu/device.ts');
  const { findNodeGpu } = await import('../gpu/node-gpu.ts');
  let opened: Awaited<ReturnType<typeof openGpuDevice>>;
  try {
    opened = await openGpuDevice(await findNodeGpu());
  } catch (cause) {
    if (choice === 'auto' && cause instanceof TenfoldError && cause.code === 'TF-VIEW-011') return CPU;
    throw cause;
  }
  const { device, adapterName } = opened;
  if (choice === 'auto' && SOFTWARE_ADAPTER.test(adapterName)) {
    device.destroy();
    return CPU;
  }
  const { trainOnGpu } = await import('../gpu/gpu-trainer.ts');
  const { trainCloud } = await import('../train/trainer.ts');
  return {
    name: 'webgpu',
    adapterName,
    trainer: (first, frames, options, rng) =>
      choice === 'auto' && (options.method ?? GPU_METHOD) !== GPU_METHOD
        ? trainCloud(first, frames, options, rng)
        : trainOnGpu(device, first, frames, options, rng),
    [Symbol.dispose]: () => device.destroy(),
  };
}
