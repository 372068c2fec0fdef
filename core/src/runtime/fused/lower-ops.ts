/** How ops that are no plain maps become prims: casts, reductions, softmax, normalisations, products. */
import type { GraphNode, OpName, ValueId } from '../../graph/index.ts';
import { numel } from '../../tensor/index.ts';
import type { Shape } from '../../tensor/index.ts';
import { broadcastAccess } from './accesses.ts';
import type { Lowering } from './lowering.ts';
import { NoKernel } from './prims.ts';
import type { ProductPrim } from './prims.ts';

export type LowerNode = (lowering: Lowering, node: GraphNode) => void;

const alias: LowerNode = (lowering, { inputs, outputs }) => lowering.alias(outputs[0], inputs[0]);

const cast: LowerNode = (lowering, { inputs, outputs }) => {
  const [from, to] = [lowering.values[inputs[0]], lowering.values[outputs[0]]];
  if (from.kind === to.kind) return lowering.alias(outputs[0], inputs[0]);
  if (from.splat !== undefined && to.kind === 'f32') return lowering.fill(outputs[0], from.splat);
  const isFloat = (kind: string): boolean => kind === 'f32' || kind === 'f16';
  lowering.map(
    inputs,
    ([x], { F, H, I, U }) => {
      // Rounded here, also where the result is only read inside the same kernel.
      if (to.kind === 'f16') return `${F}(${H}(${from.kind === 'bool' ? `${F}(${U}(${x}))` : `${F}(${x})`}))`;
      if (to.kind === 'f32') return isFloat(from.kind) ? x : from.kind === 'bool' ? `${F}(${U}(${x}))` : `${F}(${x})`;
      if (to.kind === 'i32') return from.kind === 'bool' ? `${I}(${U}(${x}))` : `${I}(${x})`;
      return isFloat(from.kind) ? `(${x} != ${F}(0))` : `(${x} != ${I}(0))`;
    },
    { out: outputs[0] },
  );
};

/** Rows beyond which one kernel per row is enough to fill a device; shorter, wide reductions go in two steps. */
const FEW_ROWS = 32;
const WIDE_ROW = 1 << 14;
const PARTS = 256;

type How = 'sum' | 'max' | 'min';

/** Reduces the last `width` elements of each row into `shape`. */
function reduceRows(
  lowering: Lowering,
  how: How,
  input: ValueId,
  options: { width: number; shape: Shape; out?: ValueId },
) {
  const { width, shape, out } = options;
  const rows = numel(lowering.values[input].shape) / width;
  if (rows >= FEW_ROWS || width <= WIDE_ROW || width % PARTS !== 0) {
    return lowering.reduce(how, input, width, { shape, ...(out === undefined ? {} : { out }) });
  }
  const parts = lowering.reduce(how, input, width / PARTS, { shape: [rows, PARTS] });
  return lowering.reduce(how, parts, PARTS, { shape, ...(out === undefined ? {} : { out }) });
}

