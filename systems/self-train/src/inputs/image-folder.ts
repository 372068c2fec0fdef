/** A folder of images; sub-folders, where there are any, are the labels. Node only. */
import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { TenfoldError, throwIfCancelled } from '@tenfold/core/base';
import { readImage } from '@tenfold/core/data';
import type { PixelImage } from '@tenfold/core/data';
import { selfTrainError } from '../self-train-errors.ts';
import type { Features } from '../types.ts';

export interface ImageFolder {
  /** Paths below the folder. */
  readonly ids: readonly string[];
  /** Sub-folder of each image; '' for images that lie in the folder itself. */
  readonly labels: readonly string[];
  /** [N, channels·side·side], channels in planes, 0..1. */
  readonly x: Features;
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

const EXTENSIONS = new Set(['.png', '.jpg', '.jpeg', '.webp']);
/** Not an image, cut, damaged, too large. */
const SKIPPED_CODES = new Set(['TF-DATA-002', 'TF-DATA-003', 'TF-DATA-004', 'TF-DATA-011']);

export interface ImageFolderOptions {
  readonly sidePx: number;
  readonly channels: 1 | 3;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Images that do not decode are listed, not fatal. @throws TF-SELF-005 if none is readable */
export async function readImageFolder(folder: string, options: ImageFolderOptions): Promise<ImageFolder> {
  const { sidePx, channels } = options;
  const files = await listImages(folder);
  const size = channels * sidePx * sidePx;
  const data = new Float32Array(files.length * size);
  const [ids, labels]: [string[], string[]] = [[], []];
  const skipped: { name: string; reason: string }[] = [];
  for (const [done, { name, label }] of files.entries()) {
    throwIfCancelled(options.signal, 'readImageFolder');
    options.onProgress?.(done, files.length);
    try {
      const image = await readImage(join(folder, name), { channels });
      shrinkInto(image, sidePx, sidePx, data.subarray(ids.length * size, (ids.length + 1) * size));
      ids.push(name);
      labels.push(label);
    } catch (error) {
      if (!(error instanceof TenfoldError) || !SKIPPED_CODES.has(error.code)) throw error;
      skipped.push({ name, reason: `${error.expected} (${error.code})` });
    }
  }
  if (ids.length === 0) {
    throw selfTrainError('TF-SELF-005', {
      subject: 'readImageFolder',
      expected: 'PNG, JPEG or WebP images in the folder or in its sub-folders',
      actual: files.length === 0 ? 'none' : `${files.length} files, none readable`,
      location: folder,
    });
  }
  return { ids, labels, x: { numRows: ids.length, width: size, data: data.slice(0, ids.length * size) }, skipped };
}

/** Image files of the folder and one level below, by name. */
export async function listImages(folder: string): Promise<{ readonly name: string; readonly label: string }[]> {
  const files: { name: string; label: string }[] = [];
  const isImage = (name: string) => EXTENSIONS.has(extname(name).toLowerCase());
  for (const entry of (await readdir(folder, { withFileTypes: true })).toSorted(byName)) {
    if (entry.isFile() && isImage(entry.name)) files.push({ name: entry.name, label: '' });
    if (!entry.isDirectory()) continue;
    for (const file of (await readdir(join(folder, entry.name), { withFileTypes: true })).toSorted(byName)) {
      if (file.isFile() && isImage(file.name)) files.push({ name: `${entry.name}/${file.name}`, label: entry.name });
    }
  }
  return files;
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}

/** Averages the pixels that fall into each cell of the smaller grid.  Mutates: target [C, height, width]. */
export function shrinkInto(
  { widthPx, heightPx, channels, data }: PixelImage,
  height: number,
  width: number,
  target: Float32Array,
): void {
  for (let y = 0; y < height; y++) {
    const top = Math.floor((y * heightPx) / height);
    const bottom = Math.max(top + 1, Math.floor(((y + 1) * heightPx) / height));
    for (let x = 0; x < width; x++) {
      const left = Math.floor((x * widthPx) / width);
      const right = Math.max(left + 1, Math.floor(((x + 1) * widthPx) / width));
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let v = top; v < bottom; v++)
          for (let u = left; u < right; u++) sum += data[(v * widthPx + u) * channels + c];
        target[(c * height + y) * width + x] = sum / ((bottom - top) * (right - left) * 255);
      }
    }
  }
}
