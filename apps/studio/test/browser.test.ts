/** The studio in a browser: start a job, watch it, open its result, copy its link; no violations of axe, no errors. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import axe from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { buildWebIfStale } from '../server/index.ts';
import { findChromium, launchChromium } from './chromium.ts';
import { openTestStudio, type TestStudio } from './studio-kit.ts';

const chromiumPath = findChromium();
const skip = chromiumPath === undefined && 'no Chromium found; install it or name it with TENFOLD_CHROMIUM';
const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'];
/** Set it to keep pictures of the pages that the tests visit. */
const pictureFolder = process.env['TENFOLD_SCREENSHOTS'];

let browser: Browser;
before(async () => {
  if (chromiumPath === undefined) return;
  await buildWebIfStale();
  browser = await launchChromium(chromiumPath);
});
after(async () => browser?.close());

interface Visit {
  readonly studio: TestStudio;
  readonly page: Page;
  readonly errors: string[];
}

async function visit(t: TestContext, options: Parameters<Browser['newContext']>[0] = {}): Promise<Visit> {
  const studio = await openTestStudio(t);
  const context: BrowserContext = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
  context.setDefaultTimeout(20_000);
  t.after(() => context.close());
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: studio.base });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  page.on('pageerror', (error) => errors.push(String(error)));
  return { studio, page, errors };
}

