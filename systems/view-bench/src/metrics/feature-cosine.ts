/** Cosine of patch features of a network that the user names, for example DINOv2 ViT-B/14 exported to ONNX; the room ships no weights.
 *  The model takes one image [1, 3, H, W] scaled to −1..1 and answers tokens [1, T, D] (class and register tokens first) or a map [1, D, h, w].
 *  Profile `correct`: the whole frame, weighted by the unmasked share of each patch. Profile `euvs-released` repeats the released code:
 *  shorter side 518, centre crop, the first patch lost, and no weight, unless every pixel is masked, which scores 0. */
import { existsSync } from 'node:fs';
import { resizeImage } from '../io/undistort.ts';
import type { RgbImage } from '../types.ts';
import { viewError } from '../view-errors.ts';
import type { MetricProfile } from './image-metrics.ts';

/** Compares renders with photographs by a network's features. */
export interface FeatureMetric extends AsyncDisposable {
  /** 1 = equal directions; NaN if nothing is unmasked. */
  compare(
    image: RgbImage,
    truth: RgbImage,
    options: { readonly mask?: Uint8Array | undefined; readonly profile: MetricProfile },
  ): Promise<number>;
}

const PATCH_SIZES = [14, 16, 8] as const;
const SHORT_SIDE_PX = 518;
const MULTIPLE_PX = 112;

/** Features of one image, a row a patch, patches in rows from the top. */
interface PatchFeatures {
  readonly rows: number;
  readonly columns: number;
  readonly width: number;
  /** [rows · columns, width] */ readonly values: Float32Array;
}

/** @throws TF-VIEW-006 if the file or the runtime is missing, or the model answers something else than patch features */
export async function openFeatureMetric(path: string): Promise<FeatureMetric | undefined> {
  if (path === '') return undefined;
  const fail = (expected: string, actual: string, cause?: unknown): never => {
    throw viewError('TF-VIEW-006', {
      subject: 'openFeatureMetric',
      expected,
      actual,
      location: path,
      ...(cause === undefined ? {} : { cause }),
    });
  };
  if (!existsSync(path)) fail('an ONNX model of patch features', 'no such file');
  const { InferenceSession, Tensor } = await import('onnxruntime-node').catch((cause: unknown) =>
    fail('the package onnxruntime-node', 'none that loads', cause),
  );
  const session = await InferenceSession.create(path, { intraOpNumThreads: 2 }).catch((cause: unknown) =>
    fail('an ONNX model that the runtime reads', String((cause as Error).message).slice(0, 120), cause),
  );
  const featuresOf = async (image: RgbImage): Promise<PatchFeatures> => {
    const { widthPx, heightPx, data } = image;
    const planes = new Float32Array(data.length);
    for (let p = 0; p < data.length / 3; p++) {
      for (let c = 0; c < 3; c++) planes[(c * data.length) / 3 + p] = 2 * data[3 * p + c] - 1;
    }
    const input = new Tensor('float32', planes, [1, 3, heightPx, widthPx]);
    const result = await session.run({ [session.inputNames[0]!]: input });
    const output = result[session.outputNames[0]!]!;
    const features = patchesFromOutput(output.data as Float32Array, output.dims, heightPx, widthPx);
    return (
      features ??
      fail(
        `tokens [1, T, D] or a map [1, D, h, w] of an image of ${widthPx} × ${heightPx}`,
        `[${output.dims.join(', ')}]`,
      )
    );
  };
  return {
    async compare(image, truth, { mask, profile }) {
      const isReleased = profile === 'euvs-released';
      if (mask && !mask.includes(1)) return isReleased ? 0 : NaN;
      const shape = isReleased ? croppedImage : wholeImage;
      const [one, other] = [await featuresOf(shape(image)), await featuresOf(shape(truth))];
      const cosines = patchCosines(one, other);
      if (isReleased) return cosines.slice(1).reduce((sum, value) => sum + value, 0) / (cosines.length - 1);
      const weights = mask ? patchShares(mask, truth.widthPx, truth.heightPx, one.rows, one.columns) : undefined;
      return weightedMean(cosines, weights);
    },
    async [Symbol.asyncDispose]() {
      await session.release();
    },
  };
}

/** Patch features from the first output of a model, or undefined if its shape fits no known patch size. */
function patchesFromOutput(
  data: Float32Array,
  dims: readonly number[],
  heightPx: number,
  widthPx: number,
): PatchFeatures | undefined {
  if (dims.length === 4) {
    const [, width, rows, columns] = dims as [number, number, number, number];
    const values = new Float32Array(rows * columns * width);
    for (let d = 0; d < width; d++)
      for (let p = 0; p < rows * columns; p++) values[p * width + d] = data[d * rows * columns + p];
    return { rows, columns, width, values };
  }
  const [, numTokens = 0, width = 0] = dims;
  for (const size of PATCH_SIZES) {
    const [rows, columns] = [heightPx / size, widthPx / size];
    const numExtra = numTokens - rows * columns;
    // A class token, and up to four registers behind it.
    if (!Number.isInteger(rows) || !Number.isInteger(columns) || numExtra < 0 || numExtra > 5) continue;
    return { rows, columns, width, values: data.slice(numExtra * width, numTokens * width) };
  }
  return undefined;
}

