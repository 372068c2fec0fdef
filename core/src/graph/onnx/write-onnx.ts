/** Graph → ONNX model bytes. States are inputs (present value) and outputs (next value), unless their values are given:
 *  then they become initializers. Notes and states travel in metadata_props, so that readOnnx gives the graph back. */
import { create, toBinary } from '@bufbuild/protobuf';
import { numel, type Dtype, type Shape, type Tensor } from '../../tensor/index.ts';
import { filledTensor, tensorFromNumbers } from '../build/scalar-tensor.ts';
import type { AttributeSpec } from '../ops/attribute-specs.ts';
import { OP_SCHEMAS } from '../ops/op-schemas.ts';
import type { Attributes, AttributeValue, Graph, GraphNode, GraphValue, ValueId } from '../types.ts';
import { ONNX_FORMS, ONNX_IR_VERSION, ONNX_OPSET, type ConstantInput } from './onnx-forms.ts';
import { MODEL_SCHEMA } from './onnx-schema.ts';
import { bytesFromTensor, CONSTANT_INPUT_PREFIX, onnxCodeFromDtype, OUTPUT_SUFFIX } from './onnx-tensors.ts';
import {
  ATTRIBUTE_TYPES,
  type OnnxAttribute,
  type OnnxEntry,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
} from './onnx-types.ts';

/** Protobuf cannot hold 2 GiB; files stay well below it. */
const DEFAULT_EXTERNAL_THRESHOLD_BYTES = 1 << 30;
/** ONNX asks for page-aligned external tensors so that they can be mapped. */
const EXTERNAL_ALIGNMENT_BYTES = 4096;
/** Smaller tensors stay inside the file even then. */
const SMALL_TENSOR_BYTES = 1024;

export interface WriteOnnxOptions {
  /** Values of states to store as initializers, by state name; their `next` is dropped. Others become inputs. */
  readonly stateValues?: Readonly<Record<string, Tensor>>;
  /** Module, phase, role and state kinds as metadata; default true. */
  readonly notes?: boolean;
  /** Types of inner values, for viewers; default true. */
  readonly valueInfo?: boolean;
  /** Name of the free first axis of inputs and outputs, for graphs built with a batch of one in which nothing else depends on
   *  its size; inner types are then left out. Default: all axes are fixed. */
  readonly batchName?: string;
  /** Total bytes of initializers above which large ones go to a data file; default 1 GiB. */
  readonly externalThresholdBytes?: number;
  /** Name of that data file, relative to the model; default `<graph name>.onnx.data`. */
  readonly externalLocation?: string;
}

export interface ExternalData {
  readonly location: string;
  readonly byteLength: number;
  /** In order of offset. */
  readonly parts: readonly { readonly offset: number; readonly tensor: Tensor }[];
}

export interface OnnxFile {
  readonly model: Uint8Array<ArrayBuffer>;
  readonly external?: ExternalData;
}

/** What metadata_props hold under `tenfold.states`. */
export interface StateRecord {
  readonly name: string;
  readonly kind: 'parameter' | 'optimizer' | 'buffer';
  readonly next?: string;
}

/** Name under which a value leaves the model. It is the value's own, except that inputs, states and constants cannot be
 *  outputs of an ONNX graph: these leave through an Identity. */
export function createOnnxOutputNames(graph: Graph): (id: ValueId) => string {
  const produced = new Set<ValueId>();
  for (const node of graph.nodes) for (const id of node.outputs) produced.add(id);
  return (id) => (produced.has(id) ? graph.values[id]!.name : `${graph.values[id]!.name}${OUTPUT_SUFFIX}`);
}

/** @returns the model file and, above the threshold, the data file's content
 *  Cost: O(bytes); initializers are copied once into the file. */
