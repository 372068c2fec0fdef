/** The synthetic street: exact depth, masks and splits, and the same bytes for the same seed. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { measureViewDistance, trainingPath } from '../src/bench/geometry.ts';
import { worldFromPixel } from '../src/camera.ts';
import { countViews, countViewsOfPixels } from '../src/coverage.ts';
import { createStreetScene, type StreetScene } from '../src/street/street-scene.ts';
import { DEFAULT_STREET } from '../src/street/street-options.ts';

const SMALL = { ...DEFAULT_STREET, widthPx: 64, heightPx: 40, numStops: 4, numTests: 2, cameras: 'front' } as const;
const TINY = { ...SMALL, widthPx: 24, heightPx: 15, numStops: 2, numTests: 1 } as const;
let scene: StreetScene;
before(async () => void (scene = await createStreetScene(SMALL, { numWorkers: 1 })));

test('the same seed gives the same bytes with one worker or two, another seed others', async () => {
  const one = await createStreetScene(TINY, { numWorkers: 1 });
  assert.deepEqual(await createStreetScene(TINY, { numWorkers: 2 }), one);
  const other = await createStreetScene({ ...TINY, seed: 1 }, { numWorkers: 1 });
  assert.notDeepEqual(other.frames[0]!.image.data, one.frames[0]!.image.data);
});

test('depth and pose send a ground pixel to height zero within a thousandth of a pixel', () => {
  let numGround = 0;
  for (const frame of scene.frames.slice(0, 6)) {
    for (let p = 0; p < frame.depthM!.length; p++) {
      // Instance 0 with a normal straight up and no kerb: the road.
      if (frame.instanceIds[p] !== 0 || !(frame.depthM![p] > 0) || frame.normals[3 * p + 2] !== 1) continue;
      const [, y, z] = worldFromPixel(frame.camera, p, frame.depthM![p]);
      if (Math.abs(y) > 6.9) continue;
      numGround++;
      const errorPx = (Math.abs(z) * frame.camera.fy) / frame.depthM![p];
      assert.ok(errorPx < 1e-3, `${frame.name} pixel ${p}: ${errorPx} px`);
    }
  }
  assert.ok(numGround > 1000);
});

test('moving objects are masked exactly where instance ids are those of traffic', () => {
  let numMoving = 0;
  for (const { instanceIds, staticMask } of scene.frames) {
    for (let p = 0; p < instanceIds.length; p++) {
      if (instanceIds[p] < 10_000) continue;
      numMoving++;
      assert.equal(staticMask![p], 0);
    }
  }
  assert.ok(numMoving > 100);
});

test('a training view sees its own pixels and test views of level 3 show surfaces that none sees', () => {
  const train = scene.frames.filter(({ level }) => level === 'train');
  const own = train[0]!;
  const views = countViews(own, train);
  for (let p = 0; p < views.length; p++) if (own.staticMask![p] === 1) assert.ok(views[p] >= 1, `pixel ${p}`);
  const unseenShare = (level: string) => {
    const frames = scene.frames.filter((frame) => frame.level === level);
    let [unseen, all] = [0, 0];
    for (const frame of frames) {
      const counts = countViews(frame, train);
      counts.forEach((count, p) => {
        if (frame.staticMask![p] === 0) return;
        all++;
        if (count === 0) unseen++;
      });
    }
    return unseen / all;
  };
  assert.ok(unseenShare('level3') > 0.1 && unseenShare('level3') < 0.9, `${unseenShare('level3')}`);
  assert.equal(unseenShare('train'), 0);
  // A point behind every training camera is seen by none.
  assert.equal(countViewsOfPixels(own, [0], [])[0], 0);
});

test('test views stand where their level says, farther from the path than the training spacing where it means moved', () => {
  const path = trainingPath(scene.frames.filter(({ level }) => level === 'train').map(({ camera }) => camera));
  for (const { level, camera, name } of scene.frames) {
    const { pathM, turnDeg } = measureViewDistance(camera, path);
    const lateral = /lat([\d.]+)_/.exec(name)?.[1];
    if (lateral !== undefined)
      assert.ok(Math.abs(pathM - Number(lateral)) < 0.2 + 0.1 * Number(lateral), `${name}: ${pathM} m`);
    if (level === 'level2') assert.ok(pathM < 0.1 && turnDeg > 20, `${name}: ${pathM} m, ${turnDeg}°`);
    if (level === 'control') assert.ok(pathM < 0.1, name);
  }
  const names = new Set(scene.train);
  assert.ok(scene.test.every((name) => !names.has(name)));
});
