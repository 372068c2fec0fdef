/** street: photographs the synthetic street and writes it in the EUVS layout. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { resolve } from 'node:path';
import { measureViewDistance, trainingPath } from '../bench/geometry.ts';
import { writeEuvsScene } from '../io/euvs-writer.ts';
import { joinImages, pngFromImage } from '../pictures.ts';
import { LEVEL_TITLES } from '../report.ts';
import { createStreetScene } from '../street/street-scene.ts';
import type { Level } from '../types.ts';
import type { StreetParams } from '../params.ts';
import { streetFromParams } from './street-params.ts';

interface StreetVerbParams extends StreetParams {
  readonly out: string;
  readonly force: boolean;
  readonly dryRun: boolean;
}

const LEVELS: readonly Level[] = ['train', 'control', 'level1', 'level2', 'level3'];

export async function run(params: StreetVerbParams, context: VerbContext): Promise<VerbResult> {
  const scene = await createStreetScene(streetFromParams(params, context.seed), {
    signal: context.signal,
    onProgress: (done, total) => context.progress({ phase: 'photographing the street', done, total }),
  });
  const folder = resolve(context.workingFolder, params.out);
  if (!params.dryRun) {
    await writeEuvsScene(folder, scene, {
      force: params.force,
      onProgress: (done, total) => context.progress({ phase: 'writing', done, total }),
    });
  }
  const path = trainingPath(scene.frames.filter(({ level }) => level === 'train').map(({ camera }) => camera));
  const { spacingM } = path;
  const rows = LEVELS.flatMap((level) => {
    const frames = scene.frames.filter((frame) => frame.level === level);
    if (frames.length === 0) return [];
    const distances = frames.map(({ camera }) => measureViewDistance(camera, path));
    const farthest = (key: 'pathM' | 'turnDeg') =>
      level === 'train' ? null : Math.max(...distances.map((distance) => distance[key]));
    return [
      { views: LEVEL_TITLES[level], number: frames.length, pathM: farthest('pathM'), turnDeg: farthest('turnDeg') },
    ];
  });
  const samples = LEVELS.flatMap((level) => scene.frames.find((frame) => frame.level === level) ?? []);
  let numMoving = 0;
  for (const { staticMask } of scene.frames) for (const value of staticMask ?? []) numMoving += 1 - value;
  const numPixels = scene.frames.reduce((sum, { camera }) => sum + camera.widthPx * camera.heightPx, 0);
  return {
    ok: true,
    value: {
      folder: params.dryRun ? null : params.out,
      numFrames: scene.frames.length,
      numTrain: scene.train.length,
      numTest: scene.test.length,
      numPoints: scene.points.colors.length / 3,
      spacingM,
      levels: rows,
    },
    report: {
      title: 'A synthetic street with exact truth',
      verdict: {
        tone: 'good',
        text: `${scene.frames.length} photographs, ${scene.train.length} for training${params.dryRun ? '' : `, written to ${params.out}`}.`,
      },
      blocks: [
        {
          kind: 'figures',
          figures: [
            { label: 'photographs', value: scene.frames.length, format: 'count' },
            { label: 'start points', value: scene.points.colors.length / 3, format: 'count' },
            { label: 'pixels of moving objects', value: numMoving / numPixels, format: 'percent', digits: 1 },
          ],
        },
        {
          kind: 'table',
          caption: 'Views by level, and how far the farthest stands from the training path',
          columns: [
            { key: 'views', label: 'views' },
            { key: 'number', label: 'number', format: 'count' },
            { key: 'pathM', label: 'farthest from the path', unit: 'm', digits: 1 },
            { key: 'turnDeg', label: 'largest turn', unit: '°', digits: 0 },
          ],
          rows,
        },
        {
          kind: 'image',
          source: 'samples.png',
          alt: 'A photograph of each level',
          caption: 'One photograph of each level, in the order of the table',
          pixelated: true,
        },
      ],
    },
    artifacts: [
      {
        name: 'samples.png',
        mediaType: 'image/png',
        bytes: await pngFromImage(joinImages(samples.map(({ image }) => image))),
      },
    ],
  };
}
