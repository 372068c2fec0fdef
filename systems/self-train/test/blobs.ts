/** Small problem with a shift: three clouds in eight dimensions, in the target moved towards the next one's place. */
import { createRng } from '@tenfold/core/base';
import { trainSource } from '../src/index.ts';
import type { Features, TrainedSource } from '../src/index.ts';

export interface Blobs {
  readonly x: Features;
  readonly labels: Int32Array;
}

const WIDTH = 8;

/** @param shift  0 none … 0.5 half-way */
export function drawBlobs(numRows: number, seed: number, shift: number): Blobs {
  const rng = createRng(seed, 'blobs');
  const labels = Int32Array.from({ length: numRows }, (_, n) => n % 3);
  const data = new Float32Array(numRows * WIDTH);
  for (let n = 0; n < numRows; n++) {
    for (let a = 0; a < WIDTH; a++) {
      const part = (a - labels[n] + 3) % 3;
      const place = part === 0 ? 2 * (1 - shift) : part === 1 ? 2 * shift : 0;
      data[n * WIDTH + a] = place + 0.8 * rng.normal();
    }
  }
  return { x: { numRows, width: WIDTH, data }, labels };
}

export function trainBlobs(seed = 1, options: { readonly hasBases?: boolean } = {}): Promise<TrainedSource> {
  const { x, labels } = drawBlobs(240, seed, 0);
  const backbone = { kind: 'mlp' as const, width: WIDTH, hidden: [24, 12], dropout: 0.3 };
  return trainSource(x, labels, { numClasses: 3, seed, backbone, batchSize: 32, ...options });
}
