/** Losses and gradients against PyTorch in float64, to 1e-5 relative. Skipped, with the reason printed, without python3-torch. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { backward } from '../../src/autodiff/index.ts';
import { createGraphBuilder } from '../../src/graph/index.ts';
import type { GraphBuilder, GraphValue } from '../../src/graph/index.ts';
import { numel } from '../../src/tensor/index.ts';
import type { Shape, Tensor } from '../../src/tensor/index.ts';
import { int64s, normals, run64 } from './test-runner.ts';

const RELATIVE_TOLERANCE = 1e-5;
/** Debian's interpreter first: it is the one that has python3-torch. */
const PYTHON = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';

type Values = Readonly<Record<string, GraphValue>>;

interface TorchCase {
  readonly floats: Readonly<Record<string, Shape>>;
  readonly integers?: Readonly<Record<string, Tensor<'int64'>>>;
  readonly build: (b: GraphBuilder, v: Values) => GraphValue;
}

const X = { x: [3, 5] };
const IMAGE = { x: [2, 4, 6, 6] };
const AFFINE = { ...IMAGE, s: [4], c: [4] };

function attention(b: GraphBuilder, v: Values): GraphValue {
  const [B, T, C] = v['x']!.shape as [number, number, number];
  const packed = b.reshape(b.matMul(v['x']!, v['wqkv']!), [B, T, 3, 2, C / 2]);
  const parts = b.split(b.transpose(packed, [2, 0, 3, 1, 4]), 3, 0).map((part) => b.squeeze(part, [0]));
  const [q, k, values] = parts as [GraphValue, GraphValue, GraphValue]; // [B, H, T, D]
  const scores = b.fusedMatMul(q, k, { transB: 1, alpha: 1 / Math.sqrt(C / 2) });
  const mask = b.greater(b.tril(b.full([T, T], 1, 'float64')), 0);
  const p = b.softmax(b.where(mask, scores, -1e9));
  const mixed = b.reshape(b.transpose(b.matMul(p, values), [0, 2, 1, 3]), [B, T, C]);
  const h = b.add(v['x']!, b.matMul(mixed, v['wo']!));
  const n = b.layerNorm(h, v['s']!, v['c']!);
  return b.add(h, b.matMul(b.gelu(b.matMul(n, v['w1']!)), v['w2']!));
}