export function writeOnnx(graph: Graph, options: WriteOnnxOptions = {}): OnnxFile {
  const { stateValues = {}, notes = true, batchName, valueInfo = batchName === undefined } = options;
  const outputName = createOnnxOutputNames(graph);
  const baked = new Set(graph.states.filter((state) => Object.hasOwn(stateValues, state.name)));
  const freeStates = graph.states.filter((state) => !baked.has(state));
  const constants = createConstantPool();
  const nodes = graph.nodes.map((node) => nodeToOnnx(graph, node, constants, notes));

  const outputIds = new Set<ValueId>(graph.outputs);
  for (const state of freeStates) if (state.next !== undefined) outputIds.add(state.next);
  for (const id of outputIds) {
    const value = graph.values[id]!;
    if (outputName(id) !== value.name)
      nodes.push({ opType: 'Identity', name: outputName(id), input: [value.name], output: [outputName(id)] });
  }
  const tensors: [string, Tensor][] = [...graph.initializers].map(([id, tensor]) => [graph.values[id]!.name, tensor]);
  for (const state of baked) tensors.push([graph.values[state.value]!.name, stateValues[state.name]!]);
  for (const [name, tensor] of constants.tensors) tensors.push([name, tensor]);
  const placed = placeTensors(graph.name, tensors, options);

  const onnxGraph: OnnxGraph = {
    name: graph.name,
    node: nodes,
    initializer: placed.initializers,
    input: [
      ...graph.inputs.map((id) => valueInfoOf(graph.values[id]!, batchName)),
      ...freeStates.map((state) => valueInfoOf(graph.values[state.value]!)),
    ],
    output: [...outputIds].map((id) => ({ ...valueInfoOf(graph.values[id]!, batchName), name: outputName(id) })),
    valueInfo: valueInfo ? innerValues(graph, outputIds) : [],
  };
  const records: StateRecord[] = graph.states.map(({ name, kind, next }) => ({
    name,
    kind,
    ...(next === undefined || Object.hasOwn(stateValues, name) ? {} : { next: graph.values[next]!.name }),
  }));
  const metadata = [
    { key: 'tenfold.states', value: JSON.stringify(records) },
    { key: 'tenfold.outputs', value: JSON.stringify(graph.outputs.map((id) => graph.values[id]!.name)) },
  ];
  const message = create(MODEL_SCHEMA, {
    irVersion: BigInt(ONNX_IR_VERSION),
    producerName: 'tenfold',
    graph: onnxGraph,
    opsetImport: usedDomains(graph).map(([domain, version]) => ({ domain, version: BigInt(version) })),
    metadataProps: notes ? metadata : [],
  } as never);
  const model = toBinary(MODEL_SCHEMA, message);
  return placed.external === undefined ? { model } : { model, external: placed.external };
}

function usedDomains(graph: Graph): [string, number][] {
  const domains = new Set(graph.nodes.map((node) => ONNX_FORMS[node.op].domain));
  domains.delete('');
  return [['', ONNX_OPSET], ...[...domains].map((domain): [string, number] => [domain, 1])];
}

function innerValues(graph: Graph, outputIds: ReadonlySet<ValueId>): OnnxValueInfo[] {
  const inner: OnnxValueInfo[] = [];
  for (const node of graph.nodes) {
    for (const id of node.outputs) if (!outputIds.has(id)) inner.push(valueInfoOf(graph.values[id]!));
  }
  return inner;
}

function valueInfoOf(value: GraphValue, batchName?: string): OnnxValueInfo {
  const dim = value.shape.map((size, axis) =>
    axis === 0 && batchName !== undefined
      ? { value: { case: 'dimParam', value: batchName } as const }
      : { value: { case: 'dimValue', value: BigInt(size) } as const },
  );
  return { name: value.name, type: { tensorType: { elemType: onnxCodeFromDtype(value.dtype), shape: { dim } } } };
}

