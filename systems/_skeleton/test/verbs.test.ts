import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { assertManifest, runTour, runVerbInTest } from '@tenfold/core/system/test-kit';
import { manifest } from '../src/manifest.ts';

test('the manifest keeps the rules of the house', () => {
  assertManifest(manifest);
});

test('the tour runs on real input and checks itself', async () => {
  const outcome = await runTour(manifest);
  assert.ok((outcome.result as { numWords: number }).numWords > 100);
});

test('count reads a file relative to the folder of its caller', async () => {
  const workingFolder = fileURLToPath(new URL('..', import.meta.url));
  const outcome = await runVerbInTest(manifest, 'count', { file: 'README.md', minLength: 4 }, { workingFolder });
  assert.match(outcome.report!.verdict.text, /is the most frequent of \d+ words/);
});
