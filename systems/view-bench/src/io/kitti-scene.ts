/** KITTI odometry: calib.txt with rows P0..P3 (3×4, with or without labels), poses.txt of camera 0 in the world, image_0 … image_3. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readImage } from '@tenfold/core/data';
import type { Scene } from '../types.ts';
import { viewError } from '../view-errors.ts';
import type { FrameSource } from './frames.ts';
import { composeRigid, poseOf, type Rigid } from './rigid.ts';
import { sceneFromSources, type SourceSceneOptions } from './sources-scene.ts';

export async function readKittiScene(folder: string, options: SourceSceneOptions): Promise<Scene> {
  const calibration = await readRows(join(folder, 'calib.txt'));
  const sequence = basename(folder);
  const posePath = [join(folder, 'poses.txt'), join(folder, '..', '..', 'poses', `${sequence}.txt`)].find((path) =>
    existsSync(path),
  );
  if (posePath === undefined) {
    throw viewError('TF-VIEW-004', {
      subject: 'readKittiScene',
      expected: 'poses.txt',
      actual: 'none',
      location: folder,
    });
  }
  const poses = await readRows(posePath);
  const sources: FrameSource[] = [];
  for (const camera of [0, 1, 2, 3]) {
    const P = calibration[camera];
    const images = join(folder, `image_${camera}`);
    if (P === undefined || !existsSync(images)) continue;
    const names = (await readdir(images)).filter((name) => /\.(png|jpe?g)$/i.test(name)).toSorted();
    if (names.length > poses.length) {
      throw viewError('TF-VIEW-004', {
        subject: 'readKittiScene',
        expected: `a pose for each of ${names.length} images`,
        actual: `${poses.length} poses`,
        location: posePath,
      });
    }
    const { widthPx, heightPx } = await readImage(join(images, names[0]!));
    const fx = P[0];
    // P = K [I | b]: the camera stands at −K⁻¹ of the last column in the axes of camera 0.
    const offset = Float64Array.of(
      1,
      0,
      0,
      -(P[3] - P[2] * P[11]) / fx,
      0,
      1,
      0,
      -(P[7] - P[6] * P[11]) / P[5],
      0,
      0,
      1,
      -P[11],
    );
    names.forEach((name, k) => {
      sources.push({
        name: `image_${camera}/${name}`,
        imagePath: join(images, name),
        intrinsics: { widthPx, heightPx, fx, fy: P[5], cx: P[2], cy: P[6] },
        distortion: { kind: 'none' },
        ...poseOf(composeRigid(poses[k]!, offset)),
        channel: `image_${camera}`,
      });
    });
  }
  return sceneFromSources({ name: `kitti-${sequence}`, sources }, options);
}

/** Rows of twelve numbers; a label before them is dropped. */
async function readRows(path: string): Promise<Rigid[]> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw viewError('TF-VIEW-004', {
      subject: 'readKittiScene',
      expected: 'a readable file',
      actual: 'none',
      location: path,
      cause,
    });
  });
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('Tr'));
  return lines.map((line, index) => {
    const values = line
      .replace(/^\w+:\s*/, '')
      .trim()
      .split(/\s+/)
      .map(Number);
    if (values.length === 12 && values.every(Number.isFinite)) return Float64Array.from(values);
    throw viewError('TF-VIEW-001', {
      subject: 'readKittiScene',
      expected: '12 finite numbers a row',
      actual: `"${line.slice(0, 60)}"`,
      location: `${path}:${index + 1}`,
    });
  });
}
