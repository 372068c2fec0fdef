/** Cells, sorting, plot options and the text of diagnostics. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseError } from '@tenfold/core/base';
import { formatCell } from '../src/blocks/format-cell.ts';
import { cellGradient, cellRange, plotOptionsFromBlock } from '../src/blocks/plot-options.ts';
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

const barsOf = (names: readonly string[], width: number) =>
  plotOptionsFromBlock(
    {
      kind: 'plot',
      mark: 'bar',
      x: { label: 'method' },
      y: { label: 'perplexity' },
      series: [{ name: 'held out', points: names.map((x, y) => ({ x, y })) }],
      rules: [{ axis: 'y', value: 2, label: 'dense' }],
    },
    { width, height: 240 },
  );

test('names below bars stand level where they fit and slanted where they would run into each other', () => {
  const names = ['magnitude', 'proxsparse', 'ria', 'wanda'];
  assert.equal((barsOf(names, 600).x as { tickRotate: number }).tickRotate, 0);
  const narrow = barsOf(names, 300);
  assert.equal((narrow.x as { tickRotate: number }).tickRotate, -35);
  assert.ok(narrow.marginBottom! > barsOf(names, 600).marginBottom!);
  assert.deepEqual((narrow.x as { ticks: string[] }).ticks, names);
});

test('numbers of a fine grid are thinned instead of drawn over each other', () => {
  const { x, y } = plotOptionsFromBlock(
    {
      kind: 'plot',
      mark: 'cell',
      x: { label: 'column' },
      y: { label: 'row' },
      series: [
        { name: 'values', points: Array.from({ length: 64 * 64 }, (_, i) => ({ x: i % 64, y: i >> 6, value: i })) },
      ],
    },
    { width: 400, height: 400 },
  );
  const numTicks = [x, y].map((scale) => (scale as { ticks: number[] }).ticks.length);
  assert.ok(numTicks[0]! > 4 && numTicks[0]! <= 20, `${numTicks[0]}`);
  assert.ok(numTicks[1]! > 4 && numTicks[1]! <= 25, `${numTicks[1]}`);
});

test('a reference line is drawn over bars and under lines', () => {
  const { marks } = barsOf(['a', 'b'], 600);
  const kinds = marks!.map((mark) => (mark as { ariaLabel?: string } | null)?.ariaLabel);
  assert.ok(kinds.indexOf('bar') < kinds.lastIndexOf('rule'), String(kinds));
  const labels = marks!.filter((mark) => (mark as { ariaLabel?: string } | null)?.ariaLabel === 'text');
  assert.equal(marks!.indexOf(labels[0]!), marks!.length - 1);
});

test('a single point stands in the middle of a range that can be read', () => {
  const point = { x: 14.731692, y: 40.268099 };
  const { x, y } = plotOptionsFromBlock(
    {
      kind: 'plot',
      mark: 'dot',
      x: { label: 'GiB' },
      y: { label: 'ms' },
      series: [{ name: 'plans', points: [point] }],
    },
    { width: 400, height: 240 },
  );
  for (const [scale, value] of [
    [x, point.x],
    [y, point.y],
  ] as const) {
    const [low, high] = (scale as { domain: [number, number] }).domain;
    assert.ok(low < value && value < high && Math.abs((low + high) / 2 - value) < 1e-9);
  }
});

test('coloured cells have a scale from their smallest to their largest value', () => {
  const block = (values: readonly (number | undefined)[]) => ({
    kind: 'plot' as const,
    mark: 'cell' as const,
    x: { label: 'x' },
    y: { label: 'y' },
    series: [{ name: 's', points: values.map((value, x) => ({ x, y: 0, ...(value === undefined ? {} : { value }) })) }],
  });
  assert.deepEqual(cellRange(block([3, undefined, -1, NaN])), [-1, 3]);
  assert.equal(cellRange(block([2, 2])), undefined);
  assert.match(cellGradient(), /^linear-gradient\(90deg, (rgb\([\d, ]+\)(, )?){9}\)$/);
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
