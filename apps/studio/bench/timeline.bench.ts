/** A 24 MB Chrome trace in the browser: time until it is drawn, against parsing its JSON in the same page,
 *  and the time of a frame while it is moved and zoomed, against the display's 16.7 ms. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { createRng, median } from '@tenfold/core/base';
import type { BenchRow } from '@tenfold/core/report';
import { buildWebIfStale, startStudio } from '../server/index.ts';
import { findChromium, launchChromium } from '../test/chromium.ts';

const TRACE_BYTES = 24e6;
const NUM_LANES = 32;
const NUM_ROUNDS = 5;
const NUM_FRAMES = 90;
const FRAME_MS = 1000 / 60;
const NAMES = ['matmul', 'softmax', 'allreduce', 'layernorm', 'gelu', 'embed'] as const;
const CATEGORIES = ['compute', 'comm', 'memory'] as const;

export async function bench(): Promise<BenchRow[]> {
  const chromium = findChromium();
  if (chromium === undefined) throw new Error('no Chromium found; install it or name it with TENFOLD_CHROMIUM');
  await buildWebIfStale();
  const home = mkdtempSync(join(tmpdir(), 'tenfold-bench-'));
  const { text, numEvents } = chromeTrace();
  const file = join(home, 'trace.json');
  writeFileSync(file, text);
  const studio = await startStudio({ systems: [], home });
  const browser = await launchChromium(chromium);
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
    const opens: number[] = [];
    const parses: number[] = [];
    for (let round = 0; round < NUM_ROUNDS; round++) {
      await page.goto(`${studio.url}timeline`);
      opens.push(await openMs(page, file));
      parses.push(await page.evaluate(parseMs));
    }
    const frames = await frameMs(page);
    const [open, parse] = [median(opens), median(parses)];
    return [
      {
        name: `open ${numEvents.toLocaleString('en-US')} events (24 MB) until drawn`,
        ours: open,
        peer: parse,
        unit: 'ms',
        ratio: parse / open,
        note: 'peer: read and JSON.parse of the same file alone',
      },
      {
        name: 'frame while moving and zooming, 95th percentile',
        ours: frames,
        peer: FRAME_MS,
        unit: 'ms',
        ratio: FRAME_MS / frames,
        note: 'peer: a display of 60 frames a second',
      },
    ];
  } finally {
    await browser.close();
    await studio.close();
    rmSync(home, { recursive: true, force: true });
  }
}

function chromeTrace(): { readonly text: string; readonly numEvents: number } {
  const rng = createRng(1, 'bench-trace');
  const nextUs = new Float64Array(NUM_LANES);
  const events: string[] = [];
  let numBytes = 0;
  while (numBytes < TRACE_BYTES) {
    const index = events.length;
    const tid = index % NUM_LANES;
    const dur = 2 + rng.uniform() * 50;
    const event = JSON.stringify({
      ph: 'X',
      name: `${NAMES[rng.integer(NAMES.length)]}_${index % 200}`,
      cat: CATEGORIES[rng.integer(CATEGORIES.length)],
      ts: Number(nextUs[tid]!.toFixed(3)),
      dur: Number(dur.toFixed(3)),
      pid: tid >> 3,
      tid,
      args: { stream: tid, bytes: rng.integer(1e6) },
    });
    nextUs[tid]! += dur + rng.uniform() * 5;
    events.push(event);
    numBytes += event.length + 2;
  }
  return { text: `{"traceEvents":[${events.join(',\n')}]}`, numEvents: events.length };
}

/** From the choice of the file to the second frame after the canvas is there. */
async function openMs(page: Page, file: string): Promise<number> {
  await page.evaluate(() => {
    const input = document.querySelector<HTMLInputElement>('input[type=file]')!;
    const marks = { startMs: 0, endMs: 0 };
    Object.assign(globalThis, { marks });
    input.addEventListener(
      'change',
      () => {
        marks.startMs = performance.now();
        Object.assign(globalThis, { chosen: input.files![0] });
      },
      true,
    );
    const observer = new MutationObserver(() => {
      if (!document.querySelector('.tf-timeline canvas')) return;
      observer.disconnect();
      requestAnimationFrame(() => requestAnimationFrame(() => (marks.endMs = performance.now())));
    });
    observer.observe(document.body, { childList: true, subtree: true });
  });
  await page.setInputFiles('input[type=file]', file);
  await page.waitForFunction(() => (globalThis as unknown as { marks: { endMs: number } }).marks.endMs > 0);
  return page.evaluate(() => {
    const { marks } = globalThis as unknown as { marks: { startMs: number; endMs: number } };
    return marks.endMs - marks.startMs;
  });
}

async function parseMs(): Promise<number> {
  const startMs = performance.now();
  const { chosen } = globalThis as unknown as { chosen: File };
  const parsed = JSON.parse(new TextDecoder().decode(await chosen.arrayBuffer())) as { traceEvents: unknown[] };
  return parsed.traceEvents.length > 0 ? performance.now() - startMs : NaN;
}

/** 95th percentile of the time between frames while keys move and zoom the picture in every one of them. */
function frameMs(page: Page): Promise<number> {
  return page.evaluate(async (numFrames) => {
    const canvas = document.querySelector('.tf-timeline canvas')!;
    const keys = ['w', 'w', 'd', 'd', 's', 'a', 'w', 's', 'a', 's'];
    const times: number[] = [];
    let last = await new Promise<number>((resolve) => requestAnimationFrame(resolve));
    for (let frame = 0; frame < numFrames; frame++) {
      canvas.dispatchEvent(new KeyboardEvent('keydown', { key: keys[frame % keys.length]!, bubbles: true }));
      const now = await new Promise<number>((resolve) => requestAnimationFrame(resolve));
      times.push(now - last);
      last = now;
    }
    return times.sort((a, b) => a - b)[Math.floor(times.length * 0.95)]!;
  }, NUM_FRAMES);
}
