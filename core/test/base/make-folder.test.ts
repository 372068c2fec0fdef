import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolder } from '../../src/base/index.ts';

test('a folder is made with those above it, and made again without complaint', () => {
  const root = mkdtempSync(join(tmpdir(), 'tenfold-folder-'));
  makeFolder(join(root, 'a/b/c'));
  makeFolder(join(root, 'a/b/c/'));
  assert.ok(statSync(join(root, 'a/b/c')).isDirectory());
  rmSync(root, { recursive: true });
});

test('a file in the way is an error that says where', () => {
  const root = mkdtempSync(join(tmpdir(), 'tenfold-folder-'));
  writeFileSync(join(root, 'file'), '');
  for (const path of [join(root, 'file'), join(root, 'file/below'), join(root, 'file/far/below')])
    assert.throws(
      () => makeFolder(path),
      (error: { code: string; message: string; cause: unknown }) =>
        error.code === 'TF-BASE-004' && error.message.includes(path) && error.cause instanceof Error,
    );
  assert.throws(() => makeFolder('/dev/null/x/y'), /TF-BASE-004/);
  rmSync(root, { recursive: true });
});

test('a folder that the system refuses to make ends in an error, not in a loop', (t) => {
  if (!existsSync('/proc/self')) return t.skip('needs /proc, whose folders cannot be made');
  const url = new URL('../../src/base/index.ts', import.meta.url).href;
  // In a process of its own: the loop that this guards against cannot be interrupted.
  const script = `import { makeFolder } from ${JSON.stringify(url)}; makeFolder('/proc/x/y');`;
  const { status, stderr, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 20_000,
    killSignal: 'SIGKILL',
    encoding: 'utf8',
  });
  assert.equal(signal, null, 'ended by itself');
  assert.equal(status, 1);
  assert.match(stderr, /TF-BASE-004/);
});
