/** A scene from a folder, whatever its layout. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Scene } from '../types.ts';
import { viewError } from '../view-errors.ts';
import { readArgoverseScene } from './argoverse-scene.ts';
import { readColmapScene, type ColmapSceneOptions } from './colmap-scene.ts';
import { readKittiScene } from './kitti-scene.ts';
import { readNuPlanScene } from './nuplan-scene.ts';
import { findTables, readNuScenesScene } from './nuscenes-scene.ts';
import { readOpenSfmScene } from './opensfm-scene.ts';
import { SCENE_KINDS, type SceneKind } from './scene-kinds.ts';
import { readTransformsScene } from './transforms-scene.ts';

interface KindRow {
  /** True if the folder looks like this layout. */
  readonly matches: (folder: string) => boolean | Promise<boolean>;
  readonly read: (folder: string, options: ColmapSceneOptions) => Promise<Scene>;
}

const KINDS: Readonly<Record<SceneKind, KindRow>> = {
  colmap: {
    matches: (folder) =>
      ['sparse/0', 'sparse', '.'].some((part) =>
        ['bin', 'txt'].some((end) => existsSync(join(folder, part, `cameras.${end}`))),
      ),
    read: readColmapScene,
  },
  transforms: { matches: (folder) => existsSync(join(folder, 'transforms.json')), read: readTransformsScene },
  opensfm: { matches: (folder) => existsSync(join(folder, 'reconstruction.json')), read: readOpenSfmScene },
  kitti: { matches: (folder) => existsSync(join(folder, 'calib.txt')), read: readKittiScene },
  nuscenes: { matches: async (folder) => (await findTables(folder)) !== undefined, read: readNuScenesScene },
  nuplan: {
    matches: (folder) => existsSync(folder) && readdirSync(folder).some((name) => name.endsWith('.db')),
    read: readNuPlanScene,
  },
  argoverse: {
    matches: (folder) => existsSync(join(folder, 'city_SE3_egovehicle.feather')),
    read: readArgoverseScene,
  },
};

/** @throws TF-VIEW-004 if no layout fits */
export async function loadScene(folder: string, kind: SceneKind | 'auto', options: ColmapSceneOptions): Promise<Scene> {
  if (kind !== 'auto') return KINDS[kind].read(folder, options);
  for (const candidate of SCENE_KINDS)
    if (await KINDS[candidate].matches(folder)) return KINDS[candidate].read(folder, options);
  throw viewError('TF-VIEW-004', {
    subject: 'loadScene',
    expected: `a scene folder of one of the layouts ${SCENE_KINDS.join(', ')}`,
    actual: 'none of their files',
    location: folder,
    hints: [
      'COLMAP and EUVS need sparse/0/cameras.bin and images/; transforms.json, reconstruction.json, calib.txt, sample_data.json, *.db or city_SE3_egovehicle.feather name the others.',
    ],
  });
}