const CASES: Readonly<Record<string, TorchCase>> = {
  attention: {
    floats: { x: [2, 5, 6], wqkv: [6, 18], wo: [6, 6], s: [6], c: [6], w1: [6, 12], w2: [12, 6] },
    build: attention,
  },
  conv2d: {
    floats: { x: [2, 4, 7, 6], w: [6, 2, 3, 2], c: [6] },
    build: (b, v) =>
      b.conv(v['x']!, v['w']!, { bias: v['c']!, strides: [2, 1], pads: [1, 2, 1, 2], dilations: [1, 2], group: 2 }),
  },
  'conv1d depthwise causal': {
    floats: { x: [2, 3, 7], w: [3, 1, 3] },
    build: (b, v) => b.conv(v['x']!, v['w']!, { pads: [2, 0], group: 3 }),
  },
  'conv transpose': {
    floats: { x: [2, 4, 3, 4], w: [4, 3, 3, 3], c: [6] },
    build: (b, v) =>
      b.convTranspose(v['x']!, v['w']!, {
        bias: v['c']!,
        strides: [2, 2],
        pads: [1, 1, 1, 1],
        output_padding: [1, 1],
        group: 2,
      }),
  },
  'max pool tiling': {
    floats: IMAGE,
    build: (b, { x }) => b.maxPool(x!, { kernel_shape: [2, 2], strides: [2, 2] }),
  },
  'max pool overlapping': {
    floats: IMAGE,
    build: (b, { x }) => b.maxPool(x!, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
  },
  'average pool': {
    floats: IMAGE,
    build: (b, { x }) => b.averagePool(x!, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
  },
  'average pool counting padding': {
    floats: IMAGE,
    build: (b, { x }) =>
      b.averagePool(x!, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], count_include_pad: 1 }),
  },
  'batch norm': {
    floats: AFFINE,
    build: (b, v) => b.batchNormTraining(v['x']!, [v['s']!, v['c']!, v['c']!, v['c']!]).y,
  },
  'group norm': { floats: AFFINE, build: (b, v) => b.groupNorm(v['x']!, v['s']!, v['c']!, { num_groups: 2 }) },
  'instance norm': { floats: AFFINE, build: (b, v) => b.instanceNorm(v['x']!, v['s']!, v['c']!) },
  'layer norm': { floats: { x: [2, 3, 5], s: [5], c: [5] }, build: (b, v) => b.layerNorm(v['x']!, v['s']!, v['c']) },
  'rms norm': { floats: { x: [2, 3, 5], s: [5] }, build: (b, v) => b.rmsNorm(v['x']!, v['s']!) },
  'cross entropy': {
    floats: { x: [4, 6] },
    integers: { i: int64s([4], [2, 0, 5, 2]) },
    build: (b, v) => {
      const picked = b.gatherElements(b.logSoftmax(v['x']!, 1), b.reshape(v['i']!, [4, 1]), 1);
      return b.reshape(b.neg(b.reduceMean(picked)), [1]);
    },
  },
  embedding: {
    floats: { x: [5, 3] },
    integers: { i: int64s([2, 3], [1, 4, 1, 0, 1, 4]) },
    build: (b, v) => b.gather(v['x']!, v['i']!),
  },
  'top-k': { floats: X, build: (b, { x }) => b.topK(x!, 3).values },
  cumsum: { floats: X, build: (b, { x }) => b.cumSum(x!, 1) },
  einsum: {
    floats: { p: [2, 2, 3, 4], q: [2, 2, 5, 4] },
    build: (b, v) => b.einsum('bhtd,bhsd->bhts', v['p']!, v['q']!),
  },
  gather: {
    floats: X,
    integers: { i: int64s([3, 2], [0, 0, 4, 1, 2, 2]) },
    build: (b, v) => b.gatherElements(v['x']!, v['i']!, 1),
  },
  'scatter add': {
    floats: { ...X, u: [3, 2] },
    integers: { i: int64s([3, 2], [0, 0, 4, 1, 2, 2]) },
    build: (b, v) => b.scatterElements(v['x']!, v['i']!, v['u']!, { axis: 1, reduction: 'add' }),
  },
  'resize linear': {
    floats: { x: [1, 2, 3, 4] },
    build: (b, { x }) => b.resize(x!, [1, 2, 5, 7], { mode: 'linear' }),
  },
  'resize cubic': { floats: { x: [1, 2, 4, 4] }, build: (b, { x }) => b.resize(x!, [1, 2, 6, 7], { mode: 'cubic' }) },
  'resize nearest': {
    floats: { x: [1, 2, 3, 4] },
    build: (b, { x }) =>
      b.resize(x!, [1, 2, 6, 8], { coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }),
  },
  'gelu tanh': { floats: X, build: (b, { x }) => b.gelu(x!, 'tanh') },
  silu: { floats: X, build: (b, { x }) => b.silu(x!) },
  softplus: { floats: X, build: (b, { x }) => b.softplus(x!) },
  elu: { floats: X, build: (b, { x }) => b.elu(x!, 1.3) },
  'log-sum-exp': { floats: X, build: (b, { x }) => b.reduceLogSumExp(x!, { axes: [1] }) },
  product: { floats: X, build: (b, { x }) => b.reduceProd(x!, { axes: [1] }) },
  'max of an axis': { floats: X, build: (b, { x }) => b.reduceMax(x!, { axes: [1] }) },
  norm: { floats: X, build: (b, { x }) => b.reduceL2(x!, { axes: [1] }) },
  clip: { floats: X, build: (b, { x }) => b.clip(x!, -0.4, 0.6) },
  power: { floats: { p: [2, 3], q: [2, 3] }, build: (b, v) => b.pow(b.add(b.abs(v['p']!), 0.5), v['q']!) },
  'reflect pad': {
    floats: { x: [1, 2, 4, 4] },
    build: (b, { x }) => b.pad(x!, [0, 0, 1, 1, 0, 0, 1, 2], { mode: 'reflect' }),
  },
};