function placeTensors(
  graphName: string,
  tensors: readonly (readonly [string, Tensor])[],
  {
    externalThresholdBytes = DEFAULT_EXTERNAL_THRESHOLD_BYTES,
    externalLocation = `${graphName.replaceAll(/[^\w.-]/g, '_')}.onnx.data`,
  }: WriteOnnxOptions,
): { readonly initializers: OnnxTensor[]; readonly external?: ExternalData } {
  const totalBytes = tensors.reduce((sum, [, tensor]) => sum + tensor.data.byteLength, 0);
  const isExternal = totalBytes > externalThresholdBytes;
  const parts: { offset: number; tensor: Tensor }[] = [];
  let end = 0;
  const initializers = tensors.map(([name, tensor]): OnnxTensor => {
    const head = { name, dataType: onnxCodeFromDtype(tensor.dtype), dims: tensor.shape.map(BigInt) };
    const byteLength = tensor.data.byteLength;
    if (!isExternal || byteLength < SMALL_TENSOR_BYTES) return { ...head, rawData: bytesFromTensor(tensor) };
    const offset = Math.ceil(end / EXTERNAL_ALIGNMENT_BYTES) * EXTERNAL_ALIGNMENT_BYTES;
    parts.push({ offset, tensor });
    end = offset + byteLength;
    const entries = { location: externalLocation, offset: `${offset}`, length: `${byteLength}` };
    return {
      ...head,
      dataLocation: 1,
      externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
    };
  });
  return isExternal
    ? { initializers, external: { location: externalLocation, byteLength: end, parts } }
    : { initializers };
}

interface ConstantPool {
  readonly tensors: ReadonlyMap<string, Tensor>;
  nameOf(dtype: Dtype, shape: Shape, numbers: readonly number[]): string;
}

/** Constant inputs made from attributes; equal ones are shared. */
function createConstantPool(): ConstantPool {
  const tensors = new Map<string, Tensor>();
  return {
    tensors,
    nameOf(dtype, shape, numbers) {
      const name = `${CONSTANT_INPUT_PREFIX}${dtype}[${shape.join(',')}]=${numbers.join(',')}`;
      if (!tensors.has(name)) tensors.set(name, tensorFromNumbers(dtype, numbers, shape));
      return name;
    },
  };
}

function nodeToOnnx(graph: Graph, node: GraphNode, constants: ConstantPool, withNotes: boolean): OnnxNode {
  const form = ONNX_FORMS[node.op];
  const input = node.inputs.map((id) => (id < 0 ? '' : graph.values[id]!.name));
  for (const { index, dtype, numbers } of form.extra ?? [])
    input.splice(index, 0, constants.nameOf(dtype, [numbers.length], numbers));
  for (const constant of form.constants ?? []) {
    const value = constantValue(node, constant);
    if (value === undefined) continue;
    while (input.length < constant.index) input.push('');
    input[constant.index] = constantName(graph, node, constant, value, constants);
  }
  return {
    opType: form.opType ?? node.op,
    name: node.name,
    ...(form.domain === '' ? {} : { domain: form.domain }),
    input,
    output: node.outputs.map((id) => graph.values[id]!.name),
    attribute: attributesToOnnx(graph, node),
    metadataProps: withNotes ? notesToEntries(node) : [],
  };
}

function constantValue(node: GraphNode, { attribute }: ConstantInput): AttributeValue | undefined {
  // ONNX's Resize takes scales or sizes, never both.
  if (node.op === 'Resize' && attribute === 'sizes' && node.attributes['scales'] !== undefined) return undefined;
  if (node.op === 'Pad' && attribute === 'value' && node.attributes['mode'] !== 'constant') return undefined;
  return node.attributes[attribute];
}

function constantName(
  graph: Graph,
  node: GraphNode,
  { dtype, isScalar = false, isVector = false }: ConstantInput,
  value: AttributeValue,
  constants: ConstantPool,
): string {
  const numbers = (Array.isArray(value) ? value : [value]) as readonly number[];
  const shape = isScalar && !isVector ? [] : [numbers.length];
  const resolved =
    typeof dtype === 'string'
      ? dtype
      : 'likeInput' in dtype
        ? graph.values[node.inputs[dtype.likeInput]!]!.dtype
        : (node.attributes[dtype.likeAttribute] as Dtype);
  return constants.nameOf(resolved, shape, numbers);
}

