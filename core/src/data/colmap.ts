/** COLMAP models: single files by format, and whole folders (`sparse/0`). */
import { makeFolder } from '../base/index.ts';
import {
  encodeColmapCameras,
  encodeColmapImages,
  encodeColmapPoints,
  parseColmapCameras,
  parseColmapImages,
  parseColmapPoints,
} from './colmap-binary.ts';
import {
  formatColmapCameras,
  formatColmapImages,
  formatColmapPoints,
  parseColmapCamerasText,
  parseColmapImagesText,
  parseColmapPointsText,
} from './colmap-text.ts';
import type { ColmapCamera, ColmapImage, ColmapModel, ColmapPoints } from './colmap-types.ts';
import { dataError } from './data-errors.ts';
import { withSink } from './file-sink.ts';
import { withSource } from './file-source.ts';
import type { SourceInput, WriteOptions } from './types.ts';

export type ColmapFormat = 'binary' | 'text';

/** A record kind with its file name and its four conversions. */
interface ColmapPart<Records> {
  readonly fileName: string;
  readonly parseBinary: (bytes: Uint8Array, fileName: string) => Records;
  readonly parseText: (text: string, fileName: string) => Records;
  readonly encode: (records: Records) => Uint8Array;
  readonly format: (records: Records) => string;
}

const CAMERAS: ColmapPart<readonly ColmapCamera[]> = {
  fileName: 'cameras',
  parseBinary: parseColmapCameras,
  parseText: parseColmapCamerasText,
  encode: encodeColmapCameras,
  format: formatColmapCameras,
};
const IMAGES: ColmapPart<readonly ColmapImage[]> = {
  fileName: 'images',
  parseBinary: parseColmapImages,
  parseText: parseColmapImagesText,
  encode: encodeColmapImages,
  format: formatColmapImages,
};
const POINTS: ColmapPart<ColmapPoints> = {
  fileName: 'points3D',
  parseBinary: parseColmapPoints,
  parseText: parseColmapPointsText,
  encode: encodeColmapPoints,
  format: formatColmapPoints,
};

const EXTENSION = { binary: 'bin', text: 'txt' } as const;

/** @throws TF-DATA-003, 005, 006, 010 if the file is cut, damaged or names an unknown camera model */
export function readColmapCameras(input: SourceInput, format: ColmapFormat): Promise<readonly ColmapCamera[]> {
  return readPart(CAMERAS, input, format);
}

/** @throws as readColmapCameras */
export function readColmapImages(input: SourceInput, format: ColmapFormat): Promise<readonly ColmapImage[]> {
  return readPart(IMAGES, input, format);
}

/** @throws as readColmapCameras */
export function readColmapPoints(input: SourceInput, format: ColmapFormat): Promise<ColmapPoints> {
  return readPart(POINTS, input, format);
}

/** A model folder, binary if cameras.bin is there, else text. Checks that every image names a camera of the model. Node only.
 *  @throws TF-DATA-001 if a file is missing, TF-DATA-007 if an image names a camera that is not there, and as readColmapCameras */
export async function readColmapModel(folder: string): Promise<ColmapModel> {
  const { stat } = await import('node:fs/promises');
  const { join } = await import('node:path');
  const hasBinary = await stat(join(folder, 'cameras.bin')).catch(() => undefined);
  const format: ColmapFormat = hasBinary ? 'binary' : 'text';
  const pathOf = (part: { readonly fileName: string }) => join(folder, `${part.fileName}.${EXTENSION[format]}`);
  const cameras = await readPart(CAMERAS, pathOf(CAMERAS), format);
  const images = await readPart(IMAGES, pathOf(IMAGES), format);
  const points = await readPart(POINTS, pathOf(POINTS), format);
  const cameraIds = new Set(cameras.map(({ id }) => id));
  for (const { name, cameraId } of images) {
    if (cameraIds.has(cameraId)) continue;
    throw dataError('TF-DATA-007', {
      subject: 'readColmap',
      expected: `camera ${cameraId} of image "${name}" in ${CAMERAS.fileName}.${EXTENSION[format]}`,
      actual: `cameras ${[...cameraIds].slice(0, 8).join(', ')}`,
      location: folder,
    });
  }
  return { cameras, images, points };
}

/** Writes the three files into a folder, which is made if needed. Node only. @throws TF-DATA-008 if one exists and not forced */
export async function writeColmapModel(
  folder: string,
  model: ColmapModel,
  { format = 'binary', ...options }: WriteOptions & { readonly format?: ColmapFormat } = {},
): Promise<void> {
  const { join } = await import('node:path');
  makeFolder(folder);
  const write = async <Records>(part: ColmapPart<Records>, records: Records) => {
    const bytes = format === 'binary' ? part.encode(records) : new TextEncoder().encode(part.format(records));
    await withSink(join(folder, `${part.fileName}.${EXTENSION[format]}`), options, (sink) => sink.write(bytes));
  };
  await write(CAMERAS, model.cameras);
  await write(IMAGES, model.images);
  await write(POINTS, model.points);
}

function readPart<Records>(part: ColmapPart<Records>, input: SourceInput, format: ColmapFormat): Promise<Records> {
  return withSource(input, async (source) => {
    const bytes = await source.read(0, source.byteLength);
    if (format === 'binary') return part.parseBinary(bytes, source.name);
    return part.parseText(new TextDecoder().decode(bytes), source.name);
  });
}
