/** One ONNX node → nodes of ours, known index arithmetic, or an error that names the place. */
import { numbersFromTensor, type Dtype, type Tensor } from '../../tensor/index.ts';
import type { GraphBuilder } from '../build/graph-builder.ts';
import { scalarTensor } from '../build/scalar-tensor.ts';
import { graphError } from '../graph-errors.ts';
import type { OpName } from '../ops/op-names.ts';
import type { AttributeSpec } from '../ops/attribute-specs.ts';
import { isOpName, OP_SCHEMAS } from '../ops/op-schemas.ts';
import { shortestFloat32 } from '../shortest-float.ts';
import type { Attributes, GraphValue, NodeNotes } from '../types.ts';
import { adaptAttributes, type RawAttributes } from './adapt-attributes.ts';
import { FOLDS, type KnownNumbers } from './fold-shapes.ts';
import { FOREIGN_OPS } from './foreign-ops.ts';
import { ONNX_FORMS, type ConstantInput, type OnnxForm } from './onnx-forms.ts';
import { dtypeFromOnnxCode, OUTPUT_SUFFIX, tensorFromOnnx } from './onnx-tensors.ts';
import { ATTRIBUTE_TYPES, type OnnxAttribute, type OnnxNode } from './onnx-types.ts';

/** What the reader knows about names. */
export interface ReadScope {
  readonly builder: GraphBuilder;
  /** Opset of the default domain. */
  readonly opset: number;
  /** Written by us: nothing is folded, so that the graph comes back as it was. */
  readonly isOurs: boolean;
  /** The value; constants become values on first use. */
  value(name: string, place: string): GraphValue;
  /** The numbers, if the name stands for a small constant. */
  known(name: string): KnownNumbers | undefined;
  /** The constant, whatever its size. */
  constant(name: string): Tensor | undefined;
  define(name: string, value: GraphValue): void;
  defineKnown(name: string, numbers: KnownNumbers): void;
  defineConstant(name: string, tensor: Tensor): void;
}

const OUR_DOMAINS: readonly string[] = ['', 'ai.onnx', 'com.microsoft', 'tenfold.dist'];
const textDecoder = new TextDecoder();

/** @throws TF-GRAPH-012 on ops, domains, attributes and dynamic shapes that we do not have */
export function readNode(node: OnnxNode, scope: ReadScope, notes: NodeNotes): void {
  const opType = node.opType ?? '';
  const place = `node "${node.name || node.output?.[0] || opType}", op ${opType}`;
  const fail = (expected: string, actual?: string, hints: readonly string[] = []): never => {
    throw graphError('TF-GRAPH-012', {
      subject: 'readOnnx',
      expected,
      ...(actual === undefined ? {} : { actual }),
      location: place,
      hints,
    });
  };
  if (!OUR_DOMAINS.includes(node.domain ?? '')) fail('an op of a known domain', `"${node.domain}"`);
  const attributes = Object.fromEntries(
    (node.attribute ?? []).map((each) => [each.name ?? '', attributeValue(each, fail)]),
  );
  const names = node.input ?? [];
  const outputs = trimmed(node.output ?? []);
  if (scope.isOurs && outputs[0]?.endsWith(OUTPUT_SUFFIX))
    return scope.define(outputs[0], scope.value(names[0] ?? '', place));
  if (readConstantNode({ node, opType, attributes, notes, place }, outputs[0]!, scope)) return;

  const known = names.map((name) => (name === '' ? undefined : scope.known(name)));
  const fold = scope.isOurs ? undefined : own(FOLDS, opType);
  if (fold !== undefined && outputs.length === 1 && names.every((name, i) => name === '' || known[i] !== undefined)) {
    const folded = fold(known, foldAttributes(opType, attributes, known));
    if (folded !== undefined) return scope.defineKnown(outputs[0]!, folded);
  }
  const results = scope.builder.withNotes(notes, () => {
    const expansion = own(FOREIGN_OPS, opType);
    const isOurs = opType === 'Min' || opType === 'Max' ? names.length === 2 : expansion === undefined;
    if (!isOurs) {
      const inputs = names.map((name) => (name === '' ? undefined : scope.value(name, place)));
      if (inputs[0] === undefined) fail(`${opType} with inputs`, 'none');
      return expansion!(scope.builder, inputs, attributes);
    }
    return buildOwn(node, opType, attributes, outputs.length, scope, place, fail);
  });
  // Outputs beyond those of ours (the mask of Dropout) are missed only if something reads them.
  for (const [i, name] of outputs.entries())
    if (name !== '' && results[i] !== undefined) scope.define(name, results[i]);
}

