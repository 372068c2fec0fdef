/** The room on a machine without the optional package sharp. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createMemorySink, writeImage } from '@tenfold/core/data';
import { readImageFolder } from '../src/inputs/image-folder.ts';

/** Makes `import('sharp')` fail, as if it were not installed. */
const HIDE_SHARP = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({ resolve(name, context, next) {
    if (name === 'sharp') throw new Error('absent');
    return next(name, context);
  } });`)}`;

/** Runs a module without sharp. @returns what it printed, as JSON */
function runWithoutSharp(source: string): unknown {
  const args = ['--import', HIDE_SHARP, '--input-type=module', '-e', source];
  return JSON.parse(execFileSync(process.execPath, args, { cwd: import.meta.dirname, encoding: 'utf8' }));
}

test('the tour runs without sharp and shows its digits', () => {
  const shown = runWithoutSharp(`
    import { runVerbInTest } from '@tenfold/core/system/test-kit';
    import { manifest } from '@tenfold/label-audit/manifest';
    const { result, artifacts } = await runVerbInTest(manifest, 'tour', { train: 600, test: 500, epochs: 2 });
    const { numIssues } = JSON.parse(new TextDecoder().decode(artifacts.find(({ name }) => name === 'issues.json').bytes));
    const pictures = artifacts.filter(({ name }) => name.endsWith('.png'));
    const heads = pictures.map(({ bytes }) => Buffer.from(bytes).toString('latin1', 1, 4));
    console.log(JSON.stringify({ numIssues, heads: [...new Set(heads)] }));`);
  const { numIssues, heads } = shown as { numIssues: number; heads: string[] };
  assert.ok(numIssues > 50);
  assert.deepEqual(heads, ['PNG']);
});

test('a folder of PNG and JPEG reads as with sharp, within two levels, and a broken file is skipped and named', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'label-audit-'));
  try {
    for (const [label, format] of [
      ['cat', 'png'],
      ['dog', 'jpeg'],
    ] as const) {
      mkdirSync(join(folder, label));
      const data = Uint8Array.from({ length: 40 * 30 * 3 }, (_, i) => 127 + 120 * Math.sin(i / 31));
      const sink = createMemorySink();
      await writeImage(sink, { widthPx: 40, heightPx: 30, channels: 3, data }, { format });
      writeFileSync(join(folder, label, `1.${format}`), sink.bytes());
      writeFileSync(join(folder, label, `2.${format}`), sink.bytes().subarray(0, 200));
    }
    const { names, x, skipped } = await readImageFolder(folder);
    const plain = runWithoutSharp(`
      const { readImageFolder } = await import('../src/inputs/image-folder.ts');
      const { names, x, skipped } = await readImageFolder(${JSON.stringify(folder)});
      console.log(JSON.stringify({ names, x: [...x.data], skipped }));`) as {
      names: string[];
      x: number[];
      skipped: { name: string; reason: string }[];
    };
    assert.deepEqual(plain.names, names);
    assert.deepEqual(names, ['cat/1.png', 'dog/1.jpeg']);
    const largest = plain.x.reduce((most, level, i) => Math.max(most, Math.abs(level - x.data[i])), 0);
    assert.ok(largest <= 2 / 255, `${largest}`);
    for (const list of [skipped, plain.skipped]) {
      assert.deepEqual(
        list.map(({ name }) => name),
        ['cat/2.png', 'dog/2.jpeg'],
      );
      for (const { reason } of list) assert.match(reason, /TF-DATA-00[34]/);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
