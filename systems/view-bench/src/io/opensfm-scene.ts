/** OpenSfM reconstructions: reconstruction.json with axis-angle cameraFromWorld, focal lengths in units of max(width, height). */
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { Scene } from '../types.ts';
import { viewError } from '../view-errors.ts';
import { findMask, type FrameSource } from './frames.ts';
import { readJsonFile } from './json-file.ts';
import { invertRigid, poseOf, rigidFromAxisAngle } from './rigid.ts';
import { sceneFromSources, type SourceSceneOptions } from './sources-scene.ts';
import type { Distortion } from './undistort.ts';

const triple = z.array(z.number()).length(3);
const schema = z
  .array(
    z.object({
      cameras: z.record(
        z.string(),
        z.object({
          projection_type: z.string(),
          width: z.number(),
          height: z.number(),
          focal: z.number().optional(),
          focal_x: z.number().optional(),
          focal_y: z.number().optional(),
          c_x: z.number().default(0),
          c_y: z.number().default(0),
          k1: z.number().default(0),
          k2: z.number().default(0),
          k3: z.number().default(0),
          p1: z.number().default(0),
          p2: z.number().default(0),
        }),
      ),
      shots: z.record(z.string(), z.object({ rotation: triple, translation: triple, camera: z.string() })),
      points: z
        .record(z.string(), z.object({ coordinates: triple, color: triple.default([128, 128, 128]) }))
        .default({}),
    }),
  )
  .min(1);
type OpenSfmCamera = z.output<typeof schema>[number]['cameras'][string];

/** The largest reconstruction of the file. Its points carry no tracks, so that points of test images cannot be told apart. */
export async function readOpenSfmScene(folder: string, options: SourceSceneOptions): Promise<Scene> {
  const path = join(folder, 'reconstruction.json');
  const parts = await readJsonFile(path, schema);
  const [largest] = parts.toSorted((a, b) => Object.keys(b.shots).length - Object.keys(a.shots).length);
  const { cameras, shots, points } = largest!;
  const sources = Object.entries(shots).map(([name, { rotation, translation, camera }]): FrameSource => {
    const lens = cameras[camera];
    if (lens === undefined) {
      throw viewError('TF-VIEW-004', {
        subject: 'readOpenSfmScene',
        expected: `camera "${camera}" of shot "${name}"`,
        actual: 'none',
        location: path,
      });
    }
    const maskPath = findMask(join(folder, 'masks'), name);
    return {
      name,
      imagePath: join(folder, 'images', name),
      ...lensOf(lens, `${path}: camera "${camera}"`),
      ...poseOf(invertRigid(rigidFromAxisAngle(rotation, translation))),
      ...(maskPath === undefined ? {} : { staticMaskPath: maskPath }),
    };
  });
  const cloud = Object.values(points);
  return sceneFromSources(
    {
      name: basename(folder),
      sources,
      ...(cloud.length > 0
        ? {
            points: {
              positions: Float64Array.from(cloud.flatMap(({ coordinates }) => coordinates)),
              colors: Uint8Array.from(cloud.flatMap(({ color }) => color)),
            },
          }
        : {}),
    },
    options,
  );
}

function lensOf(lens: OpenSfmCamera, location: string): Pick<FrameSource, 'intrinsics' | 'distortion'> {
  const size = Math.max(lens.width, lens.height);
  const focalX = lens.focal_x ?? lens.focal;
  if (focalX === undefined || !['perspective', 'brown', 'fisheye'].includes(lens.projection_type)) {
    throw viewError('TF-VIEW-001', {
      subject: 'readOpenSfmScene',
      expected: 'a perspective, brown or fisheye camera with a focal length',
      actual: `${lens.projection_type}, focal ${focalX}`,
      location,
    });
  }
  const intrinsics = {
    widthPx: lens.width,
    heightPx: lens.height,
    fx: focalX * size,
    fy: (lens.focal_y ?? focalX) * size,
    cx: lens.width / 2 + lens.c_x * size,
    cy: lens.height / 2 + lens.c_y * size,
  };
  const { k1, k2, k3, p1, p2 } = lens;
  const distortion: Distortion =
    lens.projection_type === 'fisheye'
      ? { kind: 'fisheye', k: [k1, k2, 0, 0] }
      : { kind: 'radial', k: [k1, k2, k3], p: [p1, p2] };
  return {
    intrinsics,
    distortion:
      [k1, k2, k3, p1, p2].every((value) => value === 0) && lens.projection_type !== 'fisheye'
        ? { kind: 'none' }
        : distortion,
  };
}
