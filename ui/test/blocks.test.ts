/** Cells, sorting, plot options and the text of diagnostics. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseError } from '@tenfold/core/base';
import { formatCell } from '../src/blocks/format-cell.ts';
import { plotOptionsFromBlock } from '../src/blocks/plot-options.ts';
import { sortedRowIndices } from '../src/blocks/sort-rows.ts';
import { ApiError, diagnosticFromError } from '../src/studio/api-error.ts';

test('cells read the same everywhere', () => {
  assert.equal(formatCell(null), '–');
  assert.equal(formatCell(true), 'yes');
  assert.equal(formatCell(0.9861, { format: 'percent' }), '98.6 %');
  assert.equal(formatCell(67108864, { format: 'bytes' }), '64 MiB');
  assert.equal(formatCell(12031, { format: 'count' }), '12,031');
  assert.equal(formatCell(1234567.891, { digits: 2 }), '1,234,567.89');
  assert.equal(formatCell(NaN), 'NaN');
  assert.equal(formatCell(3.2, { format: 'duration-ms' }), '3.2 ms');
});

test('rows sort by number or natural text, stably, with empty cells last in both directions', () => {
  const rows = [
    { a: 10, b: 'run10' },
    { a: 2, b: 'run9' },
    { a: null, b: 'run1' },
    { a: 2, b: 'Run2' },
  ];
  assert.deepEqual(sortedRowIndices(rows, undefined), [0, 1, 2, 3]);
  assert.deepEqual(sortedRowIndices(rows, { key: 'a', descending: false }), [1, 3, 0, 2]);
  assert.deepEqual(sortedRowIndices(rows, { key: 'a', descending: true }), [0, 1, 3, 2]);
  assert.deepEqual(sortedRowIndices(rows, { key: 'b', descending: false }), [2, 3, 1, 0]);
});

test('log axes tick at powers of ten in the range of the data', () => {
  const options = plotOptionsFromBlock(
    {
      kind: 'plot',
      mark: 'line',
      x: { label: 'step' },
      y: { label: 'loss', scale: 'log' },
      series: [
        {
          name: 'loss',
          points: [
            { x: 0, y: 0.5 },
            { x: 1, y: 400 },
          ],
        },
      ],
    },
    { width: 400, height: 200 },
  );
  assert.deepEqual((options.y as { ticks: number[] }).ticks, [1, 10, 100]);
});

test('anything thrown becomes a diagnostic; the server’s own is kept', () => {
  const diagnostic = {
    severity: 'error',
    code: 'TF-USAGE-002',
    subject: 'max',
    expected: '--n must be at least 1',
    actual: '0',
  } as const;
  const error = new ApiError(400, diagnostic);
  assert.equal(error.message, 'max: --n must be at least 1, got 0. TF-USAGE-002');
  assert.equal(diagnosticFromError(error, 'x'), diagnostic);
  const own = diagnosticFromError(baseError('TF-BASE-002', { subject: 'sum', expected: 'a number' }), 'page');
  assert.deepEqual([own.severity, own.code, own.subject], ['error', 'TF-BASE-002', 'sum']);
  assert.equal(diagnosticFromError(new Error('boom'), 'page').actual, 'boom');
});
