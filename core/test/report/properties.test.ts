import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { inlinePartsFrom, renderHtml, renderMarkdown, renderTerminal, type Report } from '../../src/report/index.ts';
import { padText, textWidth, truncateText } from '../../src/report/text-width.ts';

const cell = fc.oneof(fc.string({ unit: 'grapheme' }), fc.double(), fc.integer(), fc.boolean(), fc.constant(null));
const columns = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'), { minLength: 1 });
const table = columns.chain((keys) =>
  fc
    .array(fc.record(Object.fromEntries(keys.map((key) => [key, cell]))), { maxLength: 6 })
    .map((rows) => ({ kind: 'table' as const, columns: keys.map((key) => ({ key, label: `column ${key}` })), rows })),
);

const reportOf = (block: Report['blocks'][number]): Report => ({
  title: 'T',
  verdict: { tone: 'good', text: 'V' },
  blocks: [block],
});

test('no table is ever wider than the terminal', () => {
  fc.assert(
    fc.property(table, fc.integer({ min: 12, max: 120 }), (block, width) => {
      for (const line of renderTerminal(reportOf(block), { width }).split('\n'))
        assert.ok(textWidth(line) <= width, line);
    }),
  );
});

test('every row of a Markdown table has as many cells as its head', () => {
  fc.assert(
    fc.property(table, (block) => {
      const rows = renderMarkdown(reportOf(block))
        .split('\n')
        .filter((line) => line.startsWith('| '));
      assert.equal(rows.length, block.rows.length + 2);
      for (const row of rows) assert.equal(row.replaceAll(/\\./g, '').split('|').length, block.columns.length + 2, row);
    }),
  );
});

test('no text of the data steers the terminal', () => {
  const text = 'a\u001B[31mb\u0007\tc\r';
  const shown = renderTerminal(reportOf({ kind: 'table', columns: [{ key: 'k', label: text }], rows: [{ k: text }] }));
  assert.ok(!shown.includes('\u001B') && !shown.includes('\u0007') && !shown.includes('\r') && !shown.includes('\t'));
  assert.ok(shown.includes('a\uFFFD[31mb\uFFFD    c\uFFFD'));
});

test('no text of the data becomes an HTML tag', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string(), async (text) => {
      const marked = `<i id="x">${text}</i>`;
      const html = await renderHtml(reportOf({ kind: 'callout', tone: 'info', title: marked, text: marked }));
      assert.ok(!html.includes('<i id="x">'));
    }),
    { numRuns: 50 },
  );
});

test('inline parts keep every character outside the marks', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '`', '*', '[', ']', '(', ')', ' ') }), (text) => {
      const shown = inlinePartsFrom(text)
        .map((part) => part.text)
        .join('');
      assert.equal(shown.replaceAll(/[^a]/g, '').length <= text.replaceAll(/[^a]/g, '').length, true);
      if (!/[`*[]/.test(text)) assert.equal(shown, text);
    }),
  );
});

test('a padded and truncated text has exactly the width asked for', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 2, max: 30 }), (text, width) => {
      assert.ok(textWidth(truncateText(text, width)) <= width);
      assert.equal(textWidth(padText(truncateText(text, width), width)), width);
    }),
  );
});
