/** The room as a user meets it: manifest, verbs, tour, errors. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { assertManifest, createTestContext, runVerbInTest } from '@tenfold/core/system/test-kit';
import { manifest } from '../src/manifest.ts';
import { run as runTourVerb } from '../src/verbs/tour.ts';

interface Answer {
  readonly levels: readonly {
    readonly level: string;
    readonly psnr: number;
    readonly psnrSeen: number | null;
    readonly unseenShare: number | null;
  }[];
  readonly lengthUnit: string;
  readonly trust: { readonly radiusM: number; readonly points: readonly unknown[] } | null;
  readonly numGaussians: number;
  readonly numGrown: number;
  readonly strips: readonly { readonly artifact: string }[];
}

let folder: string;
before(() => void (folder = mkdtempSync(join(tmpdir(), 'view-bench-'))));
after(() => rmSync(folder, { recursive: true, force: true }));

test('the manifest keeps its rules', () => assertManifest(manifest));

test('the tour trains a street, scores three levels and draws a trust radius', async () => {
  // Smaller than a user's: what it shows is the same.
  const outcome = await runVerbInTest(manifest, 'tour', { width: 64, steps: 90 });
  const value = outcome.result as unknown as Answer;
  assert.deepEqual(
    value.levels.map(({ level }) => level),
    ['train', 'control', 'level1', 'level2', 'level3'],
  );
  assert.ok(value.numGrown > 0);
  assert.ok(value.trust!.points.length >= 3);
  assert.equal(value.lengthUnit, 'm');
  const names = new Set(outcome.artifacts.map(({ name }) => name));
  assert.ok(names.has('cloud.ply') && names.has('cloud.splat'));
  for (const { artifact } of value.strips) assert.ok(names.has(artifact), artifact);
});

test('a cancelled tour stops with a cancel error', async () => {
  const abort = new AbortController();
  const context = createTestContext({ signal: abort.signal });
  const started = runTourVerb(
    { width: 48, steps: 60 },
    { ...context, progress: (update) => update.phase === 'training' && abort.abort() },
  );
  await assert.rejects(started, /TF-BASE-001|aborted/);
});

test('a street is written in the EUVS layout, trained, scored from its file and converted', async () => {
  const options = { workingFolder: folder };
  const street = await runVerbInTest(manifest, 'street', { out: 'street', width: 48, stops: 4 }, options);
  assert.ok((street.result as unknown as { numPoints: number }).numPoints > 100);
  const trained = await runVerbInTest(
    manifest,
    'train',
    { scene: 'street', steps: 40, out: 'result', threads: 1 },
    options,
  );
  const value = trained.result as unknown as Answer;
  // A COLMAP model does not say how long its unit is, and the report does not say metres.
  assert.equal(value.lengthUnit, 'scene units');
  assert.doesNotMatch(JSON.stringify(trained.report), /\d m\b|"unit":"m"/);
  // The exact depth beside the images is read back: the oracle splits pixels here too.
  assert.ok(value.levels.every(({ psnrSeen }) => psnrSeen !== null));
  const scored = await runVerbInTest(manifest, 'evaluate', { scene: 'street', cloud: 'result/cloud.ply' }, options);
  assert.deepEqual((scored.result as unknown as Answer).levels, value.levels);
  // A cloud of disks says so in its file, and is scored as disks.
  const flat = { scene: 'street', steps: 20, out: 'flat', threads: 1, start: 'points', method: '2dgs' };
  const { result: disks } = await runVerbInTest(manifest, 'train', flat, options);
  const again = await runVerbInTest(manifest, 'evaluate', { scene: 'street', cloud: 'flat/cloud.ply' }, options);
  assert.deepEqual((again.result as unknown as Answer).levels, (disks as unknown as Answer).levels);
  for (const output of ['cloud.compressed.ply', 'cloud.spz'])
    await runVerbInTest(manifest, 'convert', { input: 'result/cloud.ply', output }, options);
  await assert.rejects(
    runVerbInTest(manifest, 'convert', { input: 'result/cloud.ply', output: 'cloud.spz' }, options),
    {
      message: new RegExp('^convert: a new file, got one that is there .*Add --force to overwrite it. TF-VIEW-010$'),
    },
  );
});

test('bad scene folders are refused with file, expectation and way on', async () => {
  const options = { workingFolder: folder };
  const refused = (params: Record<string, unknown>) =>
    runVerbInTest(manifest, 'train', { steps: 1, threads: 1, ...params }, options);
  const list = join(folder, 'street/test_set.txt');
  const kept = readFileSync(list, 'utf8');
  const trainNames = readFileSync(join(folder, 'street/train_set.txt'), 'utf8').split('\n');
  writeFileSync(list, `${kept}nowhere.png\n`);
  await assert.rejects(
    refused({ scene: 'street' }),
    /a pose in the COLMAP model for every listed image, got none for "nowhere.png" .*test_set.txt:\d+.*TF-VIEW-002/,
  );
  writeFileSync(list, `${kept}${trainNames[0]}\n`);
  await assert.rejects(
    refused({ scene: 'street' }),
    /train and test without a common frame, got ".*" in both.*TF-VIEW-002/,
  );
  writeFileSync(list, kept);
  const image = join(folder, 'street/images', trainNames[0]!);
  const photograph = readFileSync(image);
  rmSync(image);
  await assert.rejects(
    refused({ scene: 'street' }),
    /the photograph of ".*", got no such file .*Copy the images beside the poses.*TF-VIEW-004/,
  );
  writeFileSync(image, photograph);
  const cameras = join(folder, 'street/sparse/0/images.bin');
  const model = readFileSync(cameras);
  truncateSync(cameras, 200);
  await assert.rejects(refused({ scene: 'street' }), /images.bin.*TF-DATA-003|TF-DATA-003/);
  writeFileSync(cameras, model);
  await assert.rejects(refused({ scene: folder }), /a scene folder of one of the layouts .*TF-VIEW-004/);
});
