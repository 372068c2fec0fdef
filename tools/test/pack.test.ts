import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { installPackages, isRegistryReachable } from '../src/pack/install-packages.ts';
import { createOfflineArchive } from '../src/pack/offline-archive.ts';
import { packAll, type Tarball } from '../src/pack/pack-all.ts';
import { createShippedManifest } from '../src/pack/package-manifest.ts';
import { relativeReferences, rewriteDeclaredImports, rewriteModuleUrls } from '../src/pack/specifiers.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const work = mkdtempSync(join(tmpdir(), 'tenfold-pack-test-'));
after(() => rmSync(work, { recursive: true, force: true }));

test('URLs of worker files name the compiled file, URLs of other files stay', () => {
  const text = `new URL('./a-worker.ts', import.meta.url); new URL('./b.json', import.meta.url); 'c.ts'`;
  assert.equal(
    rewriteModuleUrls(text),
    `new URL('./a-worker.js', import.meta.url); new URL('./b.json', import.meta.url); 'c.ts'`,
  );
});

test('declarations refer to compiled files, in import clauses and in types', () => {
  assert.equal(
    rewriteDeclaredImports(`import type { A } from './a.ts'; declare const b: import("../b.ts").B;`),
    `import type { A } from './a.js'; declare const b: import("../b.js").B;`,
  );
});

test('the references of a file are its relative imports and the files that it names by URL', () => {
  const text = `import { a } from './a.js'; import z from 'zod'; await import('./b.js');
    new URL('../c.tsv', import.meta.url); new URL('../../', import.meta.url); new URL('./d.js', base);`;
  assert.deepEqual(relativeReferences(text), ['./a.js', './b.js', '../c.tsv']);
});

test('a shipped manifest has what its code names, siblings in their version and pages left out', () => {
  const manifest = createShippedManifest({
    source: { name: '@tenfold/room', folder: 'systems/room', code: ['src'], assets: [], hasRoomList: false },
    workspace: {
      name: '@tenfold/room',
      version: '0.3.0',
      exports: { '.': './src/index.ts', './web': './web/index.tsx' },
      dependencies: { '@tenfold/core': '0.1.0', react: '19.0.0', webgpu: '1.0.0', zod: '4.0.0' },
    },
    description: 'A room.',
    siblings: ['@tenfold/core', '@tenfold/room', '@tenfold/studio', 'tenfold'],
    optional: new Set(['webgpu']),
    text: `import z from 'zod'; import '@tenfold/core/base'; import('webgpu'); 'tenfold'; new URL('../../models/small', x)`,
    pinnedNode: '24.0.0',
  });
  assert.deepEqual(manifest.exports, {
    '.': { types: './dist/src/index.d.ts', default: './dist/src/index.js' },
    './package.json': './package.json',
  });
  assert.deepEqual(manifest.dependencies, { '@tenfold/core': '0.3.0', '@tenfold/models': '0.3.0', zod: '4.0.0' });
  assert.deepEqual(manifest.optionalDependencies, { webgpu: '1.0.0' });
});

const isOnline = isRegistryReachable();
const reason = isOnline ? false : 'npm does not reach a registry, so that dependencies cannot be installed';
let tarballs: readonly Tarball[] = [];

test(
  'packed and installed in an empty folder, the product runs a tour and its types hold',
  { skip: reason },
  async () => {
    tarballs = await packAll(root, join(work, 'tarballs'));
    const folder = join(work, 'installed');
    installPackages(tarballs, folder);

    const help = runTenfold(join(folder, 'node_modules/.bin/tenfold'), ['--help'], folder);
    assert.match(help.stdout, /cross-families/);
    const tour = runTenfold(join(folder, 'node_modules/.bin/tenfold'), ['tour', 'cross-families'], folder);
    assert.match(tour.stdout, /theorem and exhaustive search agree/);
    // Its verb reads the weights of @tenfold/models.
    const cost = runTenfold(
      join(folder, 'node_modules/.bin/tenfold'),
      ['prefix-cache', 'cost', 'hyb-7m', '--json'],
      folder,
    );
    assert.ok(cost.stdout.includes('hyb-7m'));

    const program = `import { formatBytes } from '@tenfold/core/base';\nexport const wrong: number = formatBytes(1);\n`;
    writeFileSync(join(folder, 'user.ts'), program);
    const types = spawnSync(
      join(root, 'node_modules/.bin/tsc'),
      ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--skipLibCheck', 'user.ts'],
      { cwd: folder, encoding: 'utf8' },
    );
    assert.match(types.stdout, /user\.ts\(2,14\): error TS2322: Type 'string' is not assignable to type 'number'/);
    assert.equal(types.stdout.match(/error TS/g)?.length, 1);
  },
);

test('the archive runs a tour in an empty folder with an empty PATH', { skip: reason }, () => {
  const archive = createOfflineArchive(tarballs, root, join(work, 'archive'));
  const unpacked = join(work, 'unpacked');
  const empty = join(work, 'empty');
  for (const folder of [unpacked, empty]) mkdirSync(folder);
  assert.equal(spawnSync('tar', ['-xzf', archive.path, '-C', unpacked]).status, 0);
  const launcher = join(unpacked, 'tenfold/tenfold');
  const { version } = JSON.parse(readFileSync(join(root, 'apps/cli/package.json'), 'utf8')) as { version: string };
  assert.equal(runTenfold(launcher, ['--version'], empty, { PATH: '' }).stdout, `${version}\n`);
  const tour = runTenfold(launcher, ['tour', 'cross-families'], empty, { PATH: '' });
  assert.match(tour.stdout, /theorem and exhaustive search agree/);
});

function runTenfold(
  path: string,
  words: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = process.env,
): { readonly stdout: string } {
  const outcome = spawnSync(path, words, { cwd, env, encoding: 'utf8' });
  assert.equal(outcome.status, 0, `tenfold ${words.join(' ')}: ${outcome.stderr}`);
  return { stdout: outcome.stdout };
}
