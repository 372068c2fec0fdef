import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runVerbInTest } from '@tenfold/core/system/test-kit';
import { analyticDevice } from '../src/device-library.ts';
import { manifest } from '../src/manifest.ts';
import { parseMeasuredFile, parsePlansFile } from '../src/measured-file.ts';
import { replaySetting } from '../src/replay.ts';
import { planRunner } from '../src/runner-plans.ts';

const FIXTURE = fileURLToPath(new URL('../fixtures/h100x2-block.json', import.meta.url));

test('the written order on two H100 is predicted within 2 % from the times of its operations', async () => {
  const { settings } = parseMeasuredFile(await readFile(FIXTURE, 'utf8'));
  const device = analyticDevice({ numDevices: 2 });
  for (const setting of settings) {
    const sizes = { ...setting.sizes };
    const { file } = await planRunner({
      sizes: sizes as Parameters<typeof planRunner>[0]['sizes'],
      device,
      ratio: setting.asked ?? 0,
      measuredMs: setting.modes['none']!.spanMs,
      partOverheadMs: 0.1,
      maxParts: 4,
    });
    const rows = replaySetting(parsePlansFile(JSON.stringify(file)), setting, 0.1);
    const none = rows.find(({ mode }) => mode === 'none')!;
    assert.ok(Math.abs(none.error) < 0.02, `${none.error}`);
    assert.ok(Math.abs(none.measuredExposedMs! - none.predictedExposedMs) < 0.15);
  }
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
