/** Pictures with class masks, as two folders with files of the same names. Node only. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, parse, resolve } from 'node:path';
import { throwIfCancelled } from '@tenfold/core/base';
import { readImage } from '@tenfold/core/data';
import type { VerbContext } from '@tenfold/core/system';
import type { PixelSamples } from '../segmentation/types.ts';
import { selfTrainError } from '../self-train-errors.ts';
import { listImages, shrinkInto } from './image-folder.ts';
import { decodeIndexPng } from './index-png.ts';

export interface PictureOptions {
  /** Size that pictures are averaged to; masks take the pixel at each cell's centre. */
  readonly heightPx: number;
  readonly widthPx: number;
  /** Mask number that is neither trained on nor counted. */
  readonly voidClass: number;
  /** Absent: as many as the largest number in the masks says. */
  readonly numClasses?: number;
}

/** @param masks  folder with `name.png` for each picture `name.*`; absent for unlabelled pictures
 *  @throws TF-SELF-005 naming a picture without a mask, a mask of another size or with a number that is no class */
export async function readPictures(
  folder: string,
  masks: string | undefined,
  options: PictureOptions,
  context: VerbContext,
): Promise<PixelSamples> {
  const { heightPx, widthPx } = options;
  const [root, maskRoot] = [resolve(context.workingFolder, folder), masks && resolve(context.workingFolder, masks)];
  const files = await listImages(root);
  if (files.length === 0) throw pictureError(folder, 'PNG, JPEG or WebP pictures', 'none');
  const numPixels = heightPx * widthPx;
  const data = new Float32Array(files.length * 3 * numPixels);
  const labels = maskRoot === undefined ? undefined : new Int32Array(files.length * numPixels);
  for (const [n, { name }] of files.entries()) {
    throwIfCancelled(context.signal, 'readPictures');
    context.progress({ phase: `reading ${basename(folder)}`, done: n, total: files.length });
    const image = await readImage(join(root, name), { channels: 3 });
    shrinkInto(image, heightPx, widthPx, data.subarray(n * 3 * numPixels, (n + 1) * 3 * numPixels));
    if (labels === undefined) continue;
    const { dir, name: stem } = parse(name);
    const maskName = join(dir, `${stem}.png`);
    const path = join(maskRoot!, maskName);
    if (!existsSync(path)) throw pictureError(masks!, `a mask "${maskName}" for the picture "${name}"`, 'none');
    const mask = decodeIndexPng(await readFile(path), maskName);
    if (mask.widthPx !== image.widthPx || mask.heightPx !== image.heightPx) {
      throw pictureError(
        maskName,
        `${image.widthPx} × ${image.heightPx} pixels, as the picture has`,
        `${mask.widthPx} × ${mask.heightPx}`,
      );
    }
    for (let y = 0; y < heightPx; y++) {
      for (let x = 0; x < widthPx; x++) {
        const [v, u] = [
          Math.floor(((y + 0.5) * mask.heightPx) / heightPx),
          Math.floor(((x + 0.5) * mask.widthPx) / widthPx),
        ];
        const label = mask.data[v * mask.widthPx + u];
        if (label !== options.voidClass && options.numClasses !== undefined && label >= options.numClasses) {
          throw pictureError(
            maskName,
            `numbers 0 to ${options.numClasses - 1}, or ${options.voidClass} for void`,
            `${label} at x ${u}, y ${v}`,
          );
        }
        labels[n * numPixels + y * widthPx + x] = label === options.voidClass ? -1 : label;
      }
    }
  }
  return {
    name: basename(root),
    heightPx,
    widthPx,
    x: { numRows: files.length, width: 3 * numPixels, data },
    ...(labels && { labels }),
    ids: files.map(({ name }) => name),
  };
}

/** One name a line, or a JSON list. */
export async function readClassNames(file: string, context: VerbContext): Promise<string[]> {
  const text = await readFile(resolve(context.workingFolder, file), 'utf8');
  let names: unknown;
  try {
    names = JSON.parse(text);
  } catch {
    names = text
      .split(/\r?\n/)
      .map((line) => line.trim())
      .filter((line) => line !== '');
  }
  if (!Array.isArray(names) || names.length < 2 || !names.every((name) => typeof name === 'string')) {
    throw pictureError(file, 'at least two class names: one a line, or a JSON list of texts', 'something else');
  }
  return names as string[];
}

function pictureError(location: string, expected: string, actual: string) {
  return selfTrainError('TF-SELF-005', { subject: 'readPictures', expected, actual, location });
}
