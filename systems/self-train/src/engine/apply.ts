/** A trained or adapted network on samples. */
import type { StateValues } from '@tenfold/core/runtime';
import type { Features } from '../types.ts';
import { openNetwork } from './ensemble.ts';
import type { Prediction } from './network.ts';
import type { TrainedSource } from './train-source.ts';

export async function predictWith(
  network: TrainedSource['network'],
  states: StateValues,
  x: Features,
  signal?: AbortSignal,
): Promise<Prediction> {
  await using opened = await openNetwork({
    ...network,
    states,
    seed: 0,
    learningRate: 0,
    ...(signal && { signal }),
  });
  // Awaited here: the network closes when this function is left.
  return await opened.predict(x);
}