function patchCosines({ values, width }: PatchFeatures, other: PatchFeatures): number[] {
  return Array.from({ length: values.length / width }, (_, p) => {
    let [dot, one, two] = [0, 0, 0];
    for (let k = p * width; k < (p + 1) * width; k++) {
      dot += values[k] * other.values[k];
      one += values[k] ** 2;
      two += other.values[k] ** 2;
    }
    return dot / Math.max(1e-12, Math.sqrt(one * two));
  });
}

/** Unmasked share of every patch. */
function patchShares(mask: Uint8Array, widthPx: number, heightPx: number, rows: number, columns: number): Float64Array {
  const [open, all] = [new Float64Array(rows * columns), new Float64Array(rows * columns)];
  for (let p = 0; p < mask.length; p++) {
    const row = Math.floor(((Math.floor(p / widthPx) + 0.5) * rows) / heightPx);
    const patch = row * columns + Math.floor((((p % widthPx) + 0.5) * columns) / widthPx);
    all[patch]++;
    open[patch] += mask[p];
  }
  return open.map((value, patch) => (all[patch] === 0 ? 0 : value / all[patch]));
}

function weightedMean(values: readonly number[], weights: Float64Array | undefined): number {
  let [sum, total] = [0, 0];
  values.forEach((value, k) => {
    const weight = weights ? weights[k] : 1;
    sum += weight * value;
    total += weight;
  });
  return total === 0 ? NaN : sum / total;
}

/** Both sides to the nearest multiples of every patch size, the shorter near 518. */
function wholeImage(image: RgbImage): RgbImage {
  const scale = SHORT_SIDE_PX / Math.min(image.widthPx, image.heightPx);
  const side = (length: number) => MULTIPLE_PX * Math.max(1, Math.round((length * scale) / MULTIPLE_PX));
  return scaledImage(image, side(image.widthPx), side(image.heightPx));
}

function croppedImage(image: RgbImage): RgbImage {
  const scale = SHORT_SIDE_PX / Math.min(image.widthPx, image.heightPx);
  const scaled = scaledImage(image, Math.round(image.widthPx * scale), Math.round(image.heightPx * scale));
  const left = Math.round((scaled.widthPx - SHORT_SIDE_PX) / 2);
  const top = Math.round((scaled.heightPx - SHORT_SIDE_PX) / 2);
  const data = new Float32Array(3 * SHORT_SIDE_PX ** 2);
  for (let y = 0; y < SHORT_SIDE_PX; y++) {
    const start = 3 * ((y + top) * scaled.widthPx + left);
    data.set(scaled.data.subarray(start, start + 3 * SHORT_SIDE_PX), 3 * y * SHORT_SIDE_PX);
  }
  return { widthPx: SHORT_SIDE_PX, heightPx: SHORT_SIDE_PX, data };
}

/** Area filter downwards, bilinear upwards. */
function scaledImage(image: RgbImage, widthPx: number, heightPx: number): RgbImage {
  if (widthPx <= image.widthPx && heightPx <= image.heightPx) return resizeImage(image, widthPx, heightPx);
  const data = new Float32Array(3 * widthPx * heightPx);
  for (let y = 0; y < heightPx; y++) {
    const v = Math.min(image.heightPx - 1, Math.max(0, ((y + 0.5) * image.heightPx) / heightPx - 0.5));
    const [y0, y1] = [Math.floor(v), Math.min(image.heightPx - 1, Math.floor(v) + 1)];
    for (let x = 0; x < widthPx; x++) {
      const u = Math.min(image.widthPx - 1, Math.max(0, ((x + 0.5) * image.widthPx) / widthPx - 0.5));
      const [x0, x1] = [Math.floor(u), Math.min(image.widthPx - 1, Math.floor(u) + 1)];
      for (let c = 0; c < 3; c++) {
        const at = (row: number, column: number) => image.data[3 * (row * image.widthPx + column) + c];
        const top = at(y0, x0) * (1 - u + x0) + at(y0, x1) * (u - x0);
        const bottom = at(y1, x0) * (1 - u + x0) + at(y1, x1) * (u - x0);
        data[3 * (y * widthPx + x) + c] = top * (1 - v + y0) + bottom * (v - y0);
      }
    }
  }
  return { widthPx, heightPx, data };
}
