import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { createBoundaryRules } from '../src/boundary-rules.ts';
import { checkBoundaries } from '../src/check-boundaries.ts';
import { CORE_IMPORTS } from '../src/import-rules.ts';

/** Rule → a file that breaks it and nothing else of interest. */
const PLANTED: Record<string, { path: string; text: string }> = {
  'room-to-room': { path: 'systems/a/src/x.ts', text: "import { b } from '../../b/src/index.ts'; export const x = b;" },
  'room-to-app': {
    path: 'systems/a/src/x.ts',
    text: "import { app } from '../../../apps/systems.ts'; export const x = app;",
  },
  'room-through-core-entry': {
    path: 'systems/a/src/x.ts',
    text: "import { base } from '../../../core/src/base/part.ts'; export const x = base;",
  },
  'manifest-is-data': {
    path: 'systems/a/src/manifest.ts',
    text: "import { a } from './index.ts'; export const manifest = a;",
  },
  'room-src-not-to-web': {
    path: 'systems/a/src/x.ts',
    text: "import { page } from '../web/index.tsx'; export const x = page;",
  },
  'core-knows-no-system': {
    path: 'core/src/base/x.ts',
    text: "import { app } from '../../../apps/systems.ts'; export const x = app;",
  },
  'ui-below-apps': { path: 'ui/src/x.ts', text: "import { app } from '../../apps/systems.ts'; export const x = app;" },
  'browser-safe': {
    path: 'ui/src/x.ts',
    text: "import { readFileSync } from 'node:fs'; export const x = readFileSync;",
  },
  'no-cycle': { path: 'core/src/base/part.ts', text: "import { i } from './index.ts'; export const base = i;" },
  resolvable: { path: 'core/src/base/x.ts', text: "import { gone } from './gone.ts'; export const x = gone;" },
  'core-nn-types': {
    path: 'core/src/nn/x.ts',
    text: "import { system } from '../system/index.ts'; export const x = system;",
  },
  'core-system-types': {
    path: 'core/src/system/x.ts',
    text: "import { store } from '../store/index.ts'; export const x = store;",
  },
};

for (const folder of Object.keys(CORE_IMPORTS)) {
  const target =
    folder === 'store' ? 'ranks' : folder === 'ranks' ? 'store' : folder === 'schedule' ? 'store' : 'ranks';
  PLANTED[`core-${folder}`] = {
    path: `core/src/${folder}/x.ts`,
    text: `import { ${target} } from '../${target}/index.ts'; export const x = ${target};`,
  };
}

function createHouse(): string {
  const root = mkdtempSync(join(tmpdir(), 'tenfold-boundaries-'));
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  for (const folder of Object.keys(CORE_IMPORTS))
    write(`core/src/${folder}/index.ts`, `export const ${folder} = 1; export const i = 1;`);
  write('core/src/base/index.ts', "import { base } from './part.ts'; export const i = base; export { base };");
  write(
    'core/src/base/part.ts',
    "import type { i } from './index.ts'; export const base = 1; export type I = typeof i;",
  );
  write('core/package.json', JSON.stringify({ name: '@tenfold/core', exports: { './base': './src/base/index.ts' } }));
  for (const room of ['a', 'b']) {
    write(`systems/${room}/src/index.ts`, `import { base } from '@tenfold/core/base'; export const ${room} = base;`);
    write(`systems/${room}/src/manifest.ts`, "export const manifest = { load: () => import('./index.ts') };");
    write(`systems/${room}/web/index.tsx`, 'export const page = 1;');
  }
  write('apps/systems.ts', "export const app = () => import('../systems/a/src/manifest.ts');");
  write('ui/src/index.ts', "import { base } from '@tenfold/core/base'; export const ui = base;");
  mkdirSync(join(root, 'node_modules/@tenfold'), { recursive: true });
  symlinkSync('../../core', join(root, 'node_modules/@tenfold/core'));
  return root;
}

test('a file with a using declaration is read, and its dynamic imports are seen', async () => {
  const root = createHouse();
  writeFileSync(
    join(root, 'core/src/base/x.ts'),
    "export async function x(open: () => Disposable) { using held = open(); using app = await import('../../../apps/systems.ts'); return [held, app]; }",
  );
  const result = await checkBoundaries(root, FOLDERS);
  assert.ok(
    result.problems.some((line) => line.includes('[core-knows-no-system]')),
    result.problems.join('\n'),
  );
  rmSync(root, { recursive: true });
});

const FOLDERS = ['core/src', 'ui/src', 'systems', 'apps'];

test('a house without violations passes and every file is seen', async () => {
  const root = createHouse();
  const result = await checkBoundaries(root, FOLDERS);
  assert.deepEqual(
    result.problems.filter((line) => !line.includes('reads too little')),
    [],
  );
  assert.match(result.summary, /^22 modules/);
  rmSync(root, { recursive: true });
});

for (const rule of createBoundaryRules()) {
  test(`rule ${rule.name} finds a planted violation`, async () => {
    const plant = PLANTED[rule.name!];
    assert.ok(plant, `no planted violation for rule ${rule.name}`);
    const root = createHouse();
    writeFileSync(join(root, plant.path), plant.text);
    const result = await checkBoundaries(root, FOLDERS);
    assert.ok(
      result.problems.some((line) => line.includes(`[${rule.name}]`)),
      `expected ${rule.name} to be reported, got:\n${result.problems.join('\n')}`,
    );
    rmSync(root, { recursive: true });
  });
}
