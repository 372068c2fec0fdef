import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { examplesOf, runExample } from '../../tools/src/gallery.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const pages = globSync('gallery/*.md', { cwd: root });

test('the gallery has pages with examples', () => {
  assert.ok(pages.flatMap((page) => examplesOf(readFileSync(join(root, page), 'utf8'))).length >= 5);
});

for (const page of pages) {
  for (const example of examplesOf(readFileSync(join(root, page), 'utf8'))) {
    test(`${page}: tenfold ${example.command} still prints what is stored`, () => {
      assert.equal(runExample(root, example), example.stored);
    });
  }
}
