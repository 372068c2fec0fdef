/** Posed photographs from files: decoding, undistortion, resizing, masks. */
import { readImage } from '@tenfold/core/data';
import { existsSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { cameraFromQuaternion, scaledIntrinsics, type Intrinsics } from '../camera.ts';
import { assertCamera } from '../splat/render.ts';
import type { Frame, RgbImage } from '../types.ts';
import { viewError } from '../view-errors.ts';
import { maskFromBoxes, type MovableBox } from './box-mask.ts';
import { resizeImage, resizeMask, undistortImage, type Distortion } from './undistort.ts';

/** What an importer knows of a photograph before it is decoded. */
export interface FrameSource {
  readonly name: string;
  readonly imagePath: string;
  readonly intrinsics: Intrinsics;
  readonly distortion: Distortion;
  /** (w, x, y, z) and translation of cameraFromWorld */
  readonly rotationWxyz: readonly number[];
  readonly translation: readonly number[];
  readonly traversal?: string;
  readonly channel?: string;
  readonly staticMaskPath?: string;
  readonly groundMaskPath?: string;
  /** Annotated objects that may move; together with a mask file both count. */
  readonly movableBoxes?: readonly MovableBox[];
}

export interface FrameReadOptions {
  /** Wider images are scaled down. */
  readonly maxWidthPx: number;
}

/** @throws TF-VIEW-004 if the image is missing, TF-VIEW-003 if its shape is not the camera's, TF-VIEW-001 for a bad camera */
export async function readFrame(source: FrameSource, { maxWidthPx }: FrameReadOptions): Promise<Frame> {
  const { name, imagePath, intrinsics, distortion, traversal, channel } = source;
  const camera = cameraFromQuaternion(intrinsics, source.rotationWxyz, source.translation);
  assertCamera(camera, 'readFrame', name);
  if (!existsSync(imagePath)) {
    throw viewError('TF-VIEW-004', {
      subject: 'readFrame',
      expected: `the photograph of "${name}"`,
      actual: 'no such file',
      location: imagePath,
      hints: ['Copy the images beside the poses, or take the name out of the split lists.'],
    });
  }
  const pixels = await readImage(imagePath, { channels: 3 });
  // Cameras of another scale than the files are common; another shape is a mistake.
  const isShaped =
    Math.abs(pixels.widthPx * intrinsics.heightPx - pixels.heightPx * intrinsics.widthPx) <=
    2 * Math.max(intrinsics.widthPx, intrinsics.heightPx);
  if (!isShaped) {
    throw viewError('TF-VIEW-003', {
      subject: 'readFrame',
      expected: `an image shaped ${intrinsics.widthPx} × ${intrinsics.heightPx}, as its camera`,
      actual: `${pixels.widthPx} × ${pixels.heightPx}`,
      location: imagePath,
    });
  }
  const stored = scaledIntrinsics(intrinsics, pixels.widthPx, pixels.heightPx);
  const rgb: RgbImage = { ...pixels, data: Float32Array.from(pixels.data, (value) => value / 255) };
  const straight = undistortImage(rgb, stored, distortion);
  const widthPx = Math.min(maxWidthPx, pixels.widthPx);
  const heightPx = Math.round((pixels.heightPx * widthPx) / pixels.widthPx);
  const scaled = scaledIntrinsics(stored, widthPx, heightPx);
  const fileMask = await readMask(source.staticMaskPath, pixels, widthPx, heightPx);
  const boxMask = source.movableBoxes && maskFromBoxes({ ...camera, ...scaled }, source.movableBoxes);
  const staticMask = fileMask && boxMask ? fileMask.map((value, p) => value & boxMask[p]) : (fileMask ?? boxMask);
  const groundMask = await readMask(source.groundMaskPath, pixels, widthPx, heightPx);
  return {
    name,
    camera: { ...camera, ...scaled },
    image: resizeImage(straight, widthPx, heightPx),
    ...(traversal === undefined ? {} : { traversal }),
    ...(channel === undefined ? {} : { channel }),
    ...(staticMask ? { staticMask } : {}),
    ...(groundMask ? { groundMask } : {}),
  };
}

/** Path of a mask with the image's name, with or without the image's ending; undefined if there is none. */
export function findMask(folder: string, imageName: string): string | undefined {
  const stem = imageName.slice(0, imageName.length - extname(imageName).length);
  return [`${stem}.png`, `${imageName}.png`, imageName, `${basename(stem)}.png`]
    .map((name) => join(folder, name))
    .find((path) => existsSync(path));
}

async function readMask(
  path: string | undefined,
  image: { readonly widthPx: number; readonly heightPx: number },
  widthPx: number,
  heightPx: number,
): Promise<Uint8Array | undefined> {
  if (path === undefined) return undefined;
  const mask = await readImage(path, { channels: 1 });
  const isShaped =
    Math.abs(mask.widthPx * image.heightPx - mask.heightPx * image.widthPx) <=
    2 * Math.max(image.widthPx, image.heightPx);
  if (!isShaped) {
    throw viewError('TF-VIEW-003', {
      subject: 'readMask',
      expected: `a mask shaped ${image.widthPx} × ${image.heightPx}, as its image`,
      actual: `${mask.widthPx} × ${mask.heightPx}`,
      location: path,
    });
  }
  return resizeMask(mask.data, mask.widthPx, mask.heightPx, widthPx, heightPx);
}
