/** Photographs of planned shots: every worker builds the same world from the seed, so that frames do not depend on who takes them. */
import { createRng } from '@tenfold/core/base';
import { rigCamera } from './rig.ts';
import { photographStreet, type StreetFrame } from './shade.ts';
import { createSolidTree, type SolidTree } from './solids.ts';
import type { StreetOptions } from './street-options.ts';
import { traversalLighting, type Shot } from './traversals.ts';
import { createStaticStreet, createTraffic } from './world.ts';

const FIRST_TRAFFIC_ID = 10_000;

export interface Photographer {
  readonly staticTree: SolidTree;
  take(shot: Shot): StreetFrame;
}

export function createPhotographer(options: StreetOptions): Photographer {
  const { seed, widthPx, heightPx, lighting, hasTraffic } = options;
  const staticTree = createSolidTree(createStaticStreet(createRng(seed, 'street')));
  return {
    staticTree,
    take({ name, traversal, channel, pose, level }) {
      const camera = rigCamera(channel, pose, widthPx, heightPx);
      const trees = [staticTree];
      if (hasTraffic) {
        const rng = createRng(seed, `traffic/${traversal}`);
        trees.push(createSolidTree(createTraffic(rng, pose.timeSec, FIRST_TRAFFIC_ID, [[pose.xM, pose.yM]])));
      }
      // Side views belong to the training drives and share their light.
      const light = traversalLighting(lighting, createRng(seed, `light/${traversal}`));
      return { ...photographStreet(name, camera, trees, light), traversal, channel, level };
    },
  };
}
