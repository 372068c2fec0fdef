import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  causalConv1d,
  counterDropout,
  createGraphBuilder,
  rotaryTables,
  selectiveScan,
  selectiveScanStep,
  verifyGraph,
} from '../../src/graph/index.ts';
import { assertTensorsClose, numel, tensorFromArray, type Tensor } from '../../src/tensor/index.ts';
import { randomFeeds, runGraph, type NamedTensors } from './run-onnx.ts';

interface ScanSizes {
  readonly batch: number;
  readonly tokens: number;
  readonly heads: number;
  readonly width: number;
  readonly groups: number;
  readonly stateWidth: number;
}

/** The recurrence h = exp(Δ·A)·h + Δ·B ⊗ x, y = C·h + D·x, token by token in f64. */
function scanByRecurrence(feeds: NamedTensors, { batch, tokens, heads, width, groups, stateWidth }: ScanSizes) {
  const data = (name: string) => feeds[name]!.data as Float32Array;
  const [x, dt, a, b, c, d, initial] = ['x', 'dt', 'a', 'b', 'c', 'd', 'initial'].map(data) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const y = new Float32Array(x.length);
  const state = Float64Array.from(initial);
  for (let n = 0; n < batch; n++) {
    for (let t = 0; t < tokens; t++) {
      for (let h = 0; h < heads; h++) {
        const group = Math.floor(h / (heads / groups));
        const delta = dt[(n * tokens + t) * heads + h]!;
        for (let p = 0; p < width; p++) {
          const place = ((n * tokens + t) * heads + h) * width + p;
          let sum = d[h]! * x[place]!;
          for (let s = 0; s < stateWidth; s++) {
            const k = ((n * heads + h) * stateWidth + s) * width + p;
            const shared = ((n * tokens + t) * groups + group) * stateWidth + s;
            state[k] = Math.exp(delta * a[h]!) * state[k]! + delta * b[shared]! * x[place]!;
            sum += c[shared]! * state[k]!;
          }
          y[place] = sum;
        }
      }
    }
  }
  return { y, finalState: Float32Array.from(state) };
}

for (const { tokens, groups, chunkSize } of [
  { tokens: 12, groups: 1, chunkSize: 4 },
  { tokens: 11, groups: 2, chunkSize: 4 },
  { tokens: 5, groups: 2, chunkSize: 8 },
]) {
  test(`selectiveScan of ${tokens} tokens in chunks of ${chunkSize} with ${groups} groups equals the recurrence`, async () => {
    const sizes: ScanSizes = { batch: 2, tokens, heads: 4, width: 3, groups, stateWidth: 5 };
    const { batch, heads, width, stateWidth } = sizes;
    const g = createGraphBuilder('scan');
    const x = g.input('x', 'float32', [batch, tokens, heads, width]);
    const dt = g.input('dt', 'float32', [batch, tokens, heads]);
    const a = g.input('a', 'float32', [heads]);
    const b = g.input('b', 'float32', [batch, tokens, groups, stateWidth]);
    const c = g.input('c', 'float32', [batch, tokens, groups, stateWidth]);
    const d = g.input('d', 'float32', [heads]);
    const initialState = g.input('initial', 'float32', [batch, heads, stateWidth, width]);
    const { y, finalState } = selectiveScan(g, { x, dt, a, b, c, d, initialState, chunkSize });
    g.output(y, 'y');
    g.output(finalState, 'final');
    const graph = verifyGraph(g.finish());
    const raw = randomFeeds(graph, 3);
    const positive = (tensor: Tensor, sign: number) =>
      tensorFromArray(
        'float32',
        tensor.shape,
        (tensor.data as Float32Array).map((each) => sign * (0.05 + Math.abs(each))),
      );
    const feeds: NamedTensors = { ...raw, dt: positive(raw['dt']!, 1), a: positive(raw['a']!, -1) };
    const actual = await runGraph(graph, feeds);
    const expected = scanByRecurrence(feeds, sizes);
    assertTensorsClose(actual['y']!, tensorFromArray('float32', y.shape, expected.y));
    assertTensorsClose(actual['final']!, tensorFromArray('float32', finalState.shape, expected.finalState));

    const stepper = createGraphBuilder('step');
    const state = stepper.input('state', 'float32', initialState.shape);
    const one = (name: string, shape: readonly number[]) => stepper.input(name, 'float32', shape);
    const step = selectiveScanStep(
      stepper,
      {
        x: one('x', [batch, 1, heads, width]),
        dt: one('dt', [batch, 1, heads]),
        a: one('a', [heads]),
        b: one('b', [batch, 1, groups, stateWidth]),
        c: one('c', [batch, 1, groups, stateWidth]),
        d: one('d', [heads]),
      },
      state,
    );
    stepper.output(step.y, 'y');
    stepper.output(step.state, 'next');
    const stepGraph = stepper.finish();
    let present = feeds['initial']!;
    for (let t = 0; t < tokens; t++) {
      const at = (name: string): Tensor => {
        const { data, shape } = feeds[name]!;
        const inner = numel(shape.slice(2));
        const taken = new Float32Array(batch * inner);
        for (let n = 0; n < batch; n++)
          taken.set((data as Float32Array).subarray((n * tokens + t) * inner, (n * tokens + t + 1) * inner), n * inner);
        return tensorFromArray('float32', [batch, 1, ...shape.slice(2)], taken);
      };
      const stepFeeds = {
        x: at('x'),
        dt: at('dt'),
        a: feeds['a']!,
        b: at('b'),
        c: at('c'),
        d: feeds['d']!,
        state: present,
      };
      present = (await runGraph(stepGraph, stepFeeds))['next']!;
    }
    assertTensorsClose(present, actual['final']!);
  });
}

