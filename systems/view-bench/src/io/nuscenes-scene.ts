/** nuScenes and MARS tables: sample_data of cameras, ego_pose, calibrated_sensor (MARS adds fisheye distortion), sensor, scene, sample.
 *  Every scene of the tables is a traversal. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { Scene } from '../types.ts';
import { viewError } from '../view-errors.ts';
import type { MovableBox } from './box-mask.ts';
import type { FrameSource } from './frames.ts';
import { readJsonFile } from './json-file.ts';
import { composeRigid, poseOf, rigidFromQuaternion } from './rigid.ts';
import { sceneFromSources, type SourceSceneOptions } from './sources-scene.ts';

const triple = z.array(z.number()).length(3);
const quad = z.array(z.number()).length(4);
const TABLES = {
  scene: z.array(z.object({ token: z.string(), name: z.string() })),
  sample: z.array(z.object({ token: z.string(), scene_token: z.string() })),
  sample_data: z.array(
    z.object({
      token: z.string(),
      sample_token: z.string(),
      ego_pose_token: z.string(),
      calibrated_sensor_token: z.string(),
      filename: z.string(),
      width: z.number().nullish(),
      height: z.number().nullish(),
      is_key_frame: z.boolean().default(true),
    }),
  ),
  ego_pose: z.array(z.object({ token: z.string(), translation: triple, rotation: quad })),
  calibrated_sensor: z.array(
    z.object({
      token: z.string(),
      sensor_token: z.string(),
      translation: triple,
      rotation: quad,
      camera_intrinsic: z.array(z.array(z.number())).default([]),
      distortion_coefficient: z.array(z.number()).optional(),
    }),
  ),
  sensor: z.array(z.object({ token: z.string(), channel: z.string(), modality: z.string() })),
} as const;
/** Annotations are optional; without them there are no masks. */
const ANNOTATION_TABLES = {
  sample_annotation: z.array(
    z.object({
      sample_token: z.string(),
      instance_token: z.string(),
      translation: triple,
      /** width, length, height */
      size: triple,
      rotation: quad,
    }),
  ),
  instance: z.array(z.object({ token: z.string(), category_token: z.string() })),
  category: z.array(z.object({ token: z.string(), name: z.string() })),
} as const;
const MOVABLE = /^(vehicle|human|animal)\b/;

/** Folder that holds the tables, e.g. v1.0-mini or v1.1. */
export async function findTables(folder: string): Promise<string | undefined> {
  const names = existsSync(folder) ? await readdir(folder) : [];
  return ['.', ...names].map((name) => join(folder, name)).find((path) => existsSync(join(path, 'sample_data.json')));
}

export async function readNuScenesScene(folder: string, options: SourceSceneOptions): Promise<Scene> {
  const tables = await findTables(folder);
  if (tables === undefined) {
    throw viewError('TF-VIEW-004', {
      subject: 'readNuScenesScene',
      expected: 'sample_data.json and its tables',
      actual: 'none',
      location: folder,
    });
  }
  const pathOf = (name: keyof typeof TABLES) => join(tables, `${name}.json`);
  const [scenes, samples, datas, poses, calibrations, sensors] = await Promise.all([
    readJsonFile(pathOf('scene'), TABLES.scene),
    readJsonFile(pathOf('sample'), TABLES.sample),
    readJsonFile(pathOf('sample_data'), TABLES.sample_data),
    readJsonFile(pathOf('ego_pose'), TABLES.ego_pose),
    readJsonFile(pathOf('calibrated_sensor'), TABLES.calibrated_sensor),
    readJsonFile(pathOf('sensor'), TABLES.sensor),
  ]);
  const byToken = <Row extends { readonly token: string }>(rows: readonly Row[], name: string) => {
    const map = new Map(rows.map((row) => [row.token, row]));
    return (token: string): Row => {
      const row = map.get(token);
      if (row) return row;
      throw viewError('TF-VIEW-004', {
        subject: 'readNuScenesScene',
        expected: `token "${token}" in ${name}.json`,
        actual: 'none',
        location: tables,
      });
    };
  };
  const poseOfToken = byToken(poses, 'ego_pose');
  const calibrationOf = byToken(calibrations, 'calibrated_sensor');
  const sensorOf = byToken(sensors, 'sensor');
  const sampleOf = byToken(samples, 'sample');
  const sceneOf = byToken(scenes, 'scene');
  const boxes = await readBoxes(tables);
  const sources: FrameSource[] = [];
  for (const data of datas) {
    const calibration = calibrationOf(data.calibrated_sensor_token);
    const sensor = sensorOf(calibration.sensor_token);
    if (sensor.modality !== 'camera' || !data.is_key_frame) continue;
    const K = calibration.camera_intrinsic;
    if (K.length !== 3 || !data.width || !data.height) {
      throw viewError('TF-VIEW-001', {
        subject: 'readNuScenesScene',
        expected: 'a 3 × 3 camera_intrinsic and image size',
        actual: `${K.length} rows, ${data.width} × ${data.height}`,
        location: `${tables}: calibrated_sensor "${calibration.token}"`,
      });
    }
    const ego = poseOfToken(data.ego_pose_token);
    const k = calibration.distortion_coefficient;
    sources.push({
      name: data.filename,
      imagePath: join(folder, data.filename),
      intrinsics: {
        widthPx: data.width,
        heightPx: data.height,
        fx: K[0]![0]!,
        fy: K[1]![1]!,
        cx: K[0]![2]!,
        cy: K[1]![2]!,
      },
      distortion: k?.length === 4 ? { kind: 'fisheye', k: [k[0]!, k[1]!, k[2]!, k[3]!] } : { kind: 'none' },
      ...poseOf(
        composeRigid(
          rigidFromQuaternion(ego.rotation, ego.translation),
          rigidFromQuaternion(calibration.rotation, calibration.translation),
        ),
      ),
      traversal: sceneOf(sampleOf(data.sample_token).scene_token).name,
      channel: sensor.channel,
      ...(boxes ? { movableBoxes: boxes.get(data.sample_token) ?? [] } : {}),
    });
  }
  return sceneFromSources({ name: basename(folder), sources }, options);
}

/** Boxes of movable objects by sample, or undefined without annotations. */
async function readBoxes(tables: string): Promise<ReadonlyMap<string, readonly MovableBox[]> | undefined> {
  const pathOf = (name: keyof typeof ANNOTATION_TABLES) => join(tables, `${name}.json`);
  if (!existsSync(pathOf('sample_annotation'))) return undefined;
  const [annotations, instances, categories] = await Promise.all([
    readJsonFile(pathOf('sample_annotation'), ANNOTATION_TABLES.sample_annotation),
    readJsonFile(pathOf('instance'), ANNOTATION_TABLES.instance),
    readJsonFile(pathOf('category'), ANNOTATION_TABLES.category),
  ]);
  const nameOf = new Map(categories.map(({ token, name }) => [token, name]));
  const categoryOf = new Map(instances.map((row) => [row.token, nameOf.get(row.category_token) ?? '']));
  const boxes = new Map<string, MovableBox[]>();
  for (const { sample_token, instance_token, translation, size, rotation } of annotations) {
    if (!MOVABLE.test(categoryOf.get(instance_token) ?? '')) continue;
    const box = {
      worldFromBox: rigidFromQuaternion(rotation, translation),
      lengthM: size[1]!,
      widthM: size[0]!,
      heightM: size[2]!,
    };
    boxes.set(sample_token, [...(boxes.get(sample_token) ?? []), box]);
  }
  return boxes;
}
