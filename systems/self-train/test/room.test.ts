import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertManifest, runTour } from '@tenfold/core/system/test-kit';
import { manifest } from '../src/manifest.ts';
import type { AdaptJson } from '../src/outputs/adapt-json.ts';

test('the manifest keeps the rules of the house', () => {
  assertManifest(manifest);
});

test('the tour adapts font digits to handwriting better than the source network and shows all four methods', async () => {
  const outcome = await runTour(manifest);
  const { methods, views, askNext } = outcome.result as unknown as AdaptJson;
  assert.deepEqual(
    methods.map(({ method }) => method),
    ['em', 'source', 'cbst', 'oracle'],
  );
  const accuracyOf = (name: string) => methods.find(({ method }) => method === name)!.accuracy!;
  assert.ok(accuracyOf('em') > accuracyOf('source') + 0.01);
  assert.ok(accuracyOf('oracle') > accuracyOf('em'));
  assert.equal(views.length, methods[0].rounds.length);
  assert.ok(askNext.every(({ thumbnail }) => thumbnail?.startsWith('data:image/png;base64,')));
});
