/** Argoverse 2 sensor logs: calibration and poses in feather files, photographs by camera and nanosecond. A log is a traversal.
 *  Annotated cuboids of what may move become masks. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Scene } from '../types.ts';
import { viewError } from '../view-errors.ts';
import type { MovableBox } from './box-mask.ts';
import { readFeather, type FeatherTable } from './feather.ts';
import type { FrameSource } from './frames.ts';
import { composeRigid, poseOf, rigidFromQuaternion, type Rigid } from './rigid.ts';
import { sceneFromSources, type SourceSceneOptions } from './sources-scene.ts';

/** A pose or cuboid farther away in time than this does not belong to a photograph, nanoseconds. */
const MAX_POSE_GAP_NS = 60_000_000n;
/** Annotated things that stand where they stand. */
const FIXED_CATEGORIES = new Set([
  'BOLLARD',
  'CONSTRUCTION_BARREL',
  'CONSTRUCTION_CONE',
  'MESSAGE_BOARD_TRAILER',
  'MOBILE_PEDESTRIAN_CROSSING_SIGN',
  'SIGN',
  'STOP_SIGN',
  'TRAFFIC_LIGHT_TRAILER',
]);

interface Timed<Value> {
  /** Ascending. */ readonly times: BigInt64Array;
  readonly values: readonly Value[];
}

export async function readArgoverseScene(folder: string, options: SourceSceneOptions): Promise<Scene> {
  const [intrinsics, mounts, egoPoses] = await Promise.all([
    readFeather(join(folder, 'calibration', 'intrinsics.feather')),
    readFeather(join(folder, 'calibration', 'egovehicle_SE3_sensor.feather')),
    readFeather(join(folder, 'city_SE3_egovehicle.feather')),
  ]);
  const poses = sortedByTime(egoPoses.integers('timestamp_ns'), rigidsOf(egoPoses));
  const mountOf = new Map(mounts.texts('sensor_name').map((name, row) => [name, rigidsOf(mounts)[row]!]));
  const boxes = await readBoxes(join(folder, 'annotations.feather'), poses);
  const names = intrinsics.texts('sensor_name');
  const column = (name: string) => intrinsics.numbers(name);
  const [fx, fy, cx, cy] = ['fx_px', 'fy_px', 'cx_px', 'cy_px'].map(column);
  const [k1, k2, k3] = ['k1', 'k2', 'k3'].map(column);
  const [widths, heights] = ['width_px', 'height_px'].map(column);
  const sources: FrameSource[] = [];
  for (const [row, channel] of names.entries()) {
    const images = join(folder, 'sensors', 'cameras', channel);
    if (!existsSync(images)) continue;
    const mount = mountOf.get(channel);
    if (mount === undefined) {
      throw viewError('TF-VIEW-004', {
        subject: 'readArgoverseScene',
        expected: `a mount of the camera "${channel}"`,
        actual: `mounts of ${[...mountOf.keys()].join(', ')}`,
        location: join(folder, 'calibration', 'egovehicle_SE3_sensor.feather'),
      });
    }
    for (const file of (await readdir(images)).filter((name) => /^\d+\.(jpg|png)$/.test(name)).toSorted()) {
      const timeNs = BigInt(file.split('.')[0]!);
      const ego = nearest(poses, timeNs);
      if (ego === undefined) {
        throw viewError('TF-VIEW-004', {
          subject: 'readArgoverseScene',
          expected: 'a pose within 60 ms of every photograph',
          actual: 'none',
          location: join(images, file),
        });
      }
      const movable = boxes && nearest(boxes, timeNs);
      sources.push({
        name: `${channel}/${file}`,
        imagePath: join(images, file),
        intrinsics: {
          widthPx: widths![row],
          heightPx: heights![row],
          fx: fx![row],
          fy: fy![row],
          cx: cx![row],
          cy: cy![row],
        },
        distortion: { kind: 'radial', k: [k1![row], k2![row], k3![row]], p: [0, 0] },
        ...poseOf(composeRigid(ego, mount)),
        traversal: basename(folder),
        channel,
        ...(movable ? { movableBoxes: movable } : {}),
      });
    }
  }
  return sceneFromSources({ name: basename(folder), sources }, options);
}

/** Cuboids by the time of their sweep, in the city's axes. */
async function readBoxes(path: string, poses: Timed<Rigid>): Promise<Timed<readonly MovableBox[]> | undefined> {
  if (!existsSync(path)) return undefined;
  const table = await readFeather(path);
  const times = table.integers('timestamp_ns');
  const categories = table.texts('category');
  const [lengths, widths, heights] = ['length_m', 'width_m', 'height_m'].map((name) => table.numbers(name));
  const rigids = rigidsOf(table);
  const byTime = new Map<bigint, MovableBox[]>();
  times.forEach((timeNs, row) => {
    const sweep = byTime.get(timeNs) ?? [];
    byTime.set(timeNs, sweep);
    const ego = nearest(poses, timeNs);
    if (ego === undefined || FIXED_CATEGORIES.has(categories[row]!)) return;
    sweep.push({
      worldFromBox: composeRigid(ego, rigids[row]!),
      lengthM: lengths![row],
      widthM: widths![row],
      heightM: heights![row],
    });
  });
  return sortedByTime(BigInt64Array.from(byTime.keys()), [...byTime.values()]);
}

function rigidsOf(table: FeatherTable): readonly Rigid[] {
  const [qw, qx, qy, qz, x, y, z] = ['qw', 'qx', 'qy', 'qz', 'tx_m', 'ty_m', 'tz_m'].map((name) => table.numbers(name));
  return Array.from({ length: table.numRows }, (_, row) =>
    rigidFromQuaternion([qw![row], qx![row], qy![row], qz![row]], [x![row], y![row], z![row]]),
  );
}

function sortedByTime<Value>(times: BigInt64Array, values: readonly Value[]): Timed<Value> {
  const order = Array.from(times.keys()).toSorted((a, b) => (times[a]! < times[b]! ? -1 : 1));
  return { times: BigInt64Array.from(order, (row) => times[row]!), values: order.map((row) => values[row]!) };
}

/** The value nearest in time, undefined if none is near enough. */
function nearest<Value>({ times, values }: Timed<Value>, timeNs: bigint): Value | undefined {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! < timeNs) low = middle + 1;
    else high = middle;
  }
  const gapOf = (row: number) => {
    const gap = (times[row] ?? 0n) - timeNs;
    return gap < 0n ? -gap : gap;
  };
  const row = [low - 1, low]
    .filter((candidate) => candidate >= 0 && candidate < times.length)
    .toSorted((a, b) => (gapOf(a) < gapOf(b) ? -1 : 1))[0];
  return row === undefined || gapOf(row) > MAX_POSE_GAP_NS ? undefined : values[row];
}
