/** Scenes in COLMAP layout, with the split lists and masks of EUVS where they are: images/, sparse/0/, train_set.txt, test_set.txt,
 *  dynamic_masks/, sky_masks/. Points that only test images see are left out, so that nothing of a test leaks into the start. */
import {
  COLMAP_CAMERA_MODELS,
  readColmapModel,
  readNpy,
  type ColmapCamera,
  type ColmapModel,
} from '@tenfold/core/data';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Intrinsics } from '../camera.ts';
import type { Frame, Level, PinholeCamera, PointCloud, Scene } from '../types.ts';
import { viewError } from '../view-errors.ts';
import { findMask, readFrame, type FrameReadOptions, type FrameSource } from './frames.ts';
import { heldOutNames, type HoldOutOptions } from './hold-out.ts';
import type { Distortion } from './undistort.ts';

export interface ColmapSceneOptions extends FrameReadOptions, HoldOutOptions {
  readonly onProgress?: (done: number, total: number) => void;
}

/** @throws TF-VIEW-004 if parts are missing, TF-VIEW-002 for bad split lists, TF-DATA-* for a damaged model */
export async function readColmapScene(folder: string, options: ColmapSceneOptions): Promise<Scene> {
  const sparse = ['sparse/0', 'sparse', '.']
    .map((part) => join(folder, part))
    .find((path) => ['bin', 'txt'].some((end) => existsSync(join(path, `cameras.${end}`))));
  if (sparse === undefined) {
    throw viewError('TF-VIEW-004', {
      subject: 'readColmapScene',
      expected: 'a COLMAP model in sparse/0',
      actual: 'no cameras.bin or cameras.txt',
      location: folder,
    });
  }
  const model = await readColmapModel(sparse);
  const names = model.images.map(({ name }) => name).toSorted();
  const lists = options.hold?.length ? undefined : await readSplitLists(folder, names);
  const test = heldOutNames(names, options, lists?.test);
  const testNames = new Set(test);
  const train = lists?.train ?? names.filter((name) => !testNames.has(name));
  const cameraOf = new Map(model.cameras.map((camera) => [camera.id, camera]));
  const wanted = new Set([...train, ...test]);
  const images = model.images.filter(({ name }) => wanted.has(name)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const labels = await readLabels(folder);
  const frames: Frame[] = [];
  for (const { name, cameraId, rotationWxyz, translation } of images) {
    const maskPath = findMask(join(folder, 'dynamic_masks'), name) ?? findMask(join(folder, 'masks'), name);
    const skyPath = findMask(join(folder, 'sky_masks'), name);
    const traversal = /trav_?(\d+)/.exec(name)?.[1];
    const channel = /channel_(\w+?)_img/.exec(name)?.[1];
    const source: FrameSource = {
      name,
      imagePath: join(folder, 'images', name),
      ...pinholeFromColmap(cameraOf.get(cameraId)!, sparse),
      rotationWxyz,
      translation,
      ...(maskPath === undefined ? {} : { staticMaskPath: maskPath }),
      ...(skyPath === undefined ? {} : { groundMaskPath: skyPath }),
      ...(traversal === undefined ? {} : { traversal }),
      ...(channel === undefined ? {} : { channel }),
    };
    const frame = await readFrame(source, options);
    const level = labels[name]?.level;
    const depthM = await readDepth(join(folder, 'depth', name.replace(/\.\w+$/, '.npy')), frame.camera);
    frames.push({ ...frame, ...(level === undefined ? {} : { level }), ...(depthM ? { depthM } : {}) });
    options.onProgress?.(frames.length, images.length);
  }
  return {
    name: basename(folder),
    lengthUnit: 'scene units',
    frames,
    train,
    test,
    points: trainOnlyPoints(model, new Set(train)),
  };
}

/** Exact depth beside a synthetic scene, resized to the nearest sample. */
async function readDepth(path: string, { widthPx, heightPx }: PinholeCamera): Promise<Float32Array | undefined> {
  if (!existsSync(path)) return undefined;
  const { shape, data } = await readNpy(path);
  const [height, width] = shape;
  return Float32Array.from({ length: widthPx * heightPx }, (_, p) => {
    const x = Math.floor((((p % widthPx) + 0.5) * width) / widthPx);
    const y = Math.floor(((Math.floor(p / widthPx) + 0.5) * height) / heightPx);
    return Number(data[y * width + x]);
  });
}

/** Level labels of a scene's author, by image name. */
async function readLabels(
  folder: string,
): Promise<Readonly<Record<string, { readonly level?: Level; readonly traversal?: string }>>> {
  const path = join(folder, 'levels.json');
  if (!existsSync(path)) return {};
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Record<string, { level?: Level }>;
  } catch (cause) {
    throw viewError('TF-VIEW-004', {
      subject: 'readColmapScene',
      expected: 'level labels as JSON',
      actual: 'text that is no JSON',
      location: path,
      cause,
    });
  }
}

