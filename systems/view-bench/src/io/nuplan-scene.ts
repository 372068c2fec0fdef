/** nuPlan logs: a SQLite database of images, ego poses and cameras whose calibration fields are pickled; images in sensor_blobs/. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { Scene } from '../types.ts';
import { viewError } from '../view-errors.ts';
import type { FrameSource } from './frames.ts';
import { composeRigid, poseOf, rigidFromQuaternion } from './rigid.ts';
import { sceneFromSources, type SourceSceneOptions } from './sources-scene.ts';
import { unpickle } from './unpickle.ts';

const rowShape = z.object({
  channel: z.string(),
  width: z.number(),
  height: z.number(),
  translation: z.instanceof(Uint8Array),
  rotation: z.instanceof(Uint8Array),
  intrinsic: z.instanceof(Uint8Array),
  distortion: z.instanceof(Uint8Array),
  filename_jpg: z.string(),
  x: z.number(),
  y: z.number(),
  z: z.number(),
  qw: z.number(),
  qx: z.number(),
  qy: z.number(),
  qz: z.number(),
});
const triple = z.array(z.number()).length(3);
const quad = z.array(z.number()).length(4);
const matrix = z.array(z.array(z.number()).length(3)).length(3);

const QUERY = `SELECT camera.channel, camera.width, camera.height, camera.translation, camera.rotation, camera.intrinsic, camera.distortion,
  image.filename_jpg, ego_pose.x, ego_pose.y, ego_pose.z, ego_pose.qw, ego_pose.qx, ego_pose.qy, ego_pose.qz
  FROM image JOIN camera ON image.camera_token = camera.token JOIN ego_pose ON image.ego_pose_token = ego_pose.token
  ORDER BY image.timestamp, camera.channel`;

/** Cameras that look sideways are the test of level 2. */
const SIDE_CHANNELS = new Set(['CAM_L1', 'CAM_R1']);

export async function readNuPlanScene(folder: string, options: SourceSceneOptions): Promise<Scene> {
  const file = existsSync(folder) ? (await readdir(folder)).find((name) => name.endsWith('.db')) : undefined;
  if (file === undefined) {
    throw viewError('TF-VIEW-004', {
      subject: 'readNuPlanScene',
      expected: 'a log *.db',
      actual: 'none',
      location: folder,
    });
  }
  const path = join(folder, file);
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(path, { readOnly: true });
  let rows: unknown[];
  try {
    rows = database.prepare(QUERY).all();
  } catch (cause) {
    throw viewError('TF-VIEW-004', {
      subject: 'readNuPlanScene',
      expected: 'tables image, camera and ego_pose of a nuPlan log',
      actual: String((cause as Error).message),
      location: path,
      cause,
    });
  } finally {
    database.close();
  }
  const images = existsSync(join(folder, 'sensor_blobs')) ? join(folder, 'sensor_blobs') : folder;
  const sources = rows.map((row): FrameSource => {
    const data = rowShape.parse(row);
    const field = <T>(name: 'translation' | 'rotation' | 'intrinsic' | 'distortion', shape: z.ZodType<T>): T => {
      const at = `${path}: camera ${data.channel}, ${name}`;
      const parsed = shape.safeParse(unpickle(data[name], at));
      if (parsed.success) return parsed.data;
      throw viewError('TF-VIEW-001', {
        subject: 'readNuPlanScene',
        expected: 'finite calibration numbers',
        actual: parsed.error.issues[0]!.message,
        location: at,
      });
    };
    const K = field('intrinsic', matrix);
    const k = field('distortion', z.array(z.number()));
    const ego = rigidFromQuaternion([data.qw, data.qx, data.qy, data.qz], [data.x, data.y, data.z]);
    const mount = rigidFromQuaternion(field('rotation', quad), field('translation', triple));
    return {
      name: data.filename_jpg,
      imagePath: join(images, data.filename_jpg),
      intrinsics: {
        widthPx: data.width,
        heightPx: data.height,
        fx: K[0]![0]!,
        fy: K[1]![1]!,
        cx: K[0]![2]!,
        cy: K[1]![2]!,
      },
      distortion: { kind: 'radial', k: [k[0] ?? 0, k[1] ?? 0, k[4] ?? 0], p: [k[2] ?? 0, k[3] ?? 0] },
      ...poseOf(composeRigid(ego, mount)),
      traversal: basename(file, '.db'),
      channel: data.channel,
    };
  });
  const test = sources.filter(({ channel }) => SIDE_CHANNELS.has(channel!)).map(({ name }) => name);
  return sceneFromSources(
    { name: basename(file, '.db'), sources, ...(test.length > 0 && test.length < sources.length ? { test } : {}) },
    options,
  );
}