const reduce: LowerNode = (lowering, { op, inputs, outputs, attributes }) => {
  const [out] = outputs;
  const x = lowering.values[inputs[0]];
  const rank = x.shape.length;
  const axes = (attributes['axes'] as readonly number[])
    .toSorted((a, b) => a - b)
    .filter((axis) => x.shape[axis] !== 1);
  const count = axes.reduce((product, axis) => product * x.shape[axis], 1);
  if (op === 'ReduceSumSquare' || op === 'ReduceL2') {
    const square = lowering.map(inputs, ([a]) => `(${a} * ${a})`, { shape: x.shape });
    if (op === 'ReduceSumSquare') return reduceTo(square, 'sum', out);
    const sum = reduceTo(square, 'sum', lowering.define('f32', lowering.values[out].shape));
    return void lowering.map([sum!], ([s]) => `sqrt(${s})`, { out });
  }
  const how = ({ ReduceSum: 'sum', ReduceMean: 'sum', ReduceMax: 'max', ReduceMin: 'min' } as const)[op as 'ReduceSum'];
  if (how === undefined) throw new NoKernel(op);
  if (op !== 'ReduceMean') return void reduceTo(inputs[0], how, out);
  const sum = reduceTo(inputs[0], 'sum', lowering.define('f32', lowering.values[out].shape));
  return void lowering.map([sum!], ([s]) => `(${s} * ${1 / count})`, { out });

  function reduceTo(input: ValueId, kind: How, target: ValueId): ValueId | void {
    if (axes.length === 0) {
      lowering.map([lowering.reshaped(input, lowering.values[target].shape)], ([a]) => a, { out: target });
      return target;
    }
    const [first, last] = [axes[0], axes.at(-1)!];
    const between = x.shape.slice(first, last + 1);
    if (numel(between) !== count) throw new NoKernel(`${op} over axes apart from each other`);
    const inner = numel(x.shape.slice(last + 1, rank));
    if (inner === 1) return reduceRows(lowering, kind, input, { width: count, shape: [], out: target });
    const outer = numel(x.shape.slice(0, first));
    const stored = lowering.stored(input);
    const { op: name, node } = lowering;
    lowering.add({ kind: 'fold', op: name, node, how: kind, input: stored, out: target, outer, count, inner });
    return target;
  }
};

/** e = exp(x − max);  softmax = e / Σ e,  log softmax = x − max − log Σ e. */
const softmax: LowerNode = (lowering, { op, inputs, outputs, attributes }) => {
  const { shape } = lowering.values[inputs[0]];
  const width = shape[attributes['axis'] as number];
  if (numel(shape.slice((attributes['axis'] as number) + 1)) !== 1) throw new NoKernel(`${op} along an inner axis`);
  const row = [...shape.slice(0, attributes['axis'] as number), 1];
  const flat = lowering.reshaped(inputs[0], [...row.slice(0, -1), width]);
  const largest = lowering.reduce('max', flat, width, { shape: row });
  const body = { shape: [...row.slice(0, -1), width] };
  const shifted = lowering.map([flat, largest], ([x, m]) => `(${x} - ${m})`, body);
  const powers = lowering.map([shifted], ([x]) => `exp(${x})`, body);
  const sum = lowering.reduce('sum', powers, width, { shape: row });
  const out = lowering.values[outputs[0]];
  const last =
    op === 'Softmax'
      ? lowering.map([powers, sum], ([e, s]) => `(${e} / ${s})`, { ...body, kind: out.kind })
      : lowering.map([shifted, sum], ([x, s]) => `(${x} - log(${s}))`, { ...body, kind: out.kind });
  lowering.alias(outputs[0], last);
};

/** Rows of the axes `axis` …: y = (x − mean) / σ · scale + bias; RMS norm has no mean. */
const rowNorm: LowerNode = (lowering, { op, inputs, outputs, attributes }) => {
  const x = lowering.values[inputs[0]];
  const axis = attributes['axis'] as number;
  const isCentred = op === 'LayerNormalization';
  const width = numel(x.shape.slice(axis));
  const row = x.shape.map((size, i) => (i < axis ? size : 1));
  const { shape } = x;
  const mean = isCentred
    ? lowering.map([lowering.reduce('sum', inputs[0], width, { shape: row })], ([s]) => `(${s} * ${1 / width})`, {
        shape: row,
        ...(outputs.length > 1 && lowering.values[outputs[1]].kind === 'f32' ? { out: outputs[1] } : {}),
      })
    : undefined;
  const centred =
    mean === undefined ? inputs[0] : lowering.map([inputs[0], mean], ([a, m]) => `(${a} - ${m})`, { shape });
  const squares = lowering.map([centred], ([a]) => `(${a} * ${a})`, { shape });
  const total = lowering.reduce('sum', squares, width, { shape: row });
  const saved = outputs[isCentred ? 2 : 1];
  const epsilon = attributes['epsilon'] as number;
  const inverse = lowering.map([total], ([s], { F }) => `(1.0 / sqrt(${s} * ${1 / width} + ${F}(${epsilon})))`, {
    shape: row,
    ...(saved !== undefined && lowering.values[saved].kind === 'f32' ? { out: saved } : {}),
  });
  for (const [id, source] of [
    [isCentred ? outputs[1] : undefined, mean],
    [saved, inverse],
  ] as const) {
    if (id !== undefined && id !== source) lowering.map([source!], ([a]) => a, { out: id });
  }
  const scale = { value: inputs[1], access: broadcastAccess(shape, lowering.values[inputs[1]].shape) };
  const bias = inputs[2];
  const operands = [centred, inverse, scale];
  if (bias === undefined || bias < 0) {
    lowering.map(operands, ([a, r, s]) => `(${a} * ${r} * ${s})`, { out: outputs[0] });
  } else lowering.map([...operands, bias], ([a, r, s, b]) => `(${a} * ${r} * ${s} + ${b})`, { out: outputs[0] });
};