function buildOwn(
  node: OnnxNode,
  opType: string,
  attributes: RawAttributes,
  numOutputs: number,
  scope: ReadScope,
  place: string,
  fail: (expected: string, actual?: string, hints?: readonly string[]) => never,
): readonly GraphValue[] {
  const renamed =
    node.metadataProps?.find((entry) => entry.key === 'tenfold.op')?.value ?? own(OLD_NAMES, opType) ?? opType;
  if (!isOpName(renamed))
    fail('an op that Tenfold has', `"${opType}"`, [
      `Export the model without ${opType}, with simpler ops in its place.`,
    ]);
  const op = renamed as OpName;
  const form = ONNX_FORMS[op];
  const names = node.input ?? [];
  const skipped = new Set([...(form.constants ?? []), ...(form.extra ?? [])].map((each) => each.index));
  for (const { index, numbers } of form.extra ?? []) {
    const given = names[index] === undefined ? undefined : scope.known(names[index]);
    if (given?.numbers.join() !== numbers.join()) fail(`input ${index} of ${opType} to be ${numbers.join(', ')}`);
  }
  const raw: RawAttributes = { ...attributes, ...constantAttributes(form, names, scope, fail) };
  if (op === 'Resize') skipped.add(1); // roi, which only tf_crop_and_resize reads
  if (op === 'Pad' && names[3]) {
    raw['axes'] = scope.known(names[3])?.numbers;
    skipped.add(3);
  }
  if (op === 'OneHot') raw['dtype'] = scope.constant(names[2] ?? '')?.dtype;
  if (op === 'Range') raw['dtype'] = scope.constant(names[0] ?? '')?.dtype;
  const inputs = names
    .map((name, index) => (name === '' || skipped.has(index) ? undefined : scope.value(name, place)))
    .filter((_, index) => !skipped.has(index));
  if (raw['noop_with_empty_axes'] === 1 && raw['axes'] === undefined) return [inputs[0]!];
  delete raw['noop_with_empty_axes'];
  const adapted = adaptAttributes(op, raw, { inputs, numOutputs, opset: scope.opset, fail });
  decodeDtypes(op, adapted, place);
  const options = {
    numOutputs: Math.min(numOutputs, maxOutputs(op, numOutputs)),
    ...(node.name ? { name: node.name } : {}),
  };
  if (op === 'GroupNormalization' && scope.opset < 21) return groupNormOfGroups(scope.builder, inputs, adapted);
  if ((op === 'Softmax' || op === 'LogSoftmax') && scope.opset < 13)
    return softmaxOfMatrix(scope.builder, op, inputs[0]!, adapted);
  return scope.builder.node(op, inputs, adapted as Attributes, options);
}

const OLD_NAMES: Readonly<Record<string, OpName>> = { Scatter: 'ScatterElements', Upsample: 'Resize' };

/** BatchNormalization of opset < 14 may list outputs that only training used. */
function maxOutputs(op: OpName, numOutputs: number): number {
  return op === 'Split' ? numOutputs : OP_SCHEMAS[op].outputs.length;
}

/** Before opset 21, scale and bias had one entry a group. */
function groupNormOfGroups(g: GraphBuilder, inputs: readonly (GraphValue | undefined)[], attributes: RawAttributes) {
  const [x, scale, bias] = inputs as readonly [GraphValue, GraphValue, GraphValue];
  const numGroups = attributes['num_groups'] as number;
  const perGroup = x.shape[1]! / numGroups;
  const spread = (vector: GraphValue) =>
    vector.shape[0] === x.shape[1]
      ? vector
      : g.reshape(g.expand(g.unsqueeze(vector, [1]), [numGroups, perGroup]), [-1]);
  return [g.groupNorm(x, spread(scale), spread(bias), attributes as { num_groups: number })];
}

/** Before opset 13, softmax ran over all axes from `axis` (default 1) on. */
function softmaxOfMatrix(g: GraphBuilder, op: 'Softmax' | 'LogSoftmax', x: GraphValue, attributes: RawAttributes) {
  const axis = (attributes['axis'] as number | undefined) ?? 1;
  return [g.reshape(g.op(op, [g.flatten(x, axis)], { axis: 1 }), x.shape)];
}

function constantAttributes(
  form: OnnxForm,
  names: readonly string[],
  scope: ReadScope,
  fail: (expected: string, actual?: string, hints?: readonly string[]) => never,
): RawAttributes {
  const found: RawAttributes = {};
  for (const constant of form.constants ?? []) {
    const name = names[constant.index];
    if (name === undefined || name === '') continue;
    const numbers = constantNumbers(name, scope);
    if (numbers === undefined) {
      fail(`input "${constant.attribute}" to be a constant`, `"${name}", which is computed`, [
        'Export the model with static shapes.',
      ]);
    } else if (!(numbers.length === 0 && constant.attribute !== 'axes')) {
      found[constant.attribute] = isSingle(constant) ? numbers[0] : numbers;
    }
  }
  return found;
}

function constantNumbers(name: string, scope: ReadScope): readonly number[] | undefined {
  const tensor = scope.constant(name);
  if (tensor === undefined) return undefined;
  const numbers = Array.from(numbersFromTensor(tensor));
  return tensor.dtype === 'float32' ? numbers.map(shortestFloat32) : numbers;
}

