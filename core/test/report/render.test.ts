/** Renderers against stored, reviewed texts. Set UPDATE_SNAPSHOTS=1 to write them anew, then read the difference. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import {
  chromeTraceFromTimeline,
  formatCell,
  inlinePartsFrom,
  renderHtml,
  renderMarkdown,
  renderTerminal,
  type Report,
  type PlotBlock,
  type TimelineBlock,
} from '../../src/report/index.ts';
import { textWidth, truncateText, wrapText } from '../../src/report/text-width.ts';
import { exampleReport } from './example-report.ts';

function assertSnapshot(name: string, text: string): void {
  const path = join(import.meta.dirname, 'snapshots', name);
  if (process.env['UPDATE_SNAPSHOTS'] === '1') writeFileSync(path, text);
  assert.ok(existsSync(path), `${name} is stored`);
  assert.equal(text, readFileSync(path, 'utf8'), `${name} is as it was reviewed`);
}

const timeline = exampleReport.blocks.find((block): block is TimelineBlock => block.kind === 'timeline')!;

test('the terminal text of every block is as reviewed', () => {
  assertSnapshot('example-80.txt', renderTerminal(exampleReport, { width: 80 }));
});

test('no line of a table, plot or timeline is wider than the terminal', () => {
  for (const width of [40, 60, 80, 120]) {
    for (const line of renderTerminal(exampleReport, { width }).split('\n')) {
      assert.ok(textWidth(line) <= width, `${width}: ${line}`);
    }
  }
});

test('colour adds codes and nothing else', () => {
  const coloured = renderTerminal(exampleReport, { width: 80, hasColor: true });
  assert.ok(coloured.includes('\u001B[32m✔\u001B[39m'));
  assert.equal(stripVTControlCharacters(coloured), renderTerminal(exampleReport, { width: 80 }));
});

test('rows beyond the limit are counted, not lost', () => {
  const rows = Array.from({ length: 100 }, (_, i) => ({ i }));
  const report: Report = { ...exampleReport, blocks: [{ kind: 'table', columns: [{ key: 'i', label: 'i' }], rows }] };
  assert.match(renderTerminal(report, { maxRows: 10 }), /… 90 more rows/);
});

test('the Markdown of every block is as reviewed', () => {
  assertSnapshot('example.md', renderMarkdown(exampleReport));
});

test('the HTML file is as reviewed, stands alone, and lets no markup or script of the data through', async () => {
  const html = await renderHtml(exampleReport, { footer: 'run abc · seed 0' });
  assertSnapshot('example.html', html);
  assert.doesNotMatch(html, /<script|<b>|(?:src|href)="(?:https?|javascript):/);
  assert.match(html, /Figures &amp; &lt;marks&gt;/);
  const numPlots = exampleReport.blocks.filter((block) => block.kind === 'plot').length;
  assert.equal(html.match(/<div class="plot"/g)!.length, numPlots);
  assert.ok(html.match(/<svg[^>]*role="img"/g)!.length >= numPlots + 1);
});

test('a plot without points is drawn empty by every renderer', async () => {
  for (const mark of ['line', 'dot', 'bar', 'area', 'cell', 'histogram'] as const) {
    const report: Report = {
      ...exampleReport,
      blocks: [{ kind: 'plot', mark, x: { label: 'x' }, y: { label: 'y' }, series: [{ name: 's', points: [] }] }],
    };
    assert.match(renderTerminal(report), /no points/);
    assert.match(await renderHtml(report), /<div class="plot"/);
  }
});

test('plots survive values that cannot be drawn', async () => {
  const points = [
    { x: 0, y: NaN },
    { x: 1, y: -1 },
    { x: 2, y: 0 },
    { x: 3, y: 100 },
  ];
  for (const mark of ['line', 'dot', 'bar', 'area'] as const) {
    for (const scale of ['linear', 'log'] as const) {
      const report: Report = {
        ...exampleReport,
        blocks: [{ kind: 'plot', mark, x: { label: 'x' }, y: { label: 'y', scale }, series: [{ name: 's', points }] }],
      };
      const text = renderTerminal(report);
      assert.doesNotMatch(text, /undefined|NaN %/);
      assert.doesNotMatch(await renderHtml(report), /d="[^"]*NaN/);
    }
  }
});

test('a line of one height stands on an axis from 0', () => {
  const drawn = (y: number): string =>
    renderTerminal({
      ...exampleReport,
      blocks: [
        {
          kind: 'plot',
          mark: 'line',
          x: { label: 'x' },
          y: { label: 'share' },
          series: [{ name: 's', points: [1, 2, 3].map((x) => ({ x, y })) }],
        },
      ],
    });
  for (const y of [0, 0.25]) assert.doesNotMatch(drawn(y), /[-−]0/);
  assert.match(drawn(0.25), /0\.25/);
});

test('a timeline exports as a Chrome trace in microseconds, with flows between known spans only', () => {
  const trace = chromeTraceFromTimeline(timeline);
  assertSnapshot('example-trace.json', `${JSON.stringify(trace, null, 1)}\n`);
  const spans = trace.traceEvents.filter((event) => event.ph === 'X');
  assert.deepEqual(
    spans.map((event) => [event.ts, event.dur]),
    timeline.spans.map((span) => [span.startMs * 1000, (span.endMs - span.startMs) * 1000]),
  );
  assert.equal(trace.traceEvents.filter((event) => event.ph === 's').length, 2);
});

test('a timeline that says when its 0 was shows dates, also before year 1, and no durations', async () => {
  const dated: TimelineBlock = {
    kind: 'timeline',
    lanes: [{ id: 'a', label: 'term' }],
    spans: [{ id: 's', lane: 'a', name: 'term', startMs: 86_400_000, endMs: 1000 * 86_400_000 }],
    epochMs: Date.UTC(1969, 6, 19),
  };
  const report = (block: TimelineBlock) => ({
    title: 't',
    verdict: { tone: 'info' as const, text: 'v' },
    blocks: [block],
  });
  const ancient = { ...dated, epochMs: Date.UTC(-43, 2, 15) };
  for (const text of [renderTerminal(report(dated)), await renderHtml(report(dated))]) {
    assert.match(text, /1969-07-19/);
    assert.match(text, /1972-04-14/);
    assert.doesNotMatch(text, /\d h |\d min/);
  }
  assert.match(renderTerminal(report(ancient)), /-0043-03-15/);
});

test('an axis of few whole numbers has no tick between them', async () => {
  const plot = (xs: readonly number[]): PlotBlock => ({
    kind: 'plot',
    mark: 'line',
    x: { label: 'round' },
    y: { label: 'share' },
    series: [{ name: 'a', points: xs.map((x) => ({ x, y: x / 7 })) }],
  });
  const ticksOf = async (xs: readonly number[]) => {
    const html = await renderHtml({ title: 't', verdict: { tone: 'info', text: 'v' }, blocks: [plot(xs)] });
    const labels = /aria-label="x-axis tick label">(.*?)<\/g>/.exec(html)![1]!;
    return [...labels.matchAll(/>([^<]+)<\/text>/g)].map(([, text]) => text);
  };
  assert.deepEqual(await ticksOf([0, 1, 2, 3, 4]), ['0', '1', '2', '3', '4']);
  assert.ok((await ticksOf([0, 0.5, 1])).includes('0.5'));
});

test('a name with a line break stands on one line of a drawing', () => {
  const text = renderTerminal({
    title: 't',
    verdict: { tone: 'info', text: 'v' },
    blocks: [
      {
        kind: 'plot',
        mark: 'cell',
        x: { label: 'true' },
        y: { label: 'given' },
        series: [{ name: 's', points: ['bird\nnest', 'cat'].map((name) => ({ x: name, y: name, value: 1 })) }],
      },
    ],
  });
  assert.match(text, /^bird nest █/m);
});

test('cells read as people write them', () => {
  assert.equal(formatCell(0.98612, { format: 'percent' }), '98.6 %');
  assert.equal(formatCell(1536, { format: 'bytes' }), '1.5 KiB');
  assert.equal(formatCell(12031, { format: 'count' }), '12,031');
  assert.equal(formatCell(1043.2, { format: 'duration-ms' }), '1.04 s');
  assert.equal(formatCell(1 / 3), '0.3333');
  assert.equal(formatCell(null), '–');
  assert.equal(formatCell(false), 'no');
  assert.equal(formatCell(NaN), 'NaN');
});

test('inline Markdown knows code, bold and safe links only', () => {
  assert.deepEqual(inlinePartsFrom('a `b` **c** [d](https://e.org) [f](javascript:g)'), [
    { kind: 'text', text: 'a ' },
    { kind: 'code', text: 'b' },
    { kind: 'text', text: ' ' },
    { kind: 'bold', text: 'c' },
    { kind: 'text', text: ' ' },
    { kind: 'link', text: 'd', address: 'https://e.org' },
    { kind: 'text', text: ' ' },
    { kind: 'text', text: 'f' },
  ]);
});

test('widths count what a terminal shows', () => {
  assert.equal(textWidth('東京'), 4);
  assert.equal(textWidth('e\u0301'), 1);
  assert.equal(truncateText('東京タワー', 5), '東京…');
  assert.deepEqual(wrapText('one two three', 7), ['one two', 'three']);
});

test('a category is filled alike in all timelines of a report, and up to eight are told apart', async () => {
  const span = (category: string, startMs: number) => ({ id: category, lane: 'a', name: 'x', category, startMs, endMs: startMs + 1 }); // prettier-ignore
  const block = (categories: readonly string[]): TimelineBlock => ({
    kind: 'timeline',
    lanes: [{ id: 'a', label: 'a' }],
    spans: categories.map(span),
  });
  const report: Report = {
    title: 'two',
    verdict: { tone: 'info', text: 'done' },
    blocks: [
      block(['fwd', 'a2a', 'dX', 'dW', 'opt', 'exposed']),
      { kind: 'group', blocks: [block(['exposed', 'a2av', 'dW', 'merge'])] },
    ],
  };
  for (const text of [renderTerminal(report), renderMarkdown(report)]) {
    const fillOf = new Map<string, Set<string>>();
    for (const [, fill, category] of text.matchAll(/([█▒▓░▚▞▙▟]) (\w+)/g)) {
      fillOf.set(category!, (fillOf.get(category!) ?? new Set()).add(fill!));
    }
    assert.equal(fillOf.size, 8, text);
    const fills = [...fillOf.values()].flatMap((set) => [...set]);
    assert.equal(fills.length, 8, text);
    assert.equal(new Set(fills).size, 8, text);
  }
  const colours = [...(await renderHtml(report)).matchAll(/style="--span:([^"]+)"><\/i>(\w+)</g)];
  assert.equal(colours.length, 10);
  assert.equal(new Set(colours.map(([, colour, category]) => `${colour} ${category}`)).size, 8);
});