interface Answer {
  readonly loss: number;
  readonly gradients: Readonly<Record<string, readonly number[]>>;
}

const missing = spawnSync(PYTHON, ['-c', 'import torch'], { stdio: 'ignore' }).status !== 0;
const skip = missing ? `no PyTorch in ${PYTHON} (Debian: apt-get install python3-torch)` : false;
const feedsOf = new Map(
  Object.entries(CASES).map(([name, { floats, integers = {} }]) => [
    name,
    {
      ...Object.fromEntries(Object.entries(floats).map(([key, shape]) => [key, normals(`${name}/${key}`, shape)])),
      ...integers,
    } as Record<string, Tensor>,
  ]),
);
const answers = missing ? {} : askTorch();

/** One process for all cases: importing torch takes longer than all of them. */
function askTorch(): Readonly<Record<string, Answer>> {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-torch-'));
  try {
    const requests = Object.fromEntries(
      [...feedsOf].map(([name, feeds]) => [
        name,
        {
          inputs: Object.fromEntries(
            Object.entries(feeds).map(([key, { dtype, shape, data }]) => [
              key,
              { shape, integer: dtype === 'int64', data: Array.from(data as Float64Array, Number) },
            ]),
          ),
        },
      ]),
    );
    const [requestFile, answerFile] = [join(folder, 'requests.json'), join(folder, 'answers.json')];
    writeFileSync(requestFile, JSON.stringify(requests));
    const script = new URL('torch-gradients.py', import.meta.url).pathname;
    const { status, stderr } = spawnSync(PYTHON, [script, requestFile, answerFile], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    return JSON.parse(readFileSync(answerFile, 'utf8')) as Record<string, Answer>;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Σ y_i · cos i, as in the script. */
function weightedLoss(b: GraphBuilder, y: GraphValue): GraphValue {
  const count = numel(y.shape);
  const weights = b.constant({
    dtype: 'float64',
    shape: [count],
    data: Float64Array.from({ length: count }, (_, i) => Math.cos(i)),
  });
  return b.reduceSum(b.mul(b.reshape(y, [count]), weights));
}

for (const [name, { floats, build }] of Object.entries(CASES)) {
  test(`loss and gradients equal PyTorch's: ${name}`, { skip }, () => {
    const feeds = feedsOf.get(name)!;
    const b = createGraphBuilder('torch');
    const values = Object.fromEntries(
      Object.entries(feeds).map(([key, { dtype, shape }]) => [key, b.input(key, dtype, shape)]),
    );
    const loss = weightedLoss(b, build(b, values));
    b.output(loss, 'loss');
    const wrt = Object.keys(floats).filter((key) => key in answers[name]!.gradients);
    backward(
      b,
      loss,
      wrt.map((key) => values[key]!),
    ).forEach((gradient, i) => b.output(gradient, `grad/${wrt[i]!}`));
    const outputs = run64(b.finish(), feeds);
    const expectClose = (label: string, actual: number, expected: number, scale: number): void =>
      assert.ok(Math.abs(actual - expected) <= RELATIVE_TOLERANCE * scale, `${label}: ${actual}, PyTorch ${expected}`);
    const { loss: expectedLoss, gradients } = answers[name]!;
    expectClose('loss', outputs['loss']!.data[0] as number, expectedLoss, Math.max(1e-3, Math.abs(expectedLoss)));
    assert.ok(wrt.length > 0);
    for (const key of wrt) {
      const expected = gradients[key]!;
      const scale = Math.max(...expected.map(Math.abs));
      expected.forEach((value, i) =>
        expectClose(`${key}[${i}]`, outputs[`grad/${key}`]!.data[i] as number, value, scale),
      );
    }
  });
}
