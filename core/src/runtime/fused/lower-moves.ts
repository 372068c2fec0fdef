/** Ops that move elements: reads at other places, which fuse with the arithmetic that follows. */
import type { GraphNode, OpName, ValueId } from '../../graph/index.ts';
import { numel, stridesFromShape } from '../../tensor/index.ts';
import { broadcastAccess, stridedAccess } from './accesses.ts';
import type { LowerNode } from './lower-ops.ts';
import type { Lowering } from './lowering.ts';
import { NoKernel } from './prims.ts';
import type { Access, TypeNames } from './prims.ts';

const self = ([x]: readonly string[]): string => x;

function moved(lowering: Lowering, value: ValueId, out: ValueId, access: Access): void {
  const { splat } = lowering.values[value];
  if (splat !== undefined) lowering.fill(out, splat);
  else lowering.map([{ value, access }], self, { out });
}

const transpose: LowerNode = (lowering, { inputs, outputs, attributes }) => {
  const perm = attributes['perm'] as readonly number[];
  const strides = stridesFromShape(lowering.values[inputs[0]].shape);
  const { shape } = lowering.values[outputs[0]];
  moved(
    lowering,
    inputs[0],
    outputs[0],
    stridedAccess(
      shape,
      perm.map((axis) => strides[axis]),
    ),
  );
};

const expand: LowerNode = (lowering, { inputs, outputs }) =>
  moved(
    lowering,
    inputs[0],
    outputs[0],
    broadcastAccess(lowering.values[outputs[0]].shape, lowering.values[inputs[0]].shape),
  );

const slice: LowerNode = (lowering, { inputs, outputs, attributes }) => {
  const { starts, axes, steps } = attributes as Record<string, readonly number[]>;
  const strides = [...stridesFromShape(lowering.values[inputs[0]].shape)];
  let offset = 0;
  const coefficients = [...strides];
  axes.forEach((axis, i) => {
    offset += starts[i] * strides[axis];
    coefficients[axis] = strides[axis] * (steps?.[i] ?? 1);
  });
  moved(lowering, inputs[0], outputs[0], stridedAccess(lowering.values[outputs[0]].shape, coefficients, offset));
};

const split: LowerNode = (lowering, { inputs, outputs, attributes }) => {
  const axis = attributes['axis'] as number;
  const strides = stridesFromShape(lowering.values[inputs[0]].shape);
  let start = 0;
  (attributes['split'] as readonly number[]).forEach((size, i) => {
    const { shape } = lowering.values[outputs[i]];
    moved(lowering, inputs[0], outputs[i], stridedAccess(shape, strides, start * strides[axis]));
    start += size;
  });
};

/** Each element looks at every input: few at a time. */
const MOST_JOINED = 4;

const concat: LowerNode = (lowering, { inputs, outputs, attributes }) =>
  joinParts(lowering, inputs, { axis: attributes['axis'] as number, out: outputs[0] });

/** Many parts are joined in groups, then the groups. */
function joinParts(lowering: Lowering, parts: readonly ValueId[], { axis, out }: { axis: number; out: ValueId }): void {
  if (parts.length <= MOST_JOINED) return joinFew(lowering, parts, { axis, out });
  const { shape, kind } = lowering.values[out];
  const size = Math.ceil(parts.length / Math.ceil(parts.length / MOST_JOINED));
  const groups: ValueId[] = [];
  for (let first = 0; first < parts.length; first += size) {
    const group = parts.slice(first, first + size);
    const length = group.reduce((sum, part) => sum + lowering.values[part].shape[axis], 0);
    const joined = lowering.define(
      kind,
      shape.map((own, i) => (i === axis ? length : own)),
    );
    joinFew(lowering, group, { axis, out: joined });
    groups.push(joined);
  }
  joinParts(lowering, groups, { axis, out });
}

function joinFew(lowering: Lowering, parts: readonly ValueId[], { axis, out }: { axis: number; out: ValueId }): void {
  const { shape } = lowering.values[out];
  const inner = numel(shape.slice(axis + 1));
  const total = shape[axis];
  const starts: number[] = [];
  let start = 0;
  const operands = parts.map((value) => {
    const size = lowering.values[value].shape[axis];
    const first = start;
    starts.push(first);
    start += size;
    const index = (at: string): string => {
      const place = `((${at} / ${inner}u) % ${total}u)`;
      const local = `(clamp(${place}, ${first}u, ${first + size - 1}u) - ${first}u)`;
      return `((${at} / ${inner * total}u) * ${inner * size}u + ${local} * ${inner}u + ${at} % ${inner}u)`;
    };
    return { value: lowering.stored(value), access: { kind: 'at', run: 1, index } as const };
  });
  lowering.map(
    operands,
    (args, { U }, lin) =>
      args.reduce(
        (before, value, i) =>
          `select(${before}, ${value}, ((${lin} / ${U}(${inner})) % ${U}(${total})) >= ${U}(${starts[i]}))`,
      ),
    { out },
  );
}

/** Indices below zero count from the end; others stay inside, since nothing else checks them. */
const wrapped = (index: string, size: number): string =>
  `min(u32(select(${index}, ${index} + ${size}, ${index} < 0)), ${size - 1}u)`;

const gather: LowerNode = (lowering, { inputs, outputs, attributes }) => {
  const [data, indices] = inputs;
  const { shape } = lowering.values[data];
  const axis = attributes['axis'] as number;
  const size = shape[axis];
  const inner = numel(shape.slice(axis + 1));
  const count = numel(lowering.values[indices].shape);
  moved(lowering, data, outputs[0], {
    kind: 'at',
    run: inner,
    indices: lowering.stored(indices),
    index: (at, read) => {
      const row = wrapped(read(`(${at} / ${inner}u) % ${count}u`), size);
      return `(((${at} / ${inner * count}u) * ${size}u + ${row}) * ${inner}u + ${at} % ${inner}u)`;
    },
  });
};

