import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { parseDocstring } from '../src/api-docstring.ts';
import { createApiTexts, readApi } from '../src/api-pages.ts';
import { checkApi } from '../src/check-api.ts';

const HOUSE: Readonly<Record<string, string>> = {
  'core/package.json': JSON.stringify({ name: '@tenfold/core', exports: { './base': './src/base/index.ts' } }),
  'core/src/base/index.ts':
    "export * from './part.ts';\nexport { local as renamed } from './part.ts';\nexport { passed } from './through.ts';\n",
  'core/src/base/through.ts': "import { hidden } from './part.ts';\nexport { hidden as passed };\n",
  'core/src/base/part.ts': `/** Parts of the house. */
import type { Far } from 'far-away';

/** Adds a_b and *c*.
 *  @param left  unitless @param right  unitless,
 *    > 0
 *  @returns the sum
 *  Cost: O(1).
 *  @throws TF-BASE-001 if right is not positive */
export function add(left: number, { right = 1 }: Options = {}): number {
  return left + right;
}

/** One of two forms. */
export function both(value: string): string;
export function both(value: number): number;
export function both(value: unknown): unknown {
  return value;
}

export interface Options {
  /** Default 1. */
  readonly right?: number;
}

/** Counts. */
export class Counter {
  #total = 0;
  private readonly secret = 1;
  /** The name. */
  readonly name: string = 'counter';
  /** Adds one. */
  count(times: number): number {
    return (this.#total += times + this.secret);
  }
}

export const LIMIT = 64;
export const rows = [1, 2].map((value) => {
  return value;
});
const local = (far: Far): Far => far;
/** Not exported under its own name. */
const hidden = 'h';
export { hidden, local };
`,
  'ui/package.json': JSON.stringify({ name: '@tenfold/ui', exports: { '.': './src/index.ts', './a.css': './a.css' } }),
  'ui/src/index.ts': "export { add } from '@tenfold/core/base';\nexport * from './button.tsx';\n",
  'ui/src/button.tsx': 'export function Button() {\n  return <b />;\n}\n',
};

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tenfold-api-'));
  for (const [path, text] of Object.entries(HOUSE)) write(path, text);
  writePages();
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function writePages(): void {
  for (const [path, text] of createApiTexts(root, readApi(root))) write(path, text);
}

function pageOf(name: string): string {
  return readFileSync(join(root, `docs/api/${name}.md`), 'utf8');
}

test('a house with fresh pages passes, and the interfaces without a docstring are counted', () => {
  const { problems, summary } = checkApi(root);
  assert.deepEqual(problems, []);
  assert.match(summary, /^3 pages, \d+ exports, 1 interfaces of core/);
});

test('an export that is added makes its page and the index out of date', () => {
  write('ui/src/button.tsx', `${HOUSE['ui/src/button.tsx']}export const SIZE = 3;\n`);
  assert.deepEqual(checkApi(root).problems, [
    'docs/api/ui.md is out of date: run `npm run api-docs`',
    'docs/api/README.md is out of date: run `npm run api-docs`',
  ]);
});

test('a page of an entry that is gone is found', () => {
  write('docs/api/gone.md', '# gone\n');
  assert.deepEqual(checkApi(root).problems, ['docs/api/gone.md belongs to no entry: run `npm run api-docs`']);
});

for (const [kind, text] of [
  ['function', 'export function bare(): void {}'],
  ['class', 'export class bare {}'],
] as const) {
  test(`a ${kind} of core without a docstring is found once the pages are fresh`, () => {
    write('core/src/base/part.ts', `${HOUSE['core/src/base/part.ts']}\n// No docstring.\n${text}\n`);
    writePages();
    assert.deepEqual(checkApi(root).problems, [
      `core/src/base/part.ts: the exported ${kind} bare has no docstring; say in one sentence what it returns`,
    ]);
  });
}

test('a page shows the signature as written and the docstring as lists, under a link to the file', () => {
  const page = pageOf('base');
  assert.ok(
    page.includes(
      '## part.ts\n\n[core/src/base/part.ts](../../core/src/base/part.ts)<br>Parts of the house.\n\n**Counter** (class) Counts.\n',
    ),
    page,
  );
  assert.ok(
    page.includes(`**add** (function) Adds a_b and \\*c\\*.

\`\`\`ts
function add(left: number, { right = 1 }: Options = {}): number
\`\`\`

- \`left\`: unitless
- \`right\`: unitless, > 0
- returns the sum
- throws TF-BASE-001 if right is not positive
- Cost: O(1).
`),
    page,
  );
});

test('overloads are listed without the implementation, classes without what callers cannot reach', () => {
  const page = pageOf('base');
  assert.ok(
    page.includes('```ts\nfunction both(value: string): string\nfunction both(value: number): number\n```'),
    page,
  );
  assert.ok(
    page.includes(`class Counter {
  /** The name. */
  readonly name: string;
  /** Adds one. */
  count(times: number): number;
}`),
    page,
  );
});

test('short values are shown, bodies are left out', () => {
  const page = pageOf('base');
  assert.ok(page.includes('const LIMIT = 64\n'), page);
  assert.ok(page.includes('const rows = [1, 2].map(…)\n'), page);
});

test('renamed and imported names are followed to their declaration', () => {
  const page = pageOf('base');
  assert.ok(
    page.includes('**renamed** (const, `local` in its file)\n\n```ts\nconst local = (far: Far): Far => …\n```'),
  );
  assert.ok(page.includes('**passed** (const, `hidden` in its file) Not exported under its own name.'));
});

test('what an entry passes on from another folder is a link to the page that describes it', () => {
  assert.ok(pageOf('ui').includes('- `add` (function): [@tenfold/core/base](base.md#partts)'), pageOf('ui'));
  assert.ok(pageOf('README').includes('[add](base.md#partts)'));
});

test('lines that were broken on purpose stay apart, full lines are joined', () => {
  const full = 'Prose that fills its line is one paragraph with the line that follows after';
  const { paragraphs, params } = parseDocstring(
    `* Moves.\n *  x ← x + v\n *  ${full}\n *  it.\n *  @param x  m,\n *    > 0 `,
  );
  assert.deepEqual(paragraphs, ['Moves.', 'x ← x + v', `${full} it.`]);
  assert.deepEqual(params, [{ name: 'x', text: 'm, > 0' }]);
});
