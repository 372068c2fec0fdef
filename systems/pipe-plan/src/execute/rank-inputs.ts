/** What a micro-batch reads besides what its neighbours send. */
import { normalAt, streamFromId } from '@tenfold/core/base';
import { createTensor, type Tensor } from '@tenfold/core/tensor';
import { LATENT_CHANNELS, LATENT_SIZE, type MiniConfig } from './mini-model.ts';

/** Noise and times of an iteration are the same on every rank; latents and text states come from the frozen part. */
export function microBatches(
  {
    config,
    microBatch,
    numMicroBatches,
  }: { readonly config: MiniConfig; readonly microBatch: number; readonly numMicroBatches: number },
  iteration: number,
  conditioned: Tensor,
): Record<string, Tensor>[] {
  const batch = microBatch * numMicroBatches;
  const latentSize = LATENT_CHANNELS * LATENT_SIZE ** 2;
  const rowSize = latentSize + config.width;
  const noiseStream = streamFromId(`noise ${iteration}`, config.seed);
  const frozenOutputs = conditioned.data as Float32Array;
  return Array.from({ length: numMicroBatches }, (_, micro) => {
    const noisy = createTensor('float32', [microBatch, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE]);
    const noise = createTensor('float32', noisy.shape);
    const condition = createTensor('float32', [microBatch, config.width]);
    for (let k = 0; k < microBatch; k++) {
      const sample = micro * microBatch + k;
      const time = (sample + 0.5) / batch;
      for (let i = 0; i < latentSize; i++) {
        const e = normalAt(noiseStream, sample * latentSize + i);
        (noise.data as Float32Array)[k * latentSize + i] = e;
        (noisy.data as Float32Array)[k * latentSize + i] =
          Math.sqrt(1 - time) * frozenOutputs[sample * rowSize + i]! + Math.sqrt(time) * e;
      }
      for (let i = 0; i < config.width; i++)
        (condition.data as Float32Array)[k * config.width + i] =
          frozenOutputs[sample * rowSize + latentSize + i]! + Math.sin(time * (i + 1));
    }
    return { noisy, noise, condition };
  });
}
