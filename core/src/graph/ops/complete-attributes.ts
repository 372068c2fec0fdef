/** Fills in defaults and what follows from input shapes, counts axes from the front, and rejects unknown names and kinds.
 *  The result is what a built node holds (see op-schemas.ts). */
import { nearestNameHints } from '../../base/index.ts';
import { DTYPES, formatShape, numel, type Shape } from '../../tensor/index.ts';
import type { Attributes, AttributeValue } from '../types.ts';
import type { OpName } from './op-names.ts';
import type { AttributeSpec, OpSchema } from './attribute-specs.ts';
import { OP_SCHEMAS } from './op-schemas.ts';
import { failRule, type RuleInput } from './rule-context.ts';

interface Place {
  readonly op: OpName;
  readonly nodeName: string;
}

/** @param inputs  types of the node's inputs
 *  @returns complete attributes, keys in schema order
 *  @throws TF-GRAPH-004 on a missing, unknown or malformed attribute */
export function completeAttributes(
  place: Place,
  inputs: readonly (RuleInput | undefined)[],
  given: Attributes,
): Attributes {
  const schema: OpSchema = OP_SCHEMAS[place.op];
  for (const name of Object.keys(given)) {
    if (given[name] !== undefined && !Object.hasOwn(schema.attributes, name))
      failRule(place, 'TF-GRAPH-004', `"${name}" is not an attribute of ${place.op}`, undefined, [
        ...nearestNameHints(name, Object.keys(schema.attributes)),
      ]);
  }
  const complete: Record<string, AttributeValue> = {};
  const rank = rankForAxes(place.op, inputs, given);
  for (const [name, spec] of Object.entries(schema.attributes)) {
    const value = given[name] ?? spec.default ?? deriveAttribute(place.op, name, inputs, given);
    if (value === undefined) {
      if (spec.presence === 'required') failRule(place, 'TF-GRAPH-004', `${place.op} needs the attribute "${name}"`);
      continue;
    }
    checkKind(place, name, spec, value);
    complete[name] = normaliseValue(place, name, spec, value, rank);
  }
  return REWRITES[place.op]?.(place, complete, inputs) ?? complete;
}

function rankForAxes(op: OpName, inputs: readonly (RuleInput | undefined)[], given: Attributes): number {
  const rank = inputs[0]?.shape.length ?? 0;
  if (op === 'Unsqueeze') return rank + ((given['axes'] as readonly number[] | undefined)?.length ?? 0);
  return op === 'OneHot' ? rank + 1 : rank;
}

function checkKind(place: Place, name: string, spec: AttributeSpec, value: AttributeValue): void {
  const isList = spec.kind === 'ints' || spec.kind === 'floats' || spec.kind === 'axes';
  const numbers: readonly unknown[] = isList ? (Array.isArray(value) ? value : [undefined]) : [value];
  const isInteger = spec.kind !== 'floats' && spec.kind !== 'float';
  const isText = spec.kind === 'string' || spec.kind === 'dtype';
  const isRight = isText
    ? typeof value === 'string' &&
      (spec.kind === 'dtype' ? Object.hasOwn(DTYPES, value) : (spec.values?.includes(value) ?? true))
    : numbers.every((item) => typeof item === 'number' && (!isInteger || Number.isInteger(item)));
  if (isRight) return;
  const expected = spec.values ? `one of ${spec.values.join(', ')}` : `of kind ${spec.kind}`;
  failRule(place, 'TF-GRAPH-004', `attribute "${name}" must be ${expected}`, JSON.stringify(value));
}

function normaliseValue(
  place: Place,
  name: string,
  spec: AttributeSpec,
  value: AttributeValue,
  rank: number,
): AttributeValue {
  if (spec.kind === 'axis') return axisFromFront(place, name, value as number, rank);
  if (spec.kind !== 'axes') return value;
  const axes = (value as readonly number[]).map((axis) => axisFromFront(place, name, axis, rank));
  if (new Set(axes).size !== axes.length)
    failRule(place, 'TF-GRAPH-004', `attribute "${name}" must name each axis once`, formatShape(axes));
  // A Slice pairs its axes with starts, ends and steps: the order is kept.
  return place.op === 'Slice' ? axes : axes.sort((a, b) => a - b);
}

function axisFromFront(place: Place, name: string, axis: number, rank: number): number {
  const fromFront = axis < 0 ? axis + rank : axis;
  if (fromFront < 0 || fromFront >= Math.max(rank, 1))
    failRule(
      place,
      'TF-GRAPH-004',
      `attribute "${name}" must lie in ${-rank}..${rank - 1} for rank ${rank}`,
      `${axis}`,
    );
  return fromFront;
}

const range = (length: number) => Array.from({ length }, (_, i) => i);

