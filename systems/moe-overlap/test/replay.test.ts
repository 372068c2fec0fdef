import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { median } from '@tenfold/core/base';
import { runVerbInTest } from '@tenfold/core/system/test-kit';
import { analyticDevice } from '../src/device-library.ts';
import { manifest } from '../src/manifest.ts';
import { parseMeasuredFile, parsePlansFile } from '../src/measured-file.ts';
import { replaySetting } from '../src/replay.ts';
import { planRunner } from '../src/runner-plans.ts';

const FIXTURE = fileURLToPath(new URL('../fixtures/h100x2-block.json', import.meta.url));

/** What the measured plans were made with. */
const PLANNED_DEVICE = {
  ...analyticDevice({ numDevices: 2 }),
  flopsPerSec: 300e12,
  bytesPerSec: 2.5e12,
  launchMs: 0.02,
};
const PLANNED_RANGES: Readonly<Record<string, readonly number[]>> = {
  0: [4, 17, 2],
  1: [4, 17, 2],
  2: [0, 17, 3],
  3.36: [0, 17, 4],
};
/** ms that a part costs on that stack, fitted by the verb replay. */
const FITTED_OVERHEAD_MS = 0.14;

test('24 steps on two H100 are predicted within 5 % in the median from the times of the written order', async () => {
  const { settings } = parseMeasuredFile(await readFile(FIXTURE, 'utf8'));
  const errors: number[] = [];
  for (const setting of settings) {
    const { file, optimised } = await planRunner({
      sizes: setting.sizes as Parameters<typeof planRunner>[0]['sizes'],
      device: PLANNED_DEVICE,
      // The native run used the plans for 1.
      ratio: setting.asked ?? 1,
      partOverheadMs: 0.02,
      maxParts: 4,
    });
    assert.deepEqual(
      optimised.plans.both.ranges.map(({ firstOp, endOp, numParts }) => [firstOp, endOp, numParts]),
      [PLANNED_RANGES[setting.asked ?? 0]],
    );
    const rows = replaySetting(parsePlansFile(JSON.stringify(file)), setting, FITTED_OVERHEAD_MS);
    const none = rows.find(({ mode }) => mode === 'none')!;
    assert.ok(Math.abs(none.error) < 0.02, `${none.error}`);
    assert.ok(Math.abs(none.measuredExposedMs! - none.predictedExposedMs) < 0.15);
    errors.push(...rows.map(({ error }) => Math.abs(error)));
  }
  assert.equal(errors.length, 24);
  assert.ok(median(errors) < 0.05, `${median(errors)}`);
});

test('plans made from a profile use its sizes and times', async () => {
  const { status, result } = await runVerbInTest(manifest, 'export', { profile: FIXTURE, ratio: 3.36, overhead: 0.1 });
  assert.equal(status, 'done');
  assert.ok((result as { speedUp: number }).speedUp >= 1);
});

test('a measured file without a field names it', () => {
  assert.throws(() => parseMeasuredFile('{"device":"x","torch":"2","settings":[]}'), { code: 'TF-OVERLAP-002' });
  assert.throws(() => parsePlansFile('{"version":2}'), {
    message: 'parsePlansFile: a file in the documented format, got Invalid input: expected 1 (version). TF-OVERLAP-002',
  });
});
