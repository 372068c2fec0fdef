/** The page in a browser: ask, see evidence, switch strictness, open the source, go on talking. The studio runs as a
 *  process of its own, as a user starts it. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';

const LAUNCHER = fileURLToPath(new URL('../../../apps/cli/bin/tenfold.mjs', import.meta.url));
const BROWSERS = [
  process.env['TENFOLD_CHROMIUM'] ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];
const executablePath = BROWSERS.find((path) => path !== '' && existsSync(path));
const skip = executablePath === undefined && 'no Chromium found; install it or name it with TENFOLD_CHROMIUM';
const PATIENCE_MS = 60_000;

const folder = mkdtempSync(join(tmpdir(), 'temporal-page-'));
let studio: ChildProcess;
let address: string;
let browser: Browser;

before(async () => {
  if (skip) return;
  studio = spawn(process.execPath, [LAUNCHER, 'studio', '--port', '0'], {
    cwd: folder,
    env: { ...process.env, TENFOLD_HOME: join(folder, 'home'), BROWSER: 'none' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  address = await new Promise<string>((resolve, reject) => {
    let text = '';
    const read = (chunk: Buffer) => {
      text += chunk.toString();
      const found = /http:\/\/127\.0\.0\.1:\d+\/\S*/.exec(text);
      if (found) resolve(found[0]);
    };
    studio.stdout!.on('data', read);
    studio.stderr!.on('data', read);
    studio.on('exit', () => reject(new Error(`the studio ended: ${text}`)));
  });
  browser = await chromium.launch({
    executablePath: executablePath!,
    args: ['--headless', '--no-sandbox', '--disable-gpu'],
  });
});
after(async () => {
  if (skip) return;
  await browser?.close();
  if (studio.exitCode === null) {
    const ended = once(studio, 'exit');
    studio.kill('SIGINT');
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
});

async function openPage(query = ''): Promise<{ page: Page; errors: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(PATIENCE_MS);
  const errors: string[] = [];
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.goto(new URL(`rooms/temporal-qa${query}`, address).href);
  return { page, errors };
}

const answerOf = (page: Page, text: string) => page.locator('.temporal-answer', { hasText: text }).waitFor();

test('a question gets its answer, its evidence and the place in the source', { skip }, async () => {
  const { page, errors } = await openPage();
  await page.getByRole('textbox', { name: 'Question' }).fill('Who was pope when Apollo 11 landed on the Moon?');
  await page.getByRole('button', { name: 'Ask', exact: true }).click();
  await answerOf(page, 'Paul VI');
  assert.ok((await page.locator('.temporal-cards > li').count()) >= 1);
  assert.match(
    (await page.locator('.temporal-tree').textContent())!,
    /When Apollo 11 landed on the Moon\? ?20 July 1969/,
  );
  assert.match((await page.locator('.temporal-bar svg').getAttribute('aria-label'))!, /condition 20 Jul 1969; Paul VI/);
  await page.locator('.temporal-cards .temporal-link').first().click();
  assert.match((await page.locator('.temporal-source li.is-cited').textContent())!, /Paul VI/);
  await page.getByRole('textbox', { name: 'Question' }).fill('And after him?');
  await page.getByRole('button', { name: 'Ask', exact: true }).click();
  await answerOf(page, 'John Paul I');
  assert.match((await page.locator('.temporal-talk').textContent())!, /Apollo 11.*Paul VI/);
  assert.deepEqual(errors, []);
  await page.close();
});

test(
  'switching strictness off changes the answer, and the drawer lists what strict mode removed',
  { skip },
  async () => {
    const { page, errors } = await openPage();
    await page.getByRole('button', { name: /^Which comet did the Hubble/ }).click();
    await answerOf(page, 'No answer');
    const drawer = page.locator('.temporal-removed');
    assert.match((await drawer.textContent())!, /1994-07 is not in 1950.*Shoemaker-Levy 9/);
    await page.getByLabel('Strictness').selectOption('off');
    await answerOf(page, 'Shoemaker-Levy 9');
    await page.getByLabel('Sources').selectOption('table');
    await answerOf(page, 'No answer');
    assert.deepEqual(errors, []);
    await page.close();
  },
);

test('files are read on the page, their problems shown with places, and asked', { skip }, async () => {
  const path = join(folder, 'town.csv');
  writeFileSync(
    path,
    'subject,relation,object,start,end\nMillbrook,mayor,Ida Brandt,1990,1995\nMillbrook,mayor,Bo Ek,1990,1980\n',
  );
  const { page, errors } = await openPage('?view=sources');
  await page.getByLabel(/or paths/).fill(path);
  await page.getByLabel('Evidence file').fill(join(folder, 'town.sqlite'));
  await page.getByRole('button', { name: 'Read into the evidence file' }).click();
  await answerOf(page, '1 new of 1 read');
  await page.getByText(`${path}:3`).first().waitFor();
  await page.getByRole('button', { name: /^Ask .*town\.sqlite/ }).click();
  await page.getByRole('textbox', { name: 'Question' }).fill('Who was mayor of Millbrook in 1992?');
  await page.getByRole('button', { name: 'Ask', exact: true }).click();
  await answerOf(page, 'Ida Brandt');
  assert.deepEqual(errors, []);
  await page.close();
});