/** Points with a track in at least one training image; points without tracks are kept. */
export function trainOnlyPoints({ images, points }: ColmapModel, train: ReadonlySet<string>): PointCloud {
  const trainIds = new Set(images.filter(({ name }) => train.has(name)).map(({ id }) => id));
  const { positions, colors, trackOffsets, trackImageIds } = points;
  const kept: number[] = [];
  for (let p = 0; p < points.ids.length; p++) {
    const [start, end] = [trackOffsets[p], trackOffsets[p + 1]];
    let isSeen = start === end;
    for (let k = start; k < end && !isSeen; k++) isSeen = trainIds.has(trackImageIds[k]);
    if (isSeen && Number.isFinite(positions[3 * p] + positions[3 * p + 1] + positions[3 * p + 2])) kept.push(p);
  }
  return {
    positions: Float64Array.from(kept.flatMap((p) => [...positions.subarray(3 * p, 3 * p + 3)])),
    colors: Uint8Array.from(kept.flatMap((p) => [...colors.subarray(3 * p, 3 * p + 3)])),
  };
}

/** Both lists or none. @throws TF-VIEW-002 if a name is in both or has no pose */
async function readSplitLists(
  folder: string,
  posed: readonly string[],
): Promise<{ readonly train: readonly string[]; readonly test: readonly string[] } | undefined> {
  const paths = ['train_set.txt', 'test_set.txt'].map((name) => join(folder, name));
  if (!paths.every((path) => existsSync(path))) return undefined;
  const [train, test] = await Promise.all(
    paths.map(async (path) =>
      (await readFile(path, 'utf8'))
        .split(/\r?\n/)
        .map((line) => line.trim())
        .filter((line) => line !== ''),
    ),
  );
  const known = new Set(posed);
  for (const [list, path] of [
    [train, paths[0]],
    [test, paths[1]],
  ] as const) {
    const missing = list.find((name) => !known.has(name));
    if (missing !== undefined) {
      throw viewError('TF-VIEW-002', {
        subject: 'readSplitLists',
        expected: 'a pose in the COLMAP model for every listed image',
        actual: `none for "${missing}"`,
        location: `${path}:${list.indexOf(missing) + 1}`,
      });
    }
  }
  return { train, test };
}

/** @throws TF-VIEW-001 for models that no pinhole camera with the known distortions expresses */
function pinholeFromColmap(
  { id, model, widthPx, heightPx, params }: ColmapCamera,
  location: string,
): { readonly intrinsics: Intrinsics; readonly distortion: Distortion } {
  const value = new Map(COLMAP_CAMERA_MODELS[model].paramNames.map((name, k) => [name as string, params[k]]));
  const of = (name: string) => value.get(name) ?? 0;
  const fx = value.get('fx') ?? of('f');
  const intrinsics = { widthPx, heightPx, fx, fy: value.get('fy') ?? fx, cx: of('cx'), cy: of('cy') };
  switch (model) {
    case 'SIMPLE_PINHOLE':
    case 'PINHOLE':
      return { intrinsics, distortion: { kind: 'none' } };
    case 'SIMPLE_RADIAL':
      return { intrinsics, distortion: { kind: 'radial', k: [of('k'), 0, 0], p: [0, 0] } };
    case 'RADIAL':
    case 'OPENCV':
      return { intrinsics, distortion: { kind: 'radial', k: [of('k1'), of('k2'), 0], p: [of('p1'), of('p2')] } };
    case 'OPENCV_FISHEYE':
      return { intrinsics, distortion: { kind: 'fisheye', k: [of('k1'), of('k2'), of('k3'), of('k4')] } };
    default:
      throw viewError('TF-VIEW-001', {
        subject: 'readColmapScene',
        expected: 'a camera model of SIMPLE_PINHOLE, PINHOLE, SIMPLE_RADIAL, RADIAL, OPENCV or OPENCV_FISHEYE',
        actual: `${model} of camera ${id}`,
        location,
        hints: ['Run colmap image_undistorter first.'],
      });
  }
}
