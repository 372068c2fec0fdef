/** A scene from params: read, held out, and rid of views that cannot be right. */
import type { VerbContext } from '@tenfold/core/system';
import { resolve } from 'node:path';
import { loadScene } from '../io/load-scene.ts';
import type { SceneParams } from '../params.ts';
import { leaveOutLeaning, type UprightScene } from '../pose-check.ts';

export async function sceneFromParams(params: SceneParams, context: VerbContext): Promise<UprightScene> {
  const scene = await loadScene(resolve(context.workingFolder, params.scene), params.kind, {
    maxWidthPx: params.maxWidth,
    holdEvery: params.holdEvery,
    holdFirst: params.holdFirst,
    hold: params.hold
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
    onProgress: (done, total) => context.progress({ phase: 'reading images', done, total }),
  });
  return leaveOutLeaning(scene, params.maxLean);
}
