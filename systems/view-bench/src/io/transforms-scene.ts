/** transforms.json scenes: worldFromCamera matrices in OpenGL axes (x right, y up, z backward), shared or own intrinsics. */
import { readPly, isPlyList, type PlyArray } from '@tenfold/core/data';
import { existsSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { z } from 'zod';
import type { Intrinsics } from '../camera.ts';
import type { PointCloud, Scene } from '../types.ts';
import { viewError } from '../view-errors.ts';
import { findMask, type FrameSource } from './frames.ts';
import { readJsonFile } from './json-file.ts';
import { poseOf } from './rigid.ts';
import { sceneFromSources, type SourceSceneOptions } from './sources-scene.ts';
import type { Distortion } from './undistort.ts';

const intrinsicsShape = {
  w: z.number().optional(),
  h: z.number().optional(),
  fl_x: z.number().optional(),
  fl_y: z.number().optional(),
  cx: z.number().optional(),
  cy: z.number().optional(),
  camera_angle_x: z.number().optional(),
  k1: z.number().default(0),
  k2: z.number().default(0),
  k3: z.number().default(0),
  k4: z.number().default(0),
  p1: z.number().default(0),
  p2: z.number().default(0),
  camera_model: z.string().optional(),
};
const schema = z.object({
  ...intrinsicsShape,
  ply_file_path: z.string().optional(),
  frames: z.array(
    z.object({
      ...intrinsicsShape,
      file_path: z.string(),
      mask_path: z.string().optional(),
      transform_matrix: z.array(z.array(z.number()).length(4)).min(3).max(4),
    }),
  ),
  test_filenames: z.array(z.string()).optional(),
});
type IntrinsicFields = Omit<z.output<typeof schema>['frames'][number], 'file_path' | 'mask_path' | 'transform_matrix'>;

export async function readTransformsScene(folder: string, options: SourceSceneOptions): Promise<Scene> {
  const path = join(folder, 'transforms.json');
  const json = await readJsonFile(path, schema);
  const sources = json.frames.map((frame, index): FrameSource => {
    const fields = {
      ...json,
      ...Object.fromEntries(Object.entries(frame).filter(([, value]) => value !== undefined && value !== 0)),
    };
    const m = frame.transform_matrix;
    // OpenGL to OpenCV axes: the second and third columns turn round.
    const worldFromCamera = Float64Array.from([0, 1, 2].flatMap((r) => [m[r]![0]!, -m[r]![1]!, -m[r]![2]!, m[r]![3]!]));
    const imagePath = join(folder, extname(frame.file_path) === '' ? `${frame.file_path}.png` : frame.file_path);
    const maskPath =
      frame.mask_path === undefined
        ? findMask(join(folder, 'masks'), basename(imagePath))
        : join(folder, frame.mask_path);
    return {
      name: frame.file_path.replace(/^\.\//, ''),
      imagePath,
      intrinsics: intrinsicsOf(fields, `${path}: frame ${index}`),
      distortion: distortionOf(fields),
      ...poseOf(worldFromCamera),
      ...(maskPath === undefined ? {} : { staticMaskPath: maskPath }),
    };
  });
  const cloudPath = json.ply_file_path === undefined ? undefined : join(folder, json.ply_file_path);
  const scene = await sceneFromSources(
    {
      name: basename(folder),
      sources,
      ...(cloudPath !== undefined && existsSync(cloudPath) ? { points: await readPointPly(cloudPath) } : {}),
      ...(json.test_filenames ? { test: json.test_filenames.map((name) => name.replace(/^\.\//, '')) } : {}),
    },
    options,
  );
  return { ...scene, lengthUnit: 'scene units' };
}

function intrinsicsOf({ w, h, fl_x, fl_y, cx, cy, camera_angle_x }: IntrinsicFields, location: string): Intrinsics {
  const fx =
    fl_x ?? (w !== undefined && camera_angle_x !== undefined ? w / 2 / Math.tan(camera_angle_x / 2) : undefined);
  if (w === undefined || h === undefined || fx === undefined) {
    throw viewError('TF-VIEW-001', {
      subject: 'readTransformsScene',
      expected: 'w, h and fl_x (or camera_angle_x)',
      actual: `w ${w}, h ${h}, fl_x ${fl_x}`,
      location,
    });
  }
  return { widthPx: w, heightPx: h, fx, fy: fl_y ?? fx, cx: cx ?? w / 2, cy: cy ?? h / 2 };
}

function distortionOf({ k1, k2, k3, k4, p1, p2, camera_model }: IntrinsicFields): Distortion {
  if (/FISHEYE/i.test(camera_model ?? '')) return { kind: 'fisheye', k: [k1, k2, k3, k4] };
  return [k1, k2, k3, p1, p2].some((value) => value !== 0)
    ? { kind: 'radial', k: [k1, k2, k3], p: [p1, p2] }
    : { kind: 'none' };
}

/** x y z and red green blue (absent: grey). */
async function readPointPly(path: string): Promise<PointCloud> {
  const vertex = (await readPly(path)).elements.find(({ name }) => name === 'vertex');
  const column = (name: string): PlyArray | undefined => {
    const found = vertex?.columns.get(name);
    return found !== undefined && !isPlyList(found) ? found : undefined;
  };
  const axes = ['x', 'y', 'z'].map(column);
  if (axes.includes(undefined)) {
    throw viewError('TF-VIEW-004', {
      subject: 'readPointPly',
      expected: 'columns x, y, z of element "vertex"',
      actual: 'others',
      location: path,
    });
  }
  const channels = ['red', 'green', 'blue'].map(column);
  const count = vertex!.count;
  return {
    positions: Float64Array.from({ length: 3 * count }, (_, k) => axes[k % 3]![Math.floor(k / 3)]),
    colors: Uint8Array.from({ length: 3 * count }, (_, k) => channels[k % 3]?.[Math.floor(k / 3)] ?? 128),
  };
}
