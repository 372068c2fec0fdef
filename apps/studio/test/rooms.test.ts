/** All ten rooms in a browser: every page opens without an error, one job of each runs from its form, and its result stands. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { systems } from '../../systems.ts';
import { buildWebIfStale, startStudio, type Studio } from '../server/index.ts';
import { findChromium, launchChromium } from './chromium.ts';

const chromiumPath = findChromium();
const skip = chromiumPath === undefined && 'no Chromium found; install it or name it with TENFOLD_CHROMIUM';
const JOB_MS = 180_000;

interface Job {
  readonly verb: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Words of its result. */
  readonly shows: RegExp;
}

/** A quick verb of every room. */
const JOBS: Readonly<Record<string, Job>> = {
  'trace-check': { verb: 'tour', params: {}, shows: /the bug is found in/ },
  sparse24: { verb: 'prox', params: { block: [1, 0.9, 0.2, 0.1] }, shows: /2 non-zero/ },
  'view-bench': { verb: 'street', params: { width: 32, stops: 2, traversals: 1, dryRun: true }, shows: /street/i },
  'prefix-cache': { verb: 'cost', params: { model: 'hyb-7m' }, shows: /hyb-7m/ },
  'cross-families': { verb: 'max', params: { n: 5, sets: '3|1,2' }, shows: /The maximum is/ },
  'label-audit': { verb: 'verify', params: { classes: 4, width: 2 }, shows: /energy/i },
  'self-train': {
    verb: 'draw-streets',
    params: { folder: 'streets', day: 10, dusk: 10, dryRun: true },
    shows: /street/i,
  },
  'pipe-plan': { verb: 'plan', params: {}, shows: /idle/ },
  'moe-overlap': { verb: 'optimise', params: {}, shows: /exposed/ },
  'temporal-qa': { verb: 'dates', params: { text: 'from 1987 until June 1996' }, shows: /1987/ },
};

let browser: Browser;
let studio: Studio;
const home = mkdtempSync(join(tmpdir(), 'tenfold-rooms-'));
before(async () => {
  if (chromiumPath === undefined) return;
  await buildWebIfStale();
  browser = await launchChromium(chromiumPath);
  studio = await startStudio({ systems, home, workingFolder: home });
});
after(async () => {
  await browser?.close();
  await studio?.close();
  rmSync(home, { recursive: true, force: true });
});

test('there are ten rooms, all built, and a job for each', () => {
  assert.deepEqual(
    systems
      .filter(({ load }) => load)
      .map(({ id }) => id)
      .toSorted(),
    Object.keys(JOBS).toSorted(),
  );
  assert.equal(systems.length, 10);
});

test('a room is called the same in the list and in its manifest', async () => {
  for (const { id, title, question, paper, load } of systems) {
    const { manifest } = await load!();
    assert.deepEqual([manifest.id, manifest.title, manifest.question, manifest.paper], [id, title, question, paper]);
  }
});

for (const { id, title } of systems) {
  test(`${id}: its page opens without an error, a job runs from its form, and the run is found`, { skip }, async () => {
    const { verb, params, shows } = JOBS[id]!;
    const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
    context.setDefaultTimeout(30_000);
    const page = await context.newPage();
    const errors: string[] = [];
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    page.on('pageerror', (error) => errors.push(String(error)));
    try {
      const base = new URL(studio.url).origin;
      await page.goto(base);
      await page.getByRole('link', { name: title }).first().click();
      await page.getByRole('heading', { level: 1, name: title }).waitFor();
      assert.equal(await page.getByText('TF-').count(), 0, 'no diagnostic on the page');
      const form = new URLSearchParams({ params: JSON.stringify(params) });
      await page.goto(`${base}/rooms/${id}/verbs/${verb}?${form}`);
      await page.getByRole('button', { name: `Run ${verb}` }).click();
      await page.waitForURL(/\/runs\/[0-9a-f]+$/);
      const runId = new URL(page.url()).pathname.split('/').at(-1)!;
      await page.locator('main').getByText(shows).first().waitFor({ timeout: JOB_MS });
      const run = (await studio.store.getRun(runId))!;
      assert.ok(run.status === 'done' || run.status === 'running', run.status);
      await page.goto(`${base}/runs?q=${runId}`);
      await page.getByRole('link', { name: new RegExp(`${id} ${verb}`) }).waitFor();
      assert.deepEqual(errors, []);
    } finally {
      await context.close();
    }
  });
}