function attributesToOnnx(graph: Graph, node: GraphNode): OnnxAttribute[] {
  const form = ONNX_FORMS[node.op];
  const constantNames = new Set((form.constants ?? []).map((constant) => constant.attribute));
  const schema: Readonly<Record<string, AttributeSpec>> = OP_SCHEMAS[node.op].attributes;
  const attributes: OnnxAttribute[] = [];
  for (const [name, spec] of Object.entries(schema)) {
    const value = node.attributes[name];
    if (value === undefined || constantNames.has(name) || form.omitted?.includes(name)) continue;
    if (form.sparse?.includes(name) && isDefault(spec, value)) continue;
    attributes.push({ name: form.renamed?.[name] ?? name, ...attributeToOnnx(spec, value) });
  }
  attributes.push(...impliedAttributes(graph, node));
  return attributes;
}

function isDefault(spec: AttributeSpec, value: AttributeValue): boolean {
  if (spec.presence === 'derived') return (value as readonly number[]).every((size) => size === 1);
  return value === spec.default;
}

/** Attributes that ONNX has and we do not. */
function impliedAttributes(graph: Graph, node: GraphNode): OnnxAttribute[] {
  switch (node.op) {
    case 'Reshape':
      return numel(graph.values[node.outputs[0]!]!.shape) === 0
        ? [{ name: 'allowzero', type: ATTRIBUTE_TYPES.INT, i: 1n }]
        : [];
    case 'ConstantOfShape': {
      const { value, dtype } = node.attributes as Attributes & { value: number; dtype: Dtype };
      const tensor = filledTensor(dtype, [1], value);
      return [
        {
          name: 'value',
          type: ATTRIBUTE_TYPES.TENSOR,
          t: { dims: [1n], dataType: onnxCodeFromDtype(dtype), rawData: bytesFromTensor(tensor) },
        },
      ];
    }
    case 'RotaryEmbedding': // engines need the number of heads where only a part of each head turns
      return node.attributes['rotary_embedding_dim'] === 0
        ? []
        : [
            {
              name: 'num_heads',
              type: ATTRIBUTE_TYPES.INT,
              i: BigInt(graph.values[node.inputs[0]!]!.shape[1]!),
            },
          ];
    default:
      return [];
  }
}

const textEncoder = new TextEncoder();

function attributeToOnnx(spec: AttributeSpec, value: AttributeValue): OnnxAttribute {
  switch (spec.kind) {
    case 'int':
    case 'axis':
      return { type: ATTRIBUTE_TYPES.INT, i: BigInt(value as number) };
    case 'float':
      return { type: ATTRIBUTE_TYPES.FLOAT, f: value as number };
    case 'string':
      return { type: ATTRIBUTE_TYPES.STRING, s: textEncoder.encode(value as string) };
    case 'dtype':
      return { type: ATTRIBUTE_TYPES.INT, i: BigInt(onnxCodeFromDtype(value as Dtype)) };
    case 'ints':
    case 'axes':
      return { type: ATTRIBUTE_TYPES.INTS, ints: (value as readonly number[]).map(BigInt) };
    case 'floats':
      return { type: ATTRIBUTE_TYPES.FLOATS, floats: [...(value as readonly number[])] };
  }
}

function notesToEntries(node: GraphNode): OnnxEntry[] {
  const { module, phase, role, group, algorithm } = node.notes;
  const entries: OnnxEntry[] = [];
  if (module !== '') entries.push({ key: 'tenfold.module', value: module });
  if (phase !== 'forward') entries.push({ key: 'tenfold.phase', value: phase });
  if (role !== 'none') entries.push({ key: 'tenfold.role', value: role });
  if (group !== undefined) entries.push({ key: 'tenfold.group', value: group });
  if (algorithm !== undefined) entries.push({ key: 'tenfold.algorithm', value: algorithm });
  if (ONNX_FORMS[node.op].opType !== undefined) entries.push({ key: 'tenfold.op', value: node.op });
  return entries;
}