async function axeViolations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async (tags) => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run({ runOnly: tags });
    return violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join(' | ')}`,
    );
  }, AXE_TAGS);
}

test(
  'a job is started from its form, watched while it works, and its result opened and linked',
  { skip },
  async (t) => {
    const { studio, page, errors } = await visit(t);
    await page.goto(studio.url);
    await page.getByRole('link', { name: 'Circle constant' }).click();
    await page.getByRole('link', { name: /^estimate/ }).click();
    await page.getByRole('button', { name: /--points 400000/ }).click();
    assert.equal(await page.getByLabel('Points').inputValue(), '400000', 'an example fills the form');
    await page.getByLabel('Pause ms').fill('30');
    await page.getByLabel('Points').fill('-3');
    await page.getByRole('button', { name: 'Run estimate' }).click();
    await page.getByText('Write a whole number of at least 1.').waitFor();
    await page.getByLabel('Points').fill('8000');
    await page.getByRole('button', { name: 'Run estimate' }).click();
    await page.waitForURL(/\/runs\/[0-9a-f]+$/);
    await page.getByText('Drawing points').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).waitFor();
    await page.reload(); // in the middle of the run: it is followed to its end
    await page.getByRole('heading', { name: 'Estimate of π' }).waitFor({ timeout: 20_000 });
    await page.getByText('8,000 points give').waitFor();
    assert.equal(await page.locator('.tf-plot svg').count(), 3, 'plots are drawn');
    await page.getByRole('button', { name: 'Copy link' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    assert.equal(link, page.url());
    await page.getByRole('button', { name: 'Copy command' }).click();
    await page.getByRole('button', { name: 'Copied' }).nth(1).waitFor();
    const command = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(command, /^npx tenfold pi-room estimate .*--points 8000/);
    const second = await page.context().newPage();
    await second.goto(link);
    await second.getByRole('heading', { name: 'Estimate of π' }).waitFor();
    await page.getByRole('button', { name: 'Change params' }).click();
    assert.equal(await page.getByLabel('Points').inputValue(), '8000', 'the form opens with the params of the run');
    assert.deepEqual(errors, []);
  },
);

test('a job that works is cancelled from its page, and a crashed one shows why', { skip }, async (t) => {
  const { studio, page, errors } = await visit(t);
  const runId = await studio.start('estimate', { pauseMs: 1000 });
  await page.goto(`${studio.base}/runs/${runId}`);
  await page.getByText('Drawing points').waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByText('Cancelled', { exact: true }).waitFor();
  await page.getByText('This run was cancelled').waitFor();
  assert.equal(await page.getByRole('alert').count(), 0, 'what was asked for is no error');
  const crashed = await studio.start('crash');
  await studio.finished(crashed);
  await page.goto(`${studio.base}/runs/${crashed}`);
  await page.getByRole('alert').getByText('got exit code 7').waitFor();
  await page.getByText('TF-STUDIO-006').waitFor();
  assert.deepEqual(errors, []);
});

test('a run whose server does not answer says so, and is followed again when it does', { skip }, async (t) => {
  const { studio, page } = await visit(t);
  const runId = await studio.start('estimate', { points: 4000, pauseMs: 150 });
  await page.route('**/events', (route) => route.abort());
  await page.goto(`${studio.base}/runs/${runId}`);
  await page.getByRole('status').getByText('The studio’s server does not answer').waitFor();
  await page.unroute('**/events');
  await page.getByText('4,000 points give').waitFor({ timeout: 20_000 });
  assert.equal(await page.getByText('The studio’s server does not answer').count(), 0);
});

test('a file is uploaded into its param and kept with the run', { skip }, async (t) => {
  const { studio, page } = await visit(t);
  await page.goto(`${studio.base}/rooms/pi-room/verbs/estimate`);
  await page
    .getByLabel('Upload a file for Notes')
    .setInputFiles({ name: 'my notes.txt', mimeType: 'text/plain', buffer: Buffer.from('hello') });
  await page.getByText('my_notes.txt, 5 B, uploaded').waitFor();
  await page.getByRole('button', { name: 'Run estimate' }).click();
  await page.getByRole('link', { name: 'notes.txt' }).waitFor({ timeout: 20_000 });
});

test(
  'palette, key sheet and themes work by keyboard, and filters of the run list stand in the address',
  { skip },
  async (t) => {
    const { studio, page, errors } = await visit(t, { colorScheme: 'light' });
    await studio.finished(await studio.start('estimate', { points: 400 }));
    await page.goto(studio.url);
    await page.getByRole('heading', { name: 'Last runs' }).waitFor();
    await page.keyboard.press('Control+k');
    await page.getByPlaceholder(/^Room, verb, run/).waitFor();
    await page.keyboard.type('random sample'); // the focus is in the search already
    await page.keyboard.press('Enter');
    await page.waitForURL(/rooms\/pi-room/);
    const keysButton = page.getByRole('button', { name: 'Keyboard keys' });
    await keysButton.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Keyboard keys' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    assert.ok(await keysButton.evaluate((button) => button === document.activeElement), 'the focus comes back');
    assert.equal(await page.locator('html').getAttribute('data-theme'), 'light');
    await page.keyboard.press('t');
    await page.keyboard.press('d');
    assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
    await page.reload();
    assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark', 'the choice is kept');
    await page.keyboard.press('g');
    await page.keyboard.press('r');
    await page.waitForURL(/\/runs$/);
    await page.getByRole('searchbox', { name: 'Search' }).fill('no such run');
    await page.getByText('No run matches').waitFor();
    assert.match(page.url(), /\?q=no\+such\+run/);
    await page.getByRole('searchbox', { name: 'Search' }).fill('estimate');
    await page.getByText('1 run', { exact: true }).waitFor();
    assert.deepEqual(errors, []);
  },
);

test(
  'a trace kept with a run opens in the timeline by its link, is searched and walked by keys',
  { skip },
  async (t) => {
    const { studio, page, errors } = await visit(t);
    const runId = await studio.start('estimate', { points: 4000, pauseMs: 2 });
    await studio.finished(runId);
    await page.goto(`${studio.base}/runs/${runId}`);
    await page.getByRole('link', { name: 'Open in the timeline' }).click();
    await page.getByText('40 spans').waitFor();
    await page.getByRole('searchbox', { name: 'Find a span' }).fill('part 17');
    await page.getByText('1 found').waitFor();
    await page.keyboard.press('Enter');
    const details = page.locator('.tf-timeline-details');
    await details.getByText('part 17').waitFor();
    await page.getByRole('application').focus();
    await page.keyboard.press('ArrowRight');
    await details.getByText('part 19').waitFor();
    for (const key of ['w', 'a', 'd', 's', '0']) await page.keyboard.press(key);
    assert.deepEqual(await axeViolations(page), []);
    if (pictureFolder) await page.screenshot({ path: join(pictureFolder, 'timeline.png') });
    await page.setInputFiles('input[type=file]', {
      name: 'x.json',
      mimeType: 'application/json',
      buffer: Buffer.from('{"a":1}'),
    });
    await page.getByRole('alert').getByText('TF-SCHEDULE-004').waitFor();
    assert.deepEqual(errors, []);
  },
);

test(
  'runs are compared: params that differ and figures stand side by side, and runs are added and left out',
  { skip },
  async (t) => {
    const { studio, page, errors } = await visit(t);
    const few = await studio.start('estimate', { points: 4000 });
    const many = await studio.start('estimate', { points: 8000 });
    await studio.finished(few);
    await studio.finished(many);
    await page.goto(`${studio.base}/runs/${few}`);
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.getByLabel('Add a run of this room').selectOption(many);
    await page.waitForURL(/compare\?runs=/);
    const row = page.getByRole('row', { name: /^points/ });
    await row.getByText('8000').waitFor();
    assert.match((await row.getAttribute('class')) ?? '', /is-different/);
    assert.deepEqual(await row.getByRole('cell').allTextContents(), ['4000', '8000']);
    assert.equal(await page.getByRole('heading', { name: 'Estimate of π' }).count(), 2);
    await page.getByRole('button', { name: `Leave run ${few} out` }).click();
    await page.getByRole('button', { name: `Leave run ${few} out` }).waitFor({ state: 'detached' });
    assert.match(page.url(), new RegExp(`runs=${many}$`));
    assert.deepEqual(errors, []);
  },
);

test('the search finds runs, errors and views that were saved under a name', { skip }, async (t) => {
  const { studio, page, errors } = await visit(t);
  const run = await studio.start('estimate', { points: 4000 });
  await studio.finished(run);
  await page.goto(`${studio.base}/runs?status=done`);
  await page.getByText('1 run').waitFor();
  await page.keyboard.press('s');
  await page.keyboard.press('v');
  await page.getByLabel('Name').fill('What went well');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.goto(studio.base);
  await page.getByText('Last runs').waitFor(); // keys are heard once the page stands
  const search = async (words: string): Promise<void> => {
    await page.keyboard.press('Control+k');
    await page.getByPlaceholder(/^Room, verb, run/).fill(words);
    await page.keyboard.press('Enter');
  };
  await search('went well');
  await page.waitForURL(/\/runs\?status=done$/);
  await search(run);
  await page.waitForURL(new RegExp(`/runs/${run}$`));
  await search('TF-STORE-004');
  await page.waitForURL(/\/errors\?q=TF-STORE-004$/);
  await page.getByText('There is no run of that id').waitFor();
  assert.deepEqual(errors, []);
});

for (const theme of ['light', 'dark'] as const) {
  for (const width of [1280, 390]) {
    test(
      `every page is free of axe violations and does not scroll sideways, ${theme} at ${width} px`,
      { skip },
      async (t) => {
        const { studio, page, errors } = await visit(t, {
          colorScheme: theme,
          viewport: { width, height: 860 },
          reducedMotion: 'reduce',
        });
        const done = await studio.start('estimate', { points: 4000 });
        const failed = await studio.start('crash');
        await studio.finished(done);
        await studio.finished(failed);
        const running = await studio.start('estimate', { pauseMs: 3000 });
        const pages = {
          home: ['/', 'Last runs'],
          room: ['/rooms/pi-room/verbs/estimate', 'Start from an example'],
          unbuilt: ['/rooms/empty-room', 'This room is not built yet'],
          runs: ['/runs', 'runs'],
          done: [`/runs/${done}`, 'points give'],
          failed: [`/runs/${failed}`, 'TF-STUDIO-006'],
          running: [`/runs/${running}`, 'Drawing points'],
          compare: [`/compare?runs=${done},${failed}`, 'Params'],
          'compare-nothing': ['/compare', 'No runs chosen'],
          errors: ['/errors?q=TF-STORE', 'TF-STORE-004'],
          nowhere: ['/nowhere', 'There is no page at this address'],
          'bare room': ['/pi-room', 'this one is /rooms/pi-room'],
          lost: ['/runs/ffffffffff', 'TF-STUDIO-003'],
        } as const;
        for (const [name, [path, text]] of Object.entries(pages)) {
          await page.goto(studio.base + path);
          await page.getByText(text).first().waitFor();
          await page.waitForTimeout(200); // plots are drawn in the frame after
          assert.deepEqual(await axeViolations(page), [], name);
          const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
          assert.ok(overflow <= 0, `${name} is ${overflow} px too wide`);
          if (pictureFolder)
            await page.screenshot({ path: join(pictureFolder, `${name}-${theme}-${width}.png`), fullPage: true });
        }
        await page.goto(studio.base);
        await page.locator('.room-card .room-answer', { hasText: 'points give' }).waitFor();
        await page.keyboard.press('Control+k');
        await page.getByRole('dialog').waitFor();
        assert.deepEqual(await axeViolations(page), [], 'palette');
        assert.deepEqual(
          errors.filter((text) => !/404/.test(text)),
          [],
        );
      },
    );
  }
}
