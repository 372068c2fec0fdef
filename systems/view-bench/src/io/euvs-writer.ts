/** Writes a scene in the EUVS layout: images, COLMAP model, split lists, masks, exact depth, pose priors, level labels. */
import { makeFolder } from '@tenfold/core/base';
import { writeColmapModel, writeImage, writeNpy, type ColmapModel } from '@tenfold/core/data';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { quaternionFromRotation } from '../camera.ts';
import { cameraCenter } from '../splat/project.ts';
import type { Scene } from '../types.ts';

export interface EuvsWriteOptions {
  readonly force: boolean;
  readonly format?: 'binary' | 'text';
  readonly onProgress?: (done: number, total: number) => void;
}

/** Mutates: files under `folder`. @throws TF-DATA-008 if a file is there and not forced */
export async function writeEuvsScene(
  folder: string,
  scene: Scene,
  { force, format = 'binary', onProgress }: EuvsWriteOptions,
): Promise<void> {
  for (const part of ['images', 'dynamic_masks', 'sky_masks', 'depth', 'geo_registration', 'poses', 'sparse/0']) {
    makeFolder(join(folder, part));
  }
  await writeColmapModel(join(folder, 'sparse/0'), colmapFromScene(scene), { force, format });
  let numDone = 0;
  for (const { name, image, camera, staticMask, groundMask, depthM } of scene.frames) {
    const size = { widthPx: camera.widthPx, heightPx: camera.heightPx };
    const data = Uint8Array.from(image.data, (value) => Math.round(255 * value));
    await writeImage(join(folder, 'images', name), { ...size, channels: 3, data }, { force });
    const masks = { dynamic_masks: staticMask, sky_masks: groundMask };
    for (const [part, mask] of Object.entries(masks)) {
      if (!mask) continue;
      await writeImage(
        join(folder, part, name),
        { ...size, channels: 1, data: mask.map((value) => 255 * value) },
        { force },
      );
    }
    if (depthM) {
      const path = join(folder, 'depth', name.replace(/\.\w+$/, '.npy'));
      await writeNpy(path, { dtype: 'float32', shape: [size.heightPx, size.widthPx], data: depthM }, { force });
    }
    onProgress?.(++numDone, scene.frames.length);
  }
  const flag = force ? 'w' : 'wx';
  const text = (lines: readonly string[]) => `${lines.join('\n')}\n`;
  const poses = scene.frames.map(({ name, camera }, index) => {
    const q = quaternionFromRotation(camera.rotation);
    return `${index + 1} ${[...q, ...camera.translation].join(' ')} 1 ${name}\n`;
  });
  await writeFile(join(folder, 'train_set.txt'), text(scene.train), { flag });
  await writeFile(join(folder, 'test_set.txt'), text(scene.test), { flag });
  await writeFile(join(folder, 'poses/images.txt'), text(poses), { flag });
  await writeFile(
    join(folder, 'geo_registration/geo_registration.txt'),
    text(scene.frames.map(({ name, camera }) => `${name} ${cameraCenter(camera).join(' ')}`)),
    { flag },
  );
  await writeFile(
    join(folder, 'levels.json'),
    JSON.stringify(
      Object.fromEntries(scene.frames.map(({ name, level, traversal }) => [name, { level, traversal }])),
      undefined,
      1,
    ),
    { flag },
  );
}

/** One camera an image, as focal lengths differ; points carry no tracks. */
function colmapFromScene({ frames, points }: Scene): ColmapModel {
  const numPoints = points.positions.length / 3;
  return {
    cameras: frames.map(({ camera }, index) => ({
      id: index + 1,
      model: 'PINHOLE',
      widthPx: camera.widthPx,
      heightPx: camera.heightPx,
      params: Float64Array.of(camera.fx, camera.fy, camera.cx, camera.cy),
    })),
    images: frames.map(({ name, camera }, index) => ({
      id: index + 1,
      name,
      cameraId: index + 1,
      rotationWxyz: quaternionFromRotation(camera.rotation),
      translation: [camera.translation[0], camera.translation[1], camera.translation[2]],
      points2D: new Float64Array(0),
      point3DIds: new Float64Array(0),
    })),
    points: {
      ids: Float64Array.from({ length: numPoints }, (_, p) => p + 1),
      positions: points.positions,
      colors: points.colors,
      errorsPx: new Float64Array(numPoints).fill(-1),
      trackOffsets: new Uint32Array(numPoints + 1),
      trackImageIds: new Uint32Array(0),
      trackPoint2DIndices: new Uint32Array(0),
    },
  };
}
