/** A report with every kind of block, of the sizes that rooms really make. */
import type { Report } from '../../src/report/index.ts';

const steps = Array.from({ length: 30 }, (_, step) => step);

export const exampleReport: Report = {
  title: 'Plan of a 5-replica store',
  verdict: { tone: 'good', text: 'The plan is optimal: load 0.4, proven by an exact certificate.' },
  blocks: [
    {
      kind: 'text',
      text: 'Run `tenfold tour` or read **the page** at [its depth](#deep); [not this](javascript:alert(1)).',
      markdown: true,
    },
    { kind: 'heading', text: 'Figures & <marks>' },
    {
      kind: 'figures',
      figures: [
        { label: 'load', value: 0.4, digits: 2, tone: 'good' },
        { label: 'availability', value: 0.99917, format: 'percent', digits: 2 },
        { label: 'latency', value: 87.25, unit: 'ms', tone: 'warn' },
        { label: 'quorums', value: '12345678901234567890', tone: 'info' },
        { label: 'proven', value: true },
      ],
    },
    {
      kind: 'table',
      caption: 'Nodes',
      toneKey: 'state',
      columns: [
        { key: 'name', label: 'node' },
        { key: 'note', label: 'note' },
        { key: 'latency', label: 'latency', unit: 'ms', digits: 1 },
        { key: 'memory', label: 'memory', format: 'bytes' },
        { key: 'share', label: 'share', format: 'percent' },
        { key: 'state', label: 'state' },
      ],
      rows: [
        {
          name: 'eu-west',
          note: 'a | pipe and <b>markup</b>',
          latency: 12.345,
          memory: 65536,
          share: 0.25,
          state: 'good',
        },
        {
          name: 'ap-東京',
          note: 'wide characters keep their columns, and a long note is cut where the terminal ends',
          latency: 210,
          memory: 3e9,
          share: 0.5,
          state: 'warn',
        },
        { name: 'us-east', note: '', latency: null, memory: 0, share: 0.25, state: 'bad' },
      ],
    },
    {
      kind: 'plot',
      caption: 'Loss',
      mark: 'line',
      x: { label: 'step' },
      y: { label: 'loss', unit: 'nats', scale: 'log' },
      series: [{ name: 'train', points: steps.map((step) => ({ x: step, y: 3 * 0.9 ** step + 0.05 })) }],
      rules: [{ axis: 'y', value: 0.5, label: 'goal' }],
    },
    {
      kind: 'plot',
      caption: 'Capacity by read fraction',
      mark: 'line',
      x: { label: 'read fraction' },
      y: { label: 'capacity', unit: 'requests/s' },
      series: [
        { name: 'majority', points: [0, 0.5, 1].map((x) => ({ x, y: 1.67 })) },
        {
          name: 'grid',
          points: [0, 0.5, 1].map((x) => ({ x, y: 1 + 1.5 * x, low: 0.9 + 1.5 * x, high: 1.1 + 1.5 * x })),
        },
      ],
    },
    {
      kind: 'plot',
      caption: 'Errors by class',
      mark: 'bar',
      x: { label: 'class', scale: 'band' },
      y: { label: 'errors' },
      series: [
        {
          name: 'errors',
          points: [
            { x: 'cat', y: 31 },
            { x: 'dog', y: 12.5 },
            { x: 'ship', y: 0 },
          ],
        },
      ],
    },
    {
      kind: 'plot',
      caption: 'Confusion',
      mark: 'cell',
      x: { label: 'given' },
      y: { label: 'true' },
      series: [
        {
          name: 'joint',
          points: ['a', 'b', 'c'].flatMap((y, i) =>
            ['a', 'b', 'c'].map((x, j) => ({ x, y, value: i === j ? 0.9 : 0.05 * (i + j) })),
          ),
        },
      ],
    },
    {
      kind: 'plot',
      caption: 'Margins',
      mark: 'histogram',
      x: { label: 'margin' },
      y: { label: 'samples' },
      series: [{ name: 'margins', points: steps.map((step) => ({ x: (step * 7) % 13, y: 1 })) }],
    },
    {
      kind: 'timeline',
      caption: 'Two stages',
      lanes: [
        { id: 'g0', label: 'GPU 0', group: 'host' },
        { id: 'g1', label: 'GPU 1', group: 'host' },
      ],
      spans: [
        { id: 'f0', lane: 'g0', name: 'F0', startMs: 0, endMs: 4, category: 'forward' },
        { id: 'f1', lane: 'g1', name: 'F0', startMs: 4, endMs: 8, category: 'forward' },
        {
          id: 'b1',
          lane: 'g1',
          name: 'backward of 0',
          startMs: 8,
          endMs: 16,
          category: 'backward',
          args: { microBatch: 0 },
        },
        { id: 'b0', lane: 'g0', name: 'B0', startMs: 16, endMs: 24, category: 'backward' },
      ],
      flows: [
        { from: 'f0', to: 'f1' },
        { from: 'b1', to: 'b0' },
        { from: 'b1', to: 'nowhere' },
      ],
    },
    {
      kind: 'image',
      source: 'data:image/png;base64,iVBORw0KGgo=',
      alt: 'a rendered view',
      caption: 'View 3',
      pixelated: true,
    },
    { kind: 'image', source: 'javascript:alert(1)', alt: 'refused' },
    {
      kind: 'callout',
      tone: 'warn',
      title: 'Two zones share one cable',
      text: 'Availability counts them as independent.',
    },
    { kind: 'code', text: 'group.1=a:b\nweight.a=2 ```', language: 'ini', caption: 'zoo.cfg' },
    {
      kind: 'diagnostic',
      diagnostic: {
        severity: 'warning',
        code: 'TF-DATA-003',
        subject: 'readCsv',
        expected: '4 fields',
        actual: '3',
        location: 'nodes.csv:7',
        hints: ['Add the field.'],
      },
    },
    {
      kind: 'group',
      title: 'Details',
      layout: 'grid',
      blocks: [
        { kind: 'text', text: 'Inner text with * stars.' },
        { kind: 'heading', text: 'Deep', level: 2 },
      ],
    },
  ],
};
