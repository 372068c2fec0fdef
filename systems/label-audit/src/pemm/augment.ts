/** Random changes of training images: what is drawn depends on seed, step and place in the batch alone. */
import { createRng } from '@tenfold/core/base';
import type { Rng } from '@tenfold/core/base';
import type { Tensor } from '@tenfold/core/tensor';
import { labelError } from '../label-errors.ts';
import type { Augmentation } from '../types.ts';

/** An eighth of the side: 4 pixels of 32, as usual for CIFAR. */
const PAD_SHARE = 1 / 8;
const LARGEST_ANGLE = (20 * Math.PI) / 180;

export interface AugmentOptions {
  readonly kind: Augmentation;
  readonly seed: number;
  readonly step: number;
}

/** Moves each image by up to an eighth of its side (crop of the image padded with zeros), mirrors every second one left to
 *  right, turns it by up to 20° (nearest pixel), as the kind says.
 *  @param batch  [N, C, H, W] @returns a new tensor, or the batch itself for `none`
 *  @throws TF-LABEL-008 if the batch holds no images */
export function augmentBatch(batch: Tensor<'float32'>, { kind, seed, step }: AugmentOptions): Tensor<'float32'> {
  if (kind === 'none') return batch;
  if (batch.shape.length !== 4) {
    throw labelError('TF-LABEL-008', {
      subject: 'augmentBatch',
      expected: 'images to change',
      actual: `samples of shape [${batch.shape.slice(1).join(', ')}]`,
      hints: ['Use --augment none.'],
    });
  }
  const rng = createRng(seed, `augment/${step}`);
  const [numImages, channels, height, width] = batch.shape as [number, number, number, number];
  const size = channels * height * width;
  const data = new Float32Array(batch.data.length);
  for (let i = 0; i < numImages; i++) {
    const change = drawChange(rng, kind, height, width);
    const at = i * size;
    copyChanged(batch.data.subarray(at, at + size), data.subarray(at, at + size), { channels, height, width }, change);
  }
  return { ...batch, data };
}

interface Change {
  readonly down: number;
  readonly right: number;
  readonly isMirrored: boolean;
  readonly sine: number;
  readonly cosine: number;
}

function drawChange(rng: Rng, kind: Augmentation, height: number, width: number): Change {
  const shift = (side: number) => {
    const pad = Math.max(1, Math.round(side * PAD_SHARE));
    return rng.integer(2 * pad + 1) - pad;
  };
  const [down, right] = kind === 'flip' ? [0, 0] : [shift(height), shift(width)];
  const isMirrored = kind !== 'crop' && rng.integer(2) === 1;
  const angle = kind === 'crop+flip+rotate' ? (2 * rng.uniform() - 1) * LARGEST_ANGLE : 0;
  return { down, right, isMirrored, sine: Math.sin(angle), cosine: Math.cos(angle) };
}

/** Takes each pixel from where the change brings it from; what lies outside is 0.  Mutates: target. */
function copyChanged(
  source: Float32Array,
  target: Float32Array,
  { channels, height, width }: { readonly channels: number; readonly height: number; readonly width: number },
  { down, right, isMirrored, sine, cosine }: Change,
): void {
  const [middleY, middleX] = [(height - 1) / 2, (width - 1) / 2];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [dy, dx] = [y - middleY, x - middleX];
      const fromY = Math.round(middleY + cosine * dy - sine * dx) + down;
      const turnedX = Math.round(middleX + sine * dy + cosine * dx) + right;
      const fromX = isMirrored ? width - 1 - turnedX : turnedX;
      if (fromY < 0 || fromY >= height || fromX < 0 || fromX >= width) continue;
      for (let c = 0; c < channels; c++) {
        target[(c * height + y) * width + x] = source[(c * height + fromY) * width + fromX];
      }
    }
  }
}
