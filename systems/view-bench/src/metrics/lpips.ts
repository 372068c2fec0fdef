/** LPIPS v0.1 (SqueezeNet) through ONNX Runtime on the CPU. The model takes ImageNet-normalised pairs and answers one number.
 *  Profile `correct` gives it what LPIPS expects; `euvs-released` repeats the released code, which hands images of 0..1 to a
 *  network that expects −1..1, and multiplies by the mask. */
import { join } from 'node:path';
import { existsSync } from 'node:fs';
import type { RgbImage } from '../types.ts';
import { viewError } from '../view-errors.ts';
import type { MetricProfile } from './image-metrics.ts';

export interface PerceptualMetric extends AsyncDisposable {
  /** 0 = equal. Masked pixels of both images are taken from the truth (`correct`) or black (`euvs-released`). */
  compare(
    image: RgbImage,
    truth: RgbImage,
    options: { readonly mask?: Uint8Array | undefined; readonly profile: MetricProfile },
  ): Promise<number>;
}

const FILE = ['view-bench', 'lpips_sq.onnx'] as const;
const MEAN = [0.485, 0.456, 0.406] as const;
const STD = [0.229, 0.224, 0.225] as const;
/** LPIPS maps −1..1 by these before its network: (x − shift) / scale. */
const SHIFT = [-0.03, -0.088, -0.188] as const;
const SCALE = [0.458, 0.448, 0.45] as const;

/** Opens the metric. @returns undefined without the model file @throws TF-VIEW-006 if the runtime cannot be loaded */
export async function openPerceptualMetric(dataFolder: string | undefined): Promise<PerceptualMetric | undefined> {
  if (dataFolder === undefined) return undefined;
  const path = join(dataFolder, ...FILE);
  if (!existsSync(path)) return undefined;
  const { InferenceSession, Tensor } = await import('onnxruntime-node').catch((cause: unknown) => {
    throw viewError('TF-VIEW-006', {
      subject: 'openPerceptualMetric',
      expected: 'the package onnxruntime-node',
      actual: 'none that loads',
      cause,
    });
  });
  const session = await InferenceSession.create(path, { intraOpNumThreads: 2 });
  const tensorOf = (
    { widthPx, heightPx, data }: RgbImage,
    mask: Uint8Array | undefined,
    fill: RgbImage | undefined,
    isReleased: boolean,
  ) => {
    const numPixels = widthPx * heightPx;
    const planes = new Float32Array(3 * numPixels);
    for (let p = 0; p < numPixels; p++) {
      const isOpen = mask === undefined || mask[p] !== 0;
      for (let c = 0; c < 3; c++) {
        const value = isOpen ? data[3 * p + c] : fill ? fill.data[3 * p + c] : 0;
        // What the released code shows the network is (x − SHIFT) / SCALE of 0..1: the ImageNet scale of (x + 1) / 2.
        planes[c * numPixels + p] = isReleased ? (value - SHIFT[c]) / SCALE[c] : (value - MEAN[c]) / STD[c];
      }
    }
    return new Tensor('float32', planes, [1, 3, heightPx, widthPx]);
  };
  return {
    async compare(image, truth, { mask, profile }) {
      const isReleased = profile === 'euvs-released';
      const fill = isReleased ? undefined : truth;
      const result = await session.run({
        ref: tensorOf(truth, mask, fill, isReleased),
        dist: tensorOf(image, mask, fill, isReleased),
      });
      const score = Number((result['score']!.data as Float32Array)[0]);
      for (const tensor of Object.values(result)) tensor.dispose();
      return score;
    },
    async [Symbol.asyncDispose]() {
      await session.release();
    },
  };
}
