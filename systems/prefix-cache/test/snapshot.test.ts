import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createRng } from '@tenfold/core/base';
import { assertInvariants } from '../src/cache/invariants.ts';
import { PrefixCache } from '../src/cache/prefix-cache.ts';
import { restoreSnapshot, saveSnapshot } from '../src/cache/snapshot.ts';
import { CODECS, createTextCache, fillTextCache } from './text-cache.ts';

const folder = mkdtempSync(join(tmpdir(), 'tenfold-snapshot-'));
after(() => rmSync(folder, { recursive: true }));

test('restoring a snapshot gives the same checkpoints, states, keys and values', async () => {
  const cache = createTextCache();
  fillTextCache(cache, createRng(1, 'snapshot'), 60);
  const path = join(folder, 'identity');
  await saveSnapshot(cache, path, CODECS);
  const restored = createTextCache();
  const outcome = await restoreSnapshot(restored, path, CODECS);
  assert.equal(outcome.dropped, 0);
  assertInvariants(restored);
  assert.deepEqual(contentOf(restored), contentOf(cache));
});

test('a damaged node is dropped with what is below it, and counted; the rest is sound', async () => {
  const cache = createTextCache();
  fillTextCache(cache, createRng(2, 'snapshot'), 60);
  const path = join(folder, 'damaged');
  await saveSnapshot(cache, path, CODECS);
  const bytes = readFileSync(path);
  bytes[Math.floor(bytes.length / 2)]! ^= 0x40;
  writeFileSync(path, bytes);
  const restored = createTextCache();
  const { dropped } = await restoreSnapshot(restored, path, CODECS);
  assert.ok(dropped >= 1);
  assertInvariants(restored);
  const whole = contentOf(cache);
  for (const [prefix, content] of contentOf(restored)) assert.deepEqual(content, whole.get(prefix));
});

test('a snapshot of another model is refused with the field that differs', async () => {
  const path = join(folder, 'other');
  await saveSnapshot(createTextCache(), path, CODECS);
  const other = new PrefixCache<string, string>({
    profile: { ...createTextCache().profile, stateBytes: 41 },
    capacityBytes: 1e6,
  });
  await assert.rejects(restoreSnapshot(other, path, CODECS), {
    message: `restoreSnapshot: stateBytes 41, got 40 (${path}). TF-PREFIX-004`,
  });
});

test('killing a process while it saves snapshots leaves one that loads', async () => {
  const path = join(folder, 'killed');
  await saveSnapshot(createTextCache(), path, CODECS);
  for (const delayMs of [0, 7, 23, 41]) {
    const child = spawn(process.execPath, [fileURLToPath(new URL('save-forever.ts', import.meta.url)), path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise<void>((resolve) => child.stdout.once('data', () => setTimeout(resolve, delayMs)));
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    const restored = createTextCache();
    const { dropped, restored: count } = await restoreSnapshot(restored, path, CODECS);
    assert.equal(dropped, 0);
    assert.ok(count > 0);
    assertInvariants(restored);
  }
});

function contentOf(cache: PrefixCache<string, string>): Map<string, unknown> {
  const content = new Map<string, unknown>();
  for (const salt of cache.salts)
    cache.tree.preorder(cache.rootOf(salt)!, (node) => {
      if (cache.tree.hasState[node] !== 1) return;
      const prefix = cache.tree.sequenceOf(node);
      const { state, kv } = cache.lookup(prefix, { salt });
      content.set(`${salt}|${prefix.join()}`, { state, kv: kv.join('') });
    });
  return content;
}
