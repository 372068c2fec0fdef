import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBenchTable, replaceBenchSection } from '../src/bench-table.ts';

const rows = [{ name: 'decode', ours: 12345.6, peer: Number.NaN, unit: 'ms', ratio: 2.345 }];

test('a bench table has one line per row and a dash where there is no peer', () => {
  assert.equal(createBenchTable(rows).split('\n')[2], '| decode | 12,346 | – | ms | 2.35 |  |');
});

test('writing a bench section twice replaces it and keeps the rest of the page', () => {
  const once = replaceBenchSection('# Benchmarks\n', { name: 'core · data', note: 'first', table: 'A' });
  const other = replaceBenchSection(once, { name: 'core · spine', note: 'other', table: 'B' });
  const twice = replaceBenchSection(other, { name: 'core · data', note: 'second', table: 'C' });
  assert.ok(!twice.includes('first') && twice.includes('second') && twice.includes('other'));
  assert.equal(twice.match(/<!-- bench: core · data -->/g)?.length, 1);
});
