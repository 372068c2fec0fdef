/** A folder of images whose sub-folders are the labels. Node only. */
import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { TenfoldError, throwIfCancelled } from '@tenfold/core/base';
import { readImage } from '@tenfold/core/data';
import type { PixelImage } from '@tenfold/core/data';
import type { Tensor } from '@tenfold/core/tensor';
import { labelError } from '../label-errors.ts';

export interface ImageFolder {
  /** Paths below the folder, `cat/001.png`. */
  readonly names: readonly string[];
  readonly labels: readonly string[];
  /** [N, C, side, side] f32 in 0..1. */
  readonly x: Tensor<'float32'>;
  /** Files that could not be decoded, with the reason. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

const EXTENSIONS = new Set(['.png', '.jpg', '.jpeg', '.webp']);

/** Reads and resizes all images; those that do not decode are listed, not fatal.
 *  @param options.sidePx  side of the square that images are averaged into, default 32
 *  @throws TF-LABEL-005 if no sub-folder holds a readable image */
export async function readImageFolder(
  folder: string,
  options: {
    readonly sidePx?: number;
    readonly channels?: 1 | 3;
    readonly signal?: AbortSignal;
    readonly onProgress?: (done: number, total: number) => void;
  } = {},
): Promise<ImageFolder> {
  const { sidePx = 32, channels = 3 } = options;
  const files: { name: string; label: string }[] = [];
  for (const entry of (await readdir(folder, { withFileTypes: true })).sort(byName)) {
    if (!entry.isDirectory()) continue;
    for (const file of (await readdir(join(folder, entry.name), { withFileTypes: true })).sort(byName)) {
      if (file.isFile() && EXTENSIONS.has(extname(file.name).toLowerCase())) {
        files.push({ name: `${entry.name}/${file.name}`, label: entry.name });
      }
    }
  }
  const names: string[] = [];
  const labels: string[] = [];
  const skipped: { name: string; reason: string }[] = [];
  const size = channels * sidePx * sidePx;
  const data = new Float32Array(files.length * size);
  for (const [done, { name, label }] of files.entries()) {
    throwIfCancelled(options.signal, 'readImageFolder');
    options.onProgress?.(done, files.length);
    try {
      const image = await readImage(join(folder, name), { channels });
      resizeInto(image, sidePx, data.subarray(names.length * size, (names.length + 1) * size));
      names.push(name);
      labels.push(label);
    } catch (error) {
      if (!(error instanceof TenfoldError) || !SKIPPED_CODES.has(error.code)) throw error;
      skipped.push({ name, reason: `${error.expected} (${error.code})` });
    }
  }
  if (names.length === 0) {
    throw labelError('TF-LABEL-005', {
      subject: 'readImageFolder',
      expected: 'sub-folders named by label with PNG, JPEG or WebP images',
      actual: files.length === 0 ? 'no image' : `${files.length} files, none readable`,
      location: folder,
    });
  }
  const x = {
    dtype: 'float32' as const,
    shape: [names.length, channels, sidePx, sidePx],
    data: data.subarray(0, names.length * size),
  };
  return { names, labels, x, skipped };
}

/** Not an image, cut, damaged, too large. */
const SKIPPED_CODES = new Set(['TF-DATA-002', 'TF-DATA-003', 'TF-DATA-004', 'TF-DATA-011']);

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}

/** Averages the pixels that fall into each cell of a side × side grid.  Mutates: target [C, side, side]. */
export function resizeInto(
  { widthPx, heightPx, channels, data }: PixelImage,
  sidePx: number,
  target: Float32Array,
): void {
  for (let y = 0; y < sidePx; y++) {
    const top = Math.floor((y * heightPx) / sidePx);
    const bottom = Math.max(top + 1, Math.floor(((y + 1) * heightPx) / sidePx));
    for (let x = 0; x < sidePx; x++) {
      const left = Math.floor((x * widthPx) / sidePx);
      const right = Math.max(left + 1, Math.floor(((x + 1) * widthPx) / sidePx));
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let v = top; v < bottom; v++)
          for (let u = left; u < right; u++) sum += data[(v * widthPx + u) * channels + c];
        target[(c * sidePx + y) * sidePx + x] = sum / ((bottom - top) * (right - left) * 255);
      }
    }
  }
}