/** Values of `derived` attributes that were not given. */
function deriveAttribute(
  op: OpName,
  name: string,
  inputs: readonly (RuleInput | undefined)[],
  given: Attributes,
): AttributeValue | undefined {
  const shape = inputs[0]?.shape ?? [];
  const numSpatial = Math.max(shape.length - 2, 0);
  switch (name) {
    case 'strides':
    case 'dilations':
      return new Array<number>(numSpatial).fill(1);
    case 'pads':
      return op === 'Pad' ? undefined : new Array<number>(2 * numSpatial).fill(0);
    case 'output_padding':
      return new Array<number>(numSpatial).fill(0);
    case 'perm':
      return range(shape.length).reverse();
    case 'steps':
      return ((given['starts'] as readonly number[] | undefined) ?? []).map(() => 1);
    case 'axes':
      if (op === 'Squeeze') return range(shape.length).filter((axis) => shape[axis] === 1);
      if (op === 'Slice') return range((given['starts'] as readonly number[] | undefined)?.length ?? 0);
      return op === 'Unsqueeze' ? undefined : range(shape.length);
    default:
      return undefined;
  }
}

type Rewrite = (
  place: Place,
  attributes: Readonly<Record<string, AttributeValue>>,
  inputs: readonly (RuleInput | undefined)[],
) => Attributes;

/** Wildcards and clamping that need the input shape. */
const REWRITES: Partial<Record<OpName, Rewrite>> = {
  Reshape(place, attributes, inputs) {
    return { shape: resolveReshape(place, inputs[0]!.shape, attributes['shape'] as readonly number[]) };
  },
  Expand(_place, attributes, inputs) {
    const from = inputs[0]!.shape;
    const to = attributes['shape'] as readonly number[];
    const rank = Math.max(from.length, to.length);
    const sizeAt = (shape: Shape, axis: number) => shape[axis - rank + shape.length] ?? 1;
    const shape = range(rank).map((axis) => (sizeAt(to, axis) === 1 ? sizeAt(from, axis) : sizeAt(to, axis)));
    return { shape };
  },
  Slice(place, attributes, inputs) {
    const shape = inputs[0]!.shape;
    const axes = attributes['axes'] as readonly number[];
    const steps = attributes['steps'] as readonly number[];
    const starts = attributes['starts'] as readonly number[];
    const ends = attributes['ends'] as readonly number[];
    if (starts.length !== ends.length || starts.length !== axes.length || starts.length !== steps.length)
      failRule(place, 'TF-GRAPH-004', 'starts, ends, axes and steps must have the same length');
    if (steps.includes(0)) failRule(place, 'TF-GRAPH-004', 'steps must not be 0');
    return {
      starts: starts.map((start, i) => clampStart(start, shape[axes[i]!]!, steps[i]!)),
      ends: ends.map((end, i) => clampEnd(end, shape[axes[i]!]!, steps[i]!)),
      axes,
      steps,
    };
  },
  Flatten(place, attributes, inputs) {
    const rank = inputs[0]!.shape.length;
    const axis = attributes['axis'] as number;
    const fromFront = axis < 0 ? axis + rank : axis;
    if (fromFront < 0 || fromFront > rank)
      failRule(place, 'TF-GRAPH-004', `attribute "axis" must lie in ${-rank}..${rank}`, `${axis}`);
    return { axis: fromFront };
  },
  Range(_place, attributes) {
    return attributes;
  },
};

function resolveReshape(place: Place, from: Shape, to: readonly number[]): number[] {
  const shape = to.map((size, axis) =>
    size === 0 && from[axis] !== undefined && numel(from) !== 0 ? from[axis] : size,
  );
  const wildcard = shape.indexOf(-1);
  if (wildcard < 0) return shape;
  const known = shape.reduce((product, size, axis) => (axis === wildcard ? product : product * size), 1);
  const missing = numel(from) / known;
  if (!Number.isInteger(missing) || shape.lastIndexOf(-1) !== wildcard)
    failRule(place, 'TF-GRAPH-002', `shape ${formatShape(to)} must hold ${numel(from)} elements with one -1`);
  shape[wildcard] = missing;
  return shape;
}

function clampStart(start: number, size: number, step: number): number {
  const fromFront = start < 0 ? start + size : start;
  return step > 0 ? Math.min(Math.max(fromFront, 0), size) : Math.min(Math.max(fromFront, 0), size - 1);
}

/** For negative steps "past the front" is written −1 − size, which ONNX reads as before element 0. */
function clampEnd(end: number, size: number, step: number): number {
  const fromFront = end < 0 ? end + size : end;
  if (step > 0) return Math.min(Math.max(fromFront, 0), size);
  return fromFront < 0 ? -1 - size : Math.min(fromFront, size - 1);
}
