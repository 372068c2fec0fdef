import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { copySkeleton } from '../src/house/new-room.ts';
import { newFolder } from './run-cli.ts';

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));

function newSystemsFolder(): string {
  const root = newFolder();
  mkdirSync(join(root, 'systems'));
  cpSync(join(REPOSITORY, 'systems/_skeleton'), join(root, 'systems/_skeleton'), { recursive: true });
  symlinkSync(join(REPOSITORY, 'node_modules'), join(root, 'node_modules'));
  return join(root, 'systems');
}

test('a new room is a renamed skeleton whose own tests pass', async () => {
  const systemsFolder = newSystemsFolder();
  const files = copySkeleton({ name: 'word-watch', dryRun: false, systemsFolder });
  const folder = join(systemsFolder, 'word-watch');
  for (const file of ['package.json', 'README.md', 'src/manifest.ts', 'src/word-watch-errors.ts', 'web/index.tsx']) {
    assert.ok(files.includes(file), file);
  }
  for (const file of files) assert.doesNotMatch(readFileSync(join(folder, file), 'utf8'), /skeleton/i, file);
  const { manifest } = await import(join(folder, 'src/manifest.ts'));
  assert.deepEqual([manifest.id, manifest.title], ['word-watch', 'Word watch']);
  assert.ok('wordWatchSystem' in (await import(join(folder, 'src/index.ts'))));
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, ['--test', 'test/*.test.ts'], { cwd: folder, env });
  assert.match(stdout, /^. fail 0$/m);
  assert.match(stdout, /^. pass [1-9]/m);
});

test('a dry run names the files and writes none', () => {
  const systemsFolder = newSystemsFolder();
  const files = copySkeleton({ name: 'word-watch', dryRun: true, systemsFolder });
  assert.ok(files.includes('src/word-watch-errors.ts'));
  assert.deepEqual(readdirSync(systemsFolder), ['_skeleton']);
});

test('an existing room is left as it is', () => {
  const systemsFolder = newSystemsFolder();
  mkdirSync(join(systemsFolder, 'mine'));
  assert.throws(() => copySkeleton({ name: 'mine', dryRun: false, systemsFolder }), {
    code: 'TF-CLI-003',
    exitCode: 2,
  });
  assert.ok(!existsSync(join(systemsFolder, 'mine/package.json')));
});

for (const name of ['Mine', 'a b', '../up', '-x', 'x-', '', '_skeleton']) {
  test(`a room cannot be called ${JSON.stringify(name)}`, () => {
    assert.throws(() => copySkeleton({ name, dryRun: false, systemsFolder: newSystemsFolder() }), {
      code: 'TF-CLI-004',
    });
  });
}

test('outside of the repository a new room is refused and nothing is written', () => {
  const systemsFolder = join(newFolder(), 'systems');
  assert.throws(() => copySkeleton({ name: 'mine', dryRun: false, systemsFolder }), { code: 'TF-CLI-006' });
  assert.ok(!existsSync(systemsFolder));
});