function isSingle({ isScalar, isVector }: ConstantInput): boolean {
  return isScalar === true || isVector === true;
}

/** Dtype attributes are numbers in ONNX. */
function decodeDtypes(op: OpName, attributes: RawAttributes, place: string): void {
  const schema: Readonly<Record<string, AttributeSpec>> = OP_SCHEMAS[op].attributes;
  for (const [name, spec] of Object.entries(schema)) {
    if (spec.kind === 'dtype' && typeof attributes[name] === 'number')
      attributes[name] = dtypeFromOnnxCode(attributes[name], place);
  }
}

interface ConstantNode {
  readonly node: OnnxNode;
  readonly opType: string;
  readonly attributes: RawAttributes;
  readonly notes: NodeNotes;
  readonly place: string;
}

/** Constant, Shape, Size and filled tensors: known without a node. */
function readConstantNode(
  { node, opType, attributes, notes, place }: ConstantNode,
  output: string,
  scope: ReadScope,
): boolean {
  const names = node.input ?? [];
  if (opType === 'Constant') {
    scope.defineConstant(output, constantTensor(attributes));
    return true;
  }
  if (opType === 'Shape' || opType === 'Size') {
    const { shape } = scope.value(names[0]!, place);
    const sizes = shape.slice(
      (attributes['start'] as number | undefined) ?? 0,
      attributes['end'] as number | undefined,
    );
    const numbers = opType === 'Shape' ? sizes : [shape.reduce((product, size) => product * size, 1)];
    scope.defineKnown(output, { dtype: 'int64', shape: opType === 'Shape' ? [numbers.length] : [], numbers });
    return true;
  }
  if (opType !== 'ConstantOfShape') return false;
  const shape = scope.known(names[0]!)?.numbers;
  if (shape === undefined) return false;
  const filling = (attributes['value'] as Tensor | undefined) ?? scalarTensor('float32', 0);
  const value = numbersFromTensor(filling)[0]!;
  const options = { notes, ...(node.name ? { name: node.name } : {}) };
  const made = scope.builder.op('ConstantOfShape', [], { shape, value, dtype: filling.dtype }, options);
  scope.define(output, made);
  // Small ones may be part of index arithmetic as well.
  const count = shape.reduce((product, size) => product * size, 1);
  if (filling.dtype === 'int64' && count <= 64)
    scope.defineKnown(output, { dtype: filling.dtype, shape, numbers: new Array<number>(count).fill(value) });
  return true;
}

function constantTensor(attributes: RawAttributes): Tensor {
  if (attributes['value'] !== undefined) return attributes['value'] as Tensor;
  const [name, value] = Object.entries(attributes).find(([key]) => key.startsWith('value_')) ?? ['value_float', 0];
  const numbers = (Array.isArray(value) ? value : [value]) as readonly number[];
  const data = name.includes('int') ? BigInt64Array.from(numbers.map(BigInt)) : Float32Array.from(numbers);
  return {
    dtype: name.includes('int') ? 'int64' : 'float32',
    shape: Array.isArray(value) ? [numbers.length] : [],
    data,
  } as Tensor;
}

function foldAttributes(
  opType: string,
  attributes: RawAttributes,
  known: readonly (KnownNumbers | undefined)[],
): RawAttributes {
  if (opType === 'Cast') return { to: dtypeFromOnnxCode(attributes['to'] as number, 'Cast') satisfies Dtype };
  if (opType === 'Unsqueeze') return { axes: attributes['axes'] ?? known[1]?.numbers };
  return attributes;
}

function attributeValue(attribute: OnnxAttribute, fail: (expected: string, actual?: string) => never): unknown {
  switch (attribute.type) {
    case ATTRIBUTE_TYPES.FLOAT:
      return shortestFloat32(attribute.f ?? 0);
    case ATTRIBUTE_TYPES.INT:
      return Number(attribute.i ?? 0n);
    case ATTRIBUTE_TYPES.STRING:
      return textDecoder.decode(attribute.s ?? new Uint8Array(0));
    case ATTRIBUTE_TYPES.TENSOR:
      return tensorFromOnnx(attribute.t ?? {});
    case ATTRIBUTE_TYPES.FLOATS:
      return (attribute.floats ?? []).map(shortestFloat32);
    case ATTRIBUTE_TYPES.INTS:
      return (attribute.ints ?? []).map(Number);
    case ATTRIBUTE_TYPES.STRINGS:
      return (attribute.strings ?? []).map((bytes) => textDecoder.decode(bytes));
    default:
      return fail(
        'attributes that are numbers, texts or tensors',
        `attribute "${attribute.name}" of kind ${attribute.type}`,
      );
  }
}

/** Op names come from files: `constructor` must not find what every object has. */
function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

function trimmed(outputs: readonly string[]): readonly string[] {
  let length = outputs.length;
  while (length > 0 && outputs[length - 1] === '') length--;
  return outputs.slice(0, length);
}
