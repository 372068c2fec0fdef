/** Autodiff: differentiating 20,000 nodes, and the choices of gradient rules against what they were chosen over, on `cpu`. */
import { backward } from '../src/autodiff/index.ts';
import { createRng } from '../src/base/index.ts';
import { createGraphBuilder } from '../src/graph/index.ts';
import type { GraphBuilder, GraphValue } from '../src/graph/index.ts';
import { openBackend } from '../src/runtime/index.ts';
import type { Feeds, Session } from '../src/runtime/index.ts';
import { numel } from '../src/tensor/index.ts';
import type { Shape, Tensor } from '../src/tensor/index.ts';
import type { BenchRow } from '../src/report/index.ts';
import { sideBySide } from './side-by-side.ts';

const NUM_LAYERS = 5000;
const NODES_OF_LAYER = 4;

export async function bench(): Promise<BenchRow[]> {
  const rows = [
    await sideBySide({
      name: '20,000 nodes: backward (with building the forward pass)',
      ours: differentiateDeepGraph,
      work: NUM_LAYERS * NODES_OF_LAYER,
      unit: 'nodes/s',
      note: 'no peer',
      numRounds: 3,
    }),
  ];
  for (const comparison of COMPARISONS) rows.push(await compare(comparison));
  return rows;
}

function differentiateDeepGraph(): number {
  const b = createGraphBuilder('deep');
  const weights: GraphValue[] = [];
  let h = b.input('x', 'float32', [4, 8]);
  for (let layer = 0; layer < NUM_LAYERS; layer++) {
    const w = b.parameter(`w${layer}`, [8, 8]);
    weights.push(w);
    h = b.add(h, b.tanh(b.add(b.matMul(h, w), 0.1)));
  }
  return backward(b, b.reduceMean(h), weights).length;
}

type Values = Readonly<Record<string, GraphValue>>;

interface Comparison {
  readonly name: string;
  readonly inputs: Readonly<Record<string, Shape>>;
  /** Inputs that hold row numbers below this limit. */
  readonly indexLimits?: Readonly<Record<string, number>>;
  readonly chosen: (b: GraphBuilder, values: Values) => GraphValue;
  readonly rejected: (b: GraphBuilder, values: Values) => GraphValue;
  readonly note: string;
}

const [ROWS, V, C] = [1024, 512, 256];
const IMAGE = { x: [8, 64, 32, 32], dy: [8, 64, 32, 32] };

const COMPARISONS: readonly Comparison[] = [
  {
    name: 'embedding gradient, 1024 rows into [512, 256]',
    inputs: { ids: [ROWS, 1], dy: [ROWS, C] },
    indexLimits: { ids: V },
    chosen: (b, { ids, dy }) => b.scatterND(b.full([V, C], 0), ids!, dy!, { reduction: 'add' }),
    rejected: (b, { ids, dy }) => b.gemm(b.oneHot(b.reshape(ids!, [ROWS]), V), dy!, undefined, { transA: 1 }),
    note: 'ScatterND against one-hot Gemm',
  },
  {
    name: 'convolution weights, 3×3, 64 → 64 channels, 8 images of 32×32',
    inputs: IMAGE,
    chosen(b, { x, dy }) {
      const w = b.input('w', 'float32', [64, 64, 3, 3]);
      const y = b.conv(x!, w, { pads: [1, 1, 1, 1] });
      return backward(b, b.reduceSum(b.mul(y, dy!)), [w])[0]!;
    },
    rejected: (b, { x, dy }) =>
      b.conv(b.transpose(x!, [1, 0, 2, 3]), b.transpose(dy!, [1, 0, 2, 3]), { pads: [1, 1, 1, 1] }),
    note: 'sliced columns (with the forward Conv) against one Conv',
  },
  {
    name: 'ReLU gradient of [1024, 1024]',
    inputs: { x: [1024, 1024], dy: [1024, 1024] },
    chosen: (b, { x, dy }) => b.mul(dy!, b.cast(b.greater(x!, 0), 'float32')),
    rejected: (b, { x, dy }) => b.where(b.greater(x!, 0), dy!, 0),
    note: 'product against Where',
  },
];

async function compare({ name, inputs, indexLimits = {}, chosen, rejected, note }: Comparison): Promise<BenchRow> {
  const open = async (build: Comparison['chosen']): Promise<[Session, Feeds]> => {
    const b = createGraphBuilder('rule');
    const feeds: Record<string, Tensor> = {};
    const values: Record<string, GraphValue> = {};
    const rng = createRng(1, name);
    for (const [input, shape] of Object.entries(inputs)) {
      const limit = indexLimits[input];
      const length = numel(shape);
      feeds[input] =
        limit === undefined
          ? { dtype: 'float32', shape, data: Float32Array.from({ length }, () => rng.normal()) }
          : { dtype: 'int64', shape, data: BigInt64Array.from({ length }, () => BigInt(rng.integer(limit))) };
      values[input] = b.input(input, feeds[input].dtype, shape);
    }
    // A sum keeps the result in use and its way back to this process short.
    b.output(b.reduceSum(build(b, values)), 'sum');
    const graph = b.finish();
    for (const id of graph.inputs) {
      const { name: input, shape } = graph.values[id]!;
      feeds[input] ??= { dtype: 'float32', shape, data: new Float32Array(numel(shape)).fill(0.1) };
    }
    return [await backend.createSession(graph, {}), feeds];
  };
  const backend = await openBackend('cpu');
  const [ours, ourFeeds] = await open(chosen);
  const [peer, peerFeeds] = await open(rejected);
  try {
    return await sideBySide({
      name,
      ours: () => ours.run(ourFeeds),
      peer: () => peer.run(peerFeeds),
      work: 1,
      unit: 'runs/s',
      note,
    });
  } finally {
    await ours.dispose();
    await peer.dispose();
  }
}