const product: LowerNode = (lowering, { op, name, inputs, outputs, attributes }) => {
  const {
    alpha = 1,
    beta = 1,
    transA = 0,
    transB = 0,
    transBatchA = 0,
    transBatchB = 0,
  } = attributes as Record<string, number>;
  if (transBatchA + transBatchB > 0) throw new NoKernel('FusedMatMul with rolled batches');
  const [a, b] = [lowering.values[inputs[0]].shape, lowering.values[inputs[1]].shape];
  if (a.length < 2 || b.length < 2) throw new NoKernel(`${op} of a vector`);
  const batchA = numel(a.slice(0, -2));
  const batchB = numel(b.slice(0, -2));
  const [rowsA, columnsA] = a.slice(-2);
  const [rowsB, columnsB] = b.slice(-2);
  const K = transA === 1 ? rowsA : columnsA;
  const N = transB === 1 ? rowsB : columnsB;
  const rows = transA === 1 ? columnsA : rowsA;
  const isAlike = batchA === batchB && trimmed(a).join() === trimmed(b).join();
  if (!isAlike && batchA !== 1 && batchB !== 1) throw new NoKernel(`${op} with batches that broadcast`);
  // One right operand for all batches: the left's rows are one tall matrix.
  const isFolded = batchA > 1 && batchB === 1 && transA === 0;
  const batch = isFolded ? 1 : Math.max(batchA, batchB);
  const M = isFolded ? rows * batchA : rows;
  const bias = inputs[2];
  const hasBias = bias !== undefined && bias >= 0;
  const prim: ProductPrim = {
    kind: 'product',
    op,
    node: name,
    a: lowering.stored(inputs[0]),
    b: lowering.stored(inputs[1]),
    out: outputs[0],
    sizes: { M, N, K, batch },
    isBatched: [batch > 1 && batchA > 1, batch > 1 && batchB > 1],
    transA: transA === 1,
    transB: transB === 1,
    alpha,
    beta,
    ...(hasBias
      ? {
          bias: lowering.stored(bias),
          biasAccess: broadcastAccess(lowering.values[outputs[0]].shape, lowering.values[bias].shape),
        }
      : {}),
  };
  lowering.add(prim);
};

const trimmed = (shape: Shape): Shape => {
  const batch = shape.slice(0, -2);
  return batch.slice(batch.findIndex((size) => size !== 1) < 0 ? batch.length : batch.findIndex((size) => size !== 1));
};

export const LOWER_OPS: Readonly<Partial<Record<OpName, LowerNode>>> = {
  Identity: alias,
  StopGradient: alias,
  Reshape: alias,
  Squeeze: alias,
  Unsqueeze: alias,
  Flatten: alias,
  Cast: cast,
  ReduceSum: reduce,
  ReduceMean: reduce,
  ReduceMax: reduce,
  ReduceMin: reduce,
  ReduceSumSquare: reduce,
  ReduceL2: reduce,
  Softmax: softmax,
  LogSoftmax: softmax,
  LayerNormalization: rowNorm,
  SimplifiedLayerNormalization: rowNorm,
  MatMul: product,
  Gemm: product,
  FusedMatMul: product,
};
