/** The spine beside its peers, in one run: a transformer training step beside jax-js and Debian's PyTorch, a matrix product
 *  beside onnxruntime-node alone, a part of an MNIST epoch beside PyTorch, peak memory, and a graph of 20,000 nodes. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { median } from '../src/base/index.ts';
import { backward } from '../src/autodiff/index.ts';
import { createGraphBuilder, writeOnnx } from '../src/graph/index.ts';
import { adamW, createTrainer, crossEntropy, f32, i64, smallCnn } from '../src/nn/index.ts';
import { openBackend } from '../src/runtime/index.ts';
import { createTensor } from '../src/tensor/index.ts';
import type { Tensor } from '../src/tensor/index.ts';
import { createJaxTransformer } from './spine.jax-peer.ts';
import type { BenchRow } from '../src/report/index.ts';
import { createSmallTransformer, SMALL, syntheticTokens } from './spine.transformer.ts';

const run = promisify(execFile);
const PYTHON = '/usr/bin/python3';
const THREADS = availableParallelism();
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export async function bench(): Promise<BenchRow[]> {
  return [
    ...(await transformerRows()),
    await matrixProductRow(),
    await digitsRow(),
    await smallMemoryRow(),
    await largeMemoryRow(),
    await largeGraphRow(),
  ];
}

const STEP_ROUNDS = 5;

async function transformerRows(): Promise<BenchRow[]> {
  const { trainer, step } = await createSmallTransformer();
  const feeds = syntheticTokens(SMALL);
  const narrow = (tensor: Tensor<'int64'>): Int32Array => Int32Array.from(tensor.data, Number);
  const jaxStep = await createJaxTransformer(SMALL, narrow(feeds.tokens), narrow(feeds.targets));
  const [ours, jax, torch]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round <= STEP_ROUNDS; round++) {
    const [oursSec, jaxSec] = [await seconds(step), await seconds(jaxStep)];
    if (round === 0) continue;
    ours.push(oursSec);
    jax.push(jaxSec);
    if (round % 2 === 0) torch.push(...(await torchSeconds('transformer', 1)));
  }
  await trainer.dispose();
  const tokens = SMALL.batch * SMALL.length;
  const rate = (times: readonly number[]): number => tokens / median(times);
  const name = 'training step, 4 layers, width 256, T 256, B 4, V 512';
  const row = (peer: string, times: readonly number[]): BenchRow => ({
    name,
    ours: rate(ours),
    peer: times.length === 0 ? NaN : rate(times),
    unit: 'tokens/s',
    ratio: times.length === 0 ? NaN : rate(ours) / rate(times),
    note: times.length === 0 ? `${peer} is not here` : peer,
  });
  return [row('@jax-js/jax 0.1.25, WebAssembly', jax), row('PyTorch of Debian', torch)];
}

const PRODUCT_SIZE = 1024;
const PRODUCT_ROUNDS = 15;

/** The same model in both: ours with its checks, states and copies, theirs called directly. */
async function matrixProductRow(): Promise<BenchRow> {
  const shape = [PRODUCT_SIZE, PRODUCT_SIZE];
  const g = createGraphBuilder('product');
  g.output(g.matMul(g.input('a', 'float32', shape), g.input('b', 'float32', shape)), 'y');
  const graph = g.finish();
  await using session = await (await openBackend('cpu')).createSession(graph, {});
  const ort = await import('onnxruntime-node');
  const plain = await ort.InferenceSession.create(writeOnnx(graph).model, { intraOpNumThreads: THREADS });
  const filled = (): Tensor<'float32'> => {
    const tensor = createTensor('float32', shape);
    for (let i = 0; i < tensor.data.length; i++) tensor.data[i] = (i % 17) / 17 - 0.5;
    return tensor;
  };
  const [a, b] = [filled(), filled()];
  const direct = { a: new ort.Tensor('float32', a.data, shape), b: new ort.Tensor('float32', b.data, shape) };
  const [ours, peer]: [number[], number[]] = [[], []];
  for (let round = 0; round <= PRODUCT_ROUNDS; round++) {
    const times = [
      await seconds(async () => Number((await session.run({ a, b })).y.data[0])),
      await seconds(async () => Number((await plain.run(direct))['y'].data[0])),
    ];
    if (round === 0) continue;
    ours.push(times[0]);
    peer.push(times[1]);
  }
  await plain.release();
  const rate = (times: readonly number[]): number => (2 * PRODUCT_SIZE ** 3) / median(times) / 1e9;
  return {
    name: `matrix product of ${PRODUCT_SIZE}`,
    ours: rate(ours),
    peer: rate(peer),
    unit: 'GFLOP/s',
    ratio: rate(ours) / rate(peer),
    note: 'onnxruntime-node called directly',
  };
}

const DIGIT_BATCH = 64;
const DIGIT_STEPS = 100;

