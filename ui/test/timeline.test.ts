/** Timelines: order, rows, bisection, search and viewport. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TimelineBlock } from '@tenfold/core/report';
import { categoryPlaces, legendEntries } from '../src/timeline/category-places.ts';
import fc from 'fast-check';
import { rowAt, rowTops } from '../src/timeline/draw-timeline.ts';
import {
  createTimeline,
  findFirstEndingAfter,
  findSpanAt,
  timelineFromBlock,
} from '../src/timeline/timeline-columns.ts';
import { timelineFromTraceColumns } from '../src/timeline/timeline-from-trace.ts';
import { dependenciesOf, searchSpans } from '../src/timeline/timeline-search.ts';
import {
  formatTick,
  movedViewport,
  tickTimes,
  wholeViewport,
  zoomedViewport,
} from '../src/timeline/timeline-viewport.ts';

const spanArbitrary = fc.record({
  lane: fc.integer({ min: 0, max: 3 }),
  startMs: fc.integer({ min: 0, max: 60 }),
  lengthMs: fc.integer({ min: 0, max: 12 }),
});

function timelineOf(spans: readonly { lane: number; startMs: number; lengthMs: number }[]) {
  return createTimeline({
    lanes: [0, 1, 2, 3].map((lane) => ({ id: String(lane), label: `lane ${lane}` })),
    lane: Int32Array.from(spans, (span) => span.lane),
    startMs: Float64Array.from(spans, (span) => span.startMs),
    endMs: Float64Array.from(spans, (span) => span.startMs + span.lengthMs),
    name: new Int32Array(spans.length),
    names: ['work'],
  });
}

test('every span stands once, on a row of its lane, and spans of a row never overlap', () => {
  fc.assert(
    fc.property(fc.array(spanArbitrary, { maxLength: 60 }), (spans) => {
      const timeline = timelineOf(spans);
      assert.deepEqual(
        [...timeline.order].sort((a, b) => a - b),
        spans.map((_, index) => index),
      );
      for (const [index, row] of timeline.rows.entries()) {
        for (let place = row.start; place < row.end; place++) {
          const span = timeline.order[place]!;
          assert.equal(timeline.lane[span], row.lane);
          assert.equal(timeline.rowOf[span], index);
          if (place > row.start) assert.ok(timeline.orderedStart[place]! >= timeline.orderedEnd[place - 1]! - 1e-6);
        }
      }
    }),
  );
});

test('bisection finds what a linear search finds', () => {
  fc.assert(
    fc.property(
      fc.array(spanArbitrary, { maxLength: 60 }),
      fc.double({ min: -5, max: 80, noNaN: true }),
      (spans, timeMs) => {
        const timeline = timelineOf(spans);
        for (const row of timeline.rows) {
          let expected = row.start;
          while (expected < row.end && timeline.orderedEnd[expected]! <= timeMs) expected++;
          assert.equal(findFirstEndingAfter(timeline, row, timeMs), expected);
          const hit = findSpanAt(timeline, row, timeMs, 0);
          const linear = [...timeline.order.subarray(row.start, row.end)].find(
            (span) => timeline.startMs[span]! <= timeMs && timeline.endMs[span]! > timeMs,
          );
          assert.equal(hit, linear);
        }
      },
    ),
  );
});

test('nested spans stand below their parent', () => {
  const timeline = timelineOf([
    { lane: 0, startMs: 2, lengthMs: 3 },
    { lane: 0, startMs: 0, lengthMs: 10 },
    { lane: 0, startMs: 6, lengthMs: 2 },
  ]);
  const depthOf = (span: number) => timeline.rows[timeline.rowOf[span]!]!.depth;
  assert.deepEqual([0, 1, 2].map(depthOf), [1, 0, 1]);
});

test('a block becomes a timeline with its flows, and unknown lanes get their own', () => {
  const timeline = timelineFromBlock({
    kind: 'timeline',
    lanes: [{ id: 'gpu', label: 'GPU 0' }],
    spans: [
      { id: 'a', lane: 'gpu', name: 'forward', startMs: 0, endMs: 2 },
      { id: 'b', lane: 'link', name: 'send', startMs: 2, endMs: 3, args: { bytes: 64 } },
    ],
    flows: [
      { from: 'a', to: 'b' },
      { from: 'a', to: 'nowhere' },
    ],
  });
  assert.deepEqual(
    timeline.lanes.map((lane) => lane.label),
    ['GPU 0', 'link'],
  );
  assert.deepEqual(dependenciesOf(timeline, 1), { before: [0], after: [] });
  assert.deepEqual(dependenciesOf(timeline, 0), { before: [], after: [1] });
  assert.deepEqual(timeline.argsOf?.(1), { bytes: 64 });
});

test('trace columns keep names and get dense colours; nested arguments become text', () => {
  const timeline = timelineFromTraceColumns({
    lanes: [{ id: '0', label: 'stream 7' }],
    startMs: Float64Array.of(0, 5),
    endMs: Float64Array.of(4, 6),
    lane: Uint32Array.of(0, 0),
    name: Uint32Array.of(0, 1),
    category: Uint32Array.of(3, 2),
    strings: ['gemm', 'copy', 'memory', 'kernel'],
    flowFrom: Uint32Array.of(0),
    flowTo: Uint32Array.of(1),
    args: (span) => (span === 0 ? { dims: [4, 8], stream: 7 } : undefined),
  });
  assert.deepEqual([...timeline.category!], [0, 1]);
  assert.deepEqual(timeline.categories, ['kernel', 'memory']);
  assert.deepEqual(timeline.argsOf?.(0), { dims: '[4,8]', stream: 7 });
  assert.equal(timeline.argsOf?.(1), undefined);
  assert.deepEqual(searchSpans(timeline, 'KERN')?.spans, [0]);
  assert.deepEqual(searchSpans(timeline, 'copy')?.spans, [1]);
  assert.equal(searchSpans(timeline, '  '), undefined);
});

test('a height names the row that is drawn there', () => {
  const timeline = timelineOf([
    { lane: 0, startMs: 0, lengthMs: 10 },
    { lane: 0, startMs: 1, lengthMs: 2 },
    { lane: 2, startMs: 0, lengthMs: 1 },
  ]);
  const tops = rowTops(timeline);
  for (let row = 0; row < timeline.rows.length; row++) assert.equal(rowAt(tops, tops[row]! + 1), row);
  assert.equal(rowAt(tops, -1), -1);
  assert.equal(rowAt(tops, tops[timeline.rows.length]! + 1), -1);
});

test('zooming keeps the time under the pointer, and the view never leaves the timeline', () => {
  const limits = { firstMs: 0, lastMs: 100, maxOffsetPx: 50 };
  const whole = wholeViewport(limits);
  fc.assert(
    fc.property(
      fc.double({ min: 20, max: 80, noNaN: true }),
      fc.double({ min: 0.2, max: 0.9, noNaN: true }),
      (aroundMs, factor) => {
        const zoomed = zoomedViewport(whole, factor, aroundMs, limits);
        const before = (aroundMs - whole.startMs) / (whole.endMs - whole.startMs);
        const after = (aroundMs - zoomed.startMs) / (zoomed.endMs - zoomed.startMs);
        assert.ok(Math.abs(before - after) < 1e-9);
        const far = movedViewport(zoomed, 1000, 1e6, limits);
        assert.ok(far.endMs <= 102 + 1e-9 && far.offsetPx === 50);
        const back = movedViewport(zoomed, -1000, -1e6, limits);
        assert.ok(back.startMs >= -2 - 1e-9 && back.offsetPx === 0);
      },
    ),
  );
  const out = zoomedViewport(whole, 1e6, 50, limits);
  assert.ok(out.endMs - out.startMs <= 104 + 1e-9);
});

test('ticks are round numbers in a unit that suits them', () => {
  assert.deepEqual(tickTimes(0, 10, 5), { stepMs: 2, times: [0, 2, 4, 6, 8, 10] });
  assert.equal(formatTick(2, 2), '2 ms');
  assert.equal(formatTick(0.25, 0.05), '250 µs');
  assert.equal(formatTick(1500, 500), '1500 ms');
  assert.equal(formatTick(2000, 1000), '2 s');
});

test('a category has one colour in all timelines of a report, groups included, and a legend tells few of them apart', () => {
  const block = (categories: readonly string[]): TimelineBlock => ({
    kind: 'timeline',
    lanes: [{ id: 'gpu', label: 'GPU' }],
    spans: categories.map((category, index) => ({
      id: `${index}`,
      lane: 'gpu',
      name: `op ${index}`,
      category,
      startMs: index,
      endMs: index + 1,
    })),
  });
  const before = block(['forward', 'send', 'forward', 'all-reduce']);
  const after = block(['frozen', 'forward', 'all-reduce', 'frozen']);
  const places = categoryPlaces([before, { kind: 'group', blocks: [after] }]);
  assert.deepEqual([...places.keys()], ['forward', 'send', 'all-reduce', 'frozen']);
  const { categories } = timelineFromBlock(after);
  assert.deepEqual(categories, ['frozen', 'forward', 'all-reduce']);
  const own = Int32Array.from(categories!, (category) => places.get(category)!);
  assert.deepEqual(legendEntries(categories, own, 4), [
    { name: 'forward', place: 0 },
    { name: 'all-reduce', place: 2 },
    { name: 'frozen', place: 3 },
  ]);
  assert.deepEqual(legendEntries(['a', 'b'], undefined, 2), [], 'a category per span says nothing');
  assert.deepEqual(legendEntries(['a'], undefined, 9), []);
  assert.deepEqual(legendEntries(Array.from({ length: 11 }, String), undefined, 99), [], 'colours would repeat');
});
