/** Photographs on the GPU and the tasks of the loss against them. */
import { countOpen } from '../train/loss.ts';
import type { Frame } from '../types.ts';
import { compiledOnce, createKernel, createStorage, createTask, type Task } from './kernels.ts';
import {
  LOSS_SUM_WGSL,
  MATRIX_GRADIENT_WGSL,
  MATRIX_STEP_WGSL,
  MATRIX_STRIDE,
  SSIM_GRADIENT_WGSL,
  SSIM_WGSL,
} from './loss-wgsl.ts';
import { tileGrid } from './packing.ts';
import { createImageBuffers, type ImageBuffers } from './splat-passes.ts';

/** Everything of one image size. */
export interface Canvas extends Disposable {
  readonly image: ImageBuffers;
  readonly byMean: GPUBuffer;
  readonly bySquare: GPUBuffer;
  readonly byProduct: GPUBuffer;
  readonly tileSums: GPUBuffer;
  readonly matrixSums: GPUBuffer;
}

/** Colour matrices of all frames and their moments. */
export interface Matrices extends Disposable {
  readonly values: GPUBuffer;
  readonly moments: GPUBuffer;
}

/** A photograph: its tasks from the rendering to the image gradient. */
export interface LossView extends Disposable {
  readonly numOpen: number;
  readonly tasks: readonly Task[];
}

export interface LossShared {
  readonly frame: GPUBuffer;
  readonly step: GPUBuffer;
  readonly records: GPUBuffer;
  readonly matrices: Matrices;
  /** Learns the matrices. */
  readonly hasExposure: boolean;
}

const UNORM_16 = 65_535;

export function createCanvas(device: GPUDevice, widthPx: number, heightPx: number): Canvas {
  const numPixels = widthPx * heightPx;
  const [columns, rows] = tileGrid({ widthPx, heightPx });
  const image = createImageBuffers(device, widthPx, heightPx);
  const buffers = {
    byMean: createStorage(device, 16 * numPixels, 'map by mean'),
    bySquare: createStorage(device, 16 * numPixels, 'map by square'),
    byProduct: createStorage(device, 16 * numPixels, 'map by product'),
    tileSums: createStorage(device, 8 * columns * rows, 'sums of tiles'),
    matrixSums: createStorage(device, 4 * MATRIX_STRIDE * columns * rows, 'matrix sums of tiles'),
  };
  return {
    image,
    ...buffers,
    [Symbol.dispose]() {
      image[Symbol.dispose]();
      for (const buffer of Object.values(buffers)) buffer.destroy();
    },
  };
}

/** Identities. */
export function createMatrices(device: GPUDevice, numFrames: number): Matrices {
  const values = createStorage(device, 4 * MATRIX_STRIDE * numFrames, 'colour matrices');
  const moments = createStorage(device, 8 * MATRIX_STRIDE * numFrames, 'moments of the matrices');
  const identities = new Float32Array(MATRIX_STRIDE * numFrames);
  for (let f = 0; f < numFrames; f++) for (let c = 0; c < 3; c++) identities[MATRIX_STRIDE * f + 5 * c] = 1;
  device.queue.writeBuffer(values, 0, identities);
  return {
    values,
    moments,
    [Symbol.dispose]() {
      values.destroy();
      moments.destroy();
    },
  };
}

/** Uploads a photograph and its mask in 16-bit parts, which hold 8-bit colours exactly. */
export function createLossView(
  device: GPUDevice,
  frame: Frame,
  canvas: Canvas,
  { frame: frameUniform, step, records, matrices, hasExposure }: LossShared,
): LossView {
  const { staticMask, image: photograph } = frame;
  const numPixels = photograph.widthPx * photograph.heightPx;
  const parts = new Uint16Array(4 * numPixels);
  for (let p = 0; p < numPixels; p++) {
    for (let c = 0; c < 3; c++)
      parts[4 * p + c] = Math.round(UNORM_16 * Math.min(1, Math.max(0, photograph.data[3 * p + c])));
    parts[4 * p + 3] = staticMask?.[p] === 0 ? 0 : UNORM_16;
  }
  const truth = createStorage(device, parts.byteLength, `photograph ${frame.name}`);
  device.queue.writeBuffer(truth, 0, parts);
  const kernels = kernelsOf(device);
  const { image, byMean, bySquare, byProduct, tileSums, matrixSums } = canvas;
  const groups = tileGrid(image);
  const uniforms = [frameUniform, step];
  const pixels = [...uniforms, image.image, truth, matrices.values, byMean, bySquare, byProduct];
  return {
    numOpen: countOpen(staticMask, numPixels),
    tasks: [
      createTask(device, kernels.ssim, [...pixels, tileSums], groups),
      createTask(device, kernels.lossSum, [...uniforms, tileSums, records], 1),
      createTask(device, kernels.ssimGradient, [...pixels, image.gradient], groups),
      ...(hasExposure
        ? [
            createTask(
              device,
              kernels.matrixGradient,
              [...uniforms, image.image, matrices.values, image.gradient, matrixSums],
              groups,
            ),
            createTask(
              device,
              kernels.matrixStep,
              [...uniforms, matrixSums, matrices.values, matrices.moments, records],
              1,
            ),
          ]
        : []),
    ],
    [Symbol.dispose]: () => truth.destroy(),
  };
}

const kernelsOf = compiledOnce((device) => ({
  ssim: createKernel(device, SSIM_WGSL, 'SSIM'),
  ssimGradient: createKernel(device, SSIM_GRADIENT_WGSL, 'SSIM gradient'),
  lossSum: createKernel(device, LOSS_SUM_WGSL, 'loss sum'),
  matrixGradient: createKernel(device, MATRIX_GRADIENT_WGSL, 'matrix gradient'),
  matrixStep: createKernel(device, MATRIX_STEP_WGSL, 'matrix step'),
}));