test('causalConv1d never sees a later token', async () => {
  const g = createGraphBuilder('conv');
  const x = g.input('x', 'float32', [1, 3, 9]);
  g.output(causalConv1d(g, x, g.input('w', 'float32', [3, 1, 4]), g.input('b', 'float32', [3])), 'y');
  const graph = g.finish();
  const feeds = randomFeeds(graph, 4);
  const before = (await runGraph(graph, feeds))['y']!.data as Float32Array;
  const changed = (feeds['x']!.data as Float32Array).slice();
  for (let channel = 0; channel < 3; channel++) changed[channel * 9 + 5]! += 10;
  const after = (await runGraph(graph, { ...feeds, x: tensorFromArray('float32', [1, 3, 9], changed) }))['y']!
    .data as Float32Array;
  const moved = Array.from(before, (each, i) => (each === after[i] ? -1 : i % 9)).filter((token) => token >= 0);
  assert.deepEqual([...new Set(moved)].sort(), [5, 6, 7, 8]);
});

test('rotaryTables hold unit vectors whose angle grows linearly with the position', () => {
  const { cos, sin } = rotaryTables({ numTokens: 5, width: 8, start: 2 });
  assert.deepEqual(cos.shape, [5, 4]);
  for (let i = 0; i < cos.data.length; i++) assert.ok(Math.abs(cos.data[i]! ** 2 + sin.data[i]! ** 2 - 1) < 1e-6);
  assert.equal(cos.data[0], Math.fround(Math.cos(2)));
  assert.equal(sin.data[4 * 4 + 1], Math.fround(Math.sin(6 / 10)));
});

async function dropoutMask(
  stream: number,
  step: number,
  shape: readonly number[],
  rate: number,
): Promise<Float32Array> {
  const g = createGraphBuilder('dropout');
  const x = g.input('x', 'float32', shape);
  g.output(counterDropout(g, x, { rate, step: g.input('step', 'float32', []), stream }), 'y');
  const feeds = {
    x: tensorFromArray('float32', shape, new Float32Array(numel(shape)).fill(1)),
    step: tensorFromArray('float32', [], Float32Array.of(step)),
  };
  return (await runGraph(verifyGraph(g.finish()), feeds))['y']!.data as Float32Array;
}

test('counterDropout drops its share, scales the rest, and changes with step and stream alone', async () => {
  const shape = [64, 300];
  const rate = 0.25;
  const mask = await dropoutMask(7, 11, shape, rate);
  assert.deepEqual(await dropoutMask(7, 11, shape, rate), mask);
  const dropped = mask.filter((each) => each === 0).length / mask.length;
  assert.ok(Math.abs(dropped - rate) < 0.02, `${dropped}`);
  assert.deepEqual([...new Set(mask)].sort(), [0, Math.fround(4 / 3)]);
  for (const other of [await dropoutMask(7, 12, shape, rate), await dropoutMask(8, 11, shape, rate)]) {
    const both = other.filter((each, i) => each === 0 && mask[i] === 0).length / mask.length;
    assert.ok(Math.abs(both - rate * rate) < 0.02, `joint share ${both}`);
  }
});

test('counterDropout drops neighbours in rows and columns independently', async () => {
  const [rows, columns] = [128, 128];
  const mask = await dropoutMask(3, 5, [rows, columns], 0.5);
  const correlation = (offset: number) => {
    let sum = 0;
    for (let i = 0; i + offset < mask.length; i++) sum += (mask[i] === 0 ? -1 : 1) * (mask[i + offset] === 0 ? -1 : 1);
    return sum / (mask.length - offset);
  };
  for (const offset of [1, 2, columns, columns + 1, 2 * columns])
    assert.ok(Math.abs(correlation(offset)) < 0.06, `${offset}: ${correlation(offset)}`);
});