/** Both forms of elementwise indexing along the last axis. */
function lastAxis({ op, attributes }: GraphNode, rank: number): void {
  if (attributes['axis'] !== rank - 1) throw new NoKernel(`${op} along an inner axis`);
}

const gatherElements: LowerNode = (lowering, node) => {
  const [data, indices] = node.inputs;
  const [from, to] = [lowering.values[data].shape, lowering.values[indices].shape];
  lastAxis(node, from.length);
  if (from.slice(0, -1).join() !== to.slice(0, -1).join()) throw new NoKernel('GatherElements of fewer rows');
  const [size, count] = [from.at(-1)!, to.at(-1)!];
  moved(lowering, data, node.outputs[0], {
    kind: 'at',
    run: 1,
    indices: lowering.stored(indices),
    index: (at, read) => `((${at} / ${count}u) * ${size}u + ${wrapped(read(at), size)})`,
  });
};

/** The column that an index names, compared with an element's own. */
const isHit = (index: string, lin: string, size: number, { I, U }: TypeNames): string =>
  `(${I}(${lin} % ${U}(${size})) == select(${index}, ${index} + ${I}(${size}), ${index} < ${I}(0)))`;

/** One index per row: an element of the row is hit or not. */
const scatterElements: LowerNode = (lowering, node) => {
  const [data, indices, updates] = node.inputs;
  const { shape } = lowering.values[data];
  lastAxis(node, shape.length);
  const size = shape.at(-1)!;
  const isOnePerRow = lowering.values[indices].shape.join() === [...shape.slice(0, -1), 1].join();
  const { reduction } = node.attributes;
  if (!isOnePerRow || (reduction !== 'add' && reduction !== 'none')) throw new NoKernel('ScatterElements of many');
  lowering.map(
    [data, indices, updates],
    ([x, index, update], types, lin) =>
      `select(${x}, ${reduction === 'add' ? `${x} + ${update}` : update}, ${isHit(index, lin, size, types)})`,
    { out: node.outputs[0] },
  );
};

const oneHot: LowerNode = (lowering, node) => {
  const { shape } = lowering.values[node.outputs[0]];
  const { axis, values, depth } = node.attributes as { axis: number; values: readonly number[]; depth: number };
  if (axis !== shape.length - 1 && axis !== -1) throw new NoKernel('OneHot along an inner axis');
  const indices = lowering.reshaped(node.inputs[0], [...shape.slice(0, -1), 1]);
  if (lowering.values[indices].kind !== 'i32') throw new NoKernel('OneHot of floats');
  lowering.map(
    [indices],
    ([index], types, lin) =>
      `select(${types.F}(${values[0]}), ${types.F}(${values[1]}), ${isHit(index, lin, depth, types)})`,
    { out: node.outputs[0] },
  );
};

const scatterND: LowerNode = (lowering, { op, name, inputs, outputs, attributes }) => {
  const [data, indices, updates] = inputs;
  const { shape, kind } = lowering.values[data];
  if (
    attributes['reduction'] !== 'add' ||
    lowering.values[indices].shape.at(-1) !== 1 ||
    kind === 'bool' ||
    kind === 'i32'
  ) {
    throw new NoKernel('ScatterND other than sums of rows');
  }
  const inner = numel(shape.slice(1));
  const count = numel(lowering.values[indices].shape);
  lowering.add({
    kind: 'scatter',
    op,
    node: name,
    data,
    indices: lowering.stored(indices),
    updates: lowering.stored(updates),
    out: outputs[0],
    rows: shape[0],
    count,
    inner,
  });
};

/** Halves of a head turn against each other: y1 = cos·x1 − sin·x2, y2 = sin·x1 + cos·x2. */
const rotary: LowerNode = (lowering, { inputs, outputs, attributes }) => {
  const [x, cos, sin] = inputs;
  const { shape } = lowering.values[x];
  const [length, width] = shape.slice(-2);
  const half = width / 2;
  const isWhole = lowering.values[cos].shape.join() === [length, half].join();
  if (attributes['interleaved'] !== 0 || !isWhole || shape.length !== 4)
    throw new NoKernel('RotaryEmbedding of this form');
  const run = half % 4 === 0 ? 4 : 1;
  const table: Access = {
    kind: 'at',
    run,
    index: (at) => `(((${at} / ${width}u) % ${length}u) * ${half}u + ${at} % ${half}u)`,
  };
  const partner: Access = {
    kind: 'at',
    run,
    index: (at) => `select(${at} - ${half}u, ${at} + ${half}u, ${at} % ${width}u < ${half}u)`,
  };
  lowering.map(
    [
      x,
      { value: x, access: partner },
      { value: lowering.stored(cos), access: table },
      { value: lowering.stored(sin), access: table },
    ],
    ([own, other, c, s], { U }, lin) =>
      `(${own} * ${c} + select(${other} * ${s}, -(${other} * ${s}), (${lin} % ${U}(${width})) < ${U}(${half})))`,
    { out: outputs[0] },
  );
};

export const LOWER_MOVES: Readonly<Partial<Record<OpName, LowerNode>>> = {
  Transpose: transpose,
  Expand: expand,
  Slice: slice,
  Split: split,
  Concat: concat,
  Gather: gather,
  GatherElements: gatherElements,
  ScatterElements: scatterElements,
  ScatterND: scatterND,
  OneHot: oneHot,
  RotaryEmbedding: rotary,
};