async function digitsRow(): Promise<BenchRow> {
  await using trainer = await createTrainer({
    model: smallCnn({ classes: 10 }),
    inputs: { x: f32(DIGIT_BATCH, 1, 28, 28), y: i64(DIGIT_BATCH) },
    loss: ({ g, outputs, inputs }) => crossEntropy(g, outputs['logits'], inputs['y']),
    optimizer: adamW({ learningRate: 1e-3 }),
  });
  const x = createTensor('float32', [DIGIT_BATCH, 1, 28, 28]);
  for (let i = 0; i < x.data.length; i++) x.data[i] = ((i * 7919) % 256) / 255;
  const y = createTensor('int64', [DIGIT_BATCH]);
  for (let i = 0; i < DIGIT_BATCH; i++) y.data[i] = BigInt(i % 10);
  const part = async (): Promise<number> => {
    let last = 0;
    for (let step = 0; step < DIGIT_STEPS; step++) last = (await trainer.step({ x, y })).loss;
    return last;
  };
  await part();
  const [ours, peer]: [number[], number[]] = [[], []];
  for (let round = 0; round < 3; round++) {
    ours.push(await seconds(part));
    peer.push(...(await torchSeconds('cnn', 1)));
  }
  const rate = (times: readonly number[]): number => (DIGIT_BATCH * DIGIT_STEPS) / median(times);
  return {
    name: 'digits CNN, training, batches of 64',
    ours: rate(ours),
    peer: peer.length === 0 ? NaN : rate(peer),
    unit: 'images/s',
    ratio: peer.length === 0 ? NaN : rate(ours) / rate(peer),
    note: `an epoch of 60,000: ${(60_000 / rate(ours)).toFixed(1)} s, PyTorch ${(60_000 / rate(peer)).toFixed(1)} s`,
  };
}

async function smallMemoryRow(): Promise<BenchRow> {
  const { peakBytes, parameterCount } = await memoryOf('small');
  return {
    name: 'peak memory of the training step above, whole process',
    ours: peakBytes / 2 ** 20,
    peer: NaN,
    unit: 'MiB',
    ratio: NaN,
    note: `${(parameterCount / 1e6).toFixed(1)} M parameters`,
  };
}

const MEMORY_LIMIT_GIB = 6;

async function largeMemoryRow(): Promise<BenchRow> {
  const { peakBytes, parameterCount, stepSec } = await memoryOf('llama100m');
  const gib = peakBytes / 2 ** 30;
  return {
    name: 'peak memory, Llama-style training step with checkpointing, T 512, whole process',
    ours: gib,
    peer: MEMORY_LIMIT_GIB,
    unit: 'GiB',
    ratio: MEMORY_LIMIT_GIB / gib,
    note: `${(parameterCount / 1e6).toFixed(0)} M parameters, ${stepSec.toFixed(1)} s a step; the peer column is the limit we set`,
  };
}

const LARGE_GRAPH_LAYERS = 2000;
const LARGE_GRAPH_LIMIT_SEC = 20;

async function largeGraphRow(): Promise<BenchRow> {
  const start = performance.now();
  const g = createGraphBuilder('deep');
  let x = g.input('x', 'float32', [4, 16]);
  const weights = Array.from({ length: LARGE_GRAPH_LAYERS }, (_, i) => g.parameter(`w${i}`, [16, 16]));
  for (const weight of weights) x = g.tanh(g.add(g.matMul(x, weight), x));
  const loss = g.output(g.reduceMean(x), 'loss');
  const gradients = backward(g, loss, weights);
  weights.forEach((weight, i) => g.setNextState(weight, g.sub(weight, g.mul(gradients[i], 0.01))));
  const graph = g.finish();
  const states = Object.fromEntries(graph.states.map(({ name }) => [name, createTensor('float32', [16, 16])]));
  await using session = await (await openBackend('cpu')).createSession(graph, states, { adoptStates: true });
  await session.run({ x: createTensor('float32', [4, 16]) });
  const sec = (performance.now() - start) / 1e3;
  return {
    name: 'build, differentiate, compile and run once a deep graph',
    ours: sec,
    peer: LARGE_GRAPH_LIMIT_SEC,
    unit: 's',
    ratio: LARGE_GRAPH_LIMIT_SEC / sec,
    note: `${graph.nodes.length.toLocaleString('en-US')} nodes; the peer column is the limit we set`,
  };
}

async function memoryOf(which: string): Promise<{ peakBytes: number; parameterCount: number; stepSec: number }> {
  const { stdout } = await run(process.execPath, [here('spine.memory.ts'), which]);
  return JSON.parse(stdout);
}

/** Seconds per repeat; empty where PyTorch is not installed. */
async function torchSeconds(kind: 'transformer' | 'cnn', repeats: number): Promise<number[]> {
  if (!existsSync(PYTHON)) return [];
  try {
    const { stdout } = await run(PYTHON, [here('spine.torch-peer.py'), kind, String(repeats), String(THREADS)]);
    return (JSON.parse(stdout) as { seconds: number[] }).seconds;
  } catch {
    return [];
  }
}

async function seconds(work: () => Promise<number>): Promise<number> {
  const start = performance.now();
  const result = await work();
  if (Number.isNaN(result)) throw new Error('a bench must compute numbers');
  return (performance.now() - start) / 1e3;
}
