/** ONNX model bytes → Graph. Files of ours come back as they were; foreign files come in as far as their ops are ours
 *  (or compositions of ours), their dims are known or given, and their index arithmetic is constant. */
import { fromBinary } from '@bufbuild/protobuf';
import type { Shape, Tensor } from '../../tensor/index.ts';
import { createGraphBuilder, type GraphBuilder } from '../build/graph-builder.ts';
import { graphError } from '../graph-errors.ts';
import type { ValueType } from '../ops/rule-context.ts';
import type { Graph, GraphValue, NodeNotes } from '../types.ts';
import { knownFromTensor, tensorFromKnown, type KnownNumbers } from './fold-shapes.ts';
import { MODEL_SCHEMA } from './onnx-schema.ts';
import {
  CONSTANT_INPUT_PREFIX,
  dtypeFromOnnxCode,
  externalPlaceOf,
  tensorFromOnnx,
  type ExternalDataPlace,
} from './onnx-tensors.ts';
import type { OnnxEntry, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from './onnx-types.ts';
import { readNode, type ReadScope } from './read-node.ts';
import type { StateRecord } from './write-onnx.ts';

export interface ReadOnnxOptions {
  /** Sizes of named dynamic dims, e.g. `{ batch_size: 8 }`. */
  readonly sizes?: Readonly<Record<string, number>>;
  /** Whole shapes of inputs; they win over the file's. */
  readonly inputShapes?: Readonly<Record<string, Shape>>;
  /** Bytes of external data. */
  readonly external?: (place: ExternalDataPlace) => Uint8Array;
  /** `parameters`: float initializers become states, to train on. Default `constants`. States of our own files stay states. */
  readonly weights?: 'constants' | 'parameters';
}

export interface OnnxImport {
  readonly graph: Graph;
  /** Values of states that the file holds, by state name. */
  readonly stateValues: Readonly<Record<string, Tensor>>;
}

/** @throws TF-GRAPH-010 damaged file, TF-GRAPH-011 unknown dims, TF-GRAPH-012 unsupported content (with node and op),
 *  and whatever a node's type rule says. Cost: O(bytes). */
export function readOnnx(bytes: Uint8Array, options: ReadOnnxOptions = {}): OnnxImport {
  const model = decodeModel(bytes);
  const file = model.graph!;
  const opset = Number(
    model.opsetImport?.find((each) => (each.domain ?? '') === '' || each.domain === 'ai.onnx')?.version ?? 1n,
  );
  if (model.functions !== undefined && model.functions.length > 0) {
    throw graphError('TF-GRAPH-012', {
      subject: 'readOnnx',
      expected: 'a model without local functions',
      actual: model.functions.map((each) => `"${each.name}"`).join(', '),
      hints: ['Inline the functions when exporting.'],
    });
  }
  const builder = createGraphBuilder(file.name || 'model');
  const records = stateRecords(model.metadataProps);
  const isOurs = model.producerName === 'tenfold';
  const scope = createScope({ builder, opset, isOurs, file, options, records });
  readInputs(file, builder, scope, options, records);
  for (const node of file.node ?? []) readNode(node, scope, notesOf(node, isOurs));
  readOutputs(file, model.metadataProps, builder, scope, records);
  return { graph: builder.finish(), stateValues: scope.stateValues };
}

function decodeModel(bytes: Uint8Array): OnnxModel {
  let model: OnnxModel | undefined;
  let cause: unknown;
  try {
    model = fromBinary(MODEL_SCHEMA, bytes) as unknown as OnnxModel;
  } catch (error) {
    cause = error;
  }
  if (model?.graph !== undefined && (model.opsetImport?.length ?? 0) > 0) return model;
  throw graphError('TF-GRAPH-010', {
    subject: 'readOnnx',
    expected: 'an ONNX model',
    actual: `${bytes.length} bytes that ${cause === undefined ? 'hold no graph' : 'cannot be decoded'}`,
    hints: ['The file looks truncated or is no .onnx file; copy or export it again.'],
    ...(cause === undefined ? {} : { cause }),
  });
}

interface Scope extends ReadScope {
  readonly stateValues: Record<string, Tensor>;
  has(name: string): boolean;
}

interface ScopeInput {
  readonly builder: GraphBuilder;
  readonly opset: number;
  readonly isOurs: boolean;
  readonly file: OnnxGraph;
  readonly options: ReadOnnxOptions;
  readonly records: readonly StateRecord[];
}

function createScope({ builder, opset, isOurs, file, options, records }: ScopeInput): Scope {
  const { external, weights = 'constants' } = options;
  const values = new Map<string, GraphValue>();
  const knowns = new Map<string, KnownNumbers | undefined>();
  const tensors = new Map<string, Tensor>();
  const pending = new Map<string, OnnxTensor>((file.initializer ?? []).map((tensor) => [tensor.name ?? '', tensor]));
  // No prototype: state names come from files.
  const stateValues = Object.create(null) as Record<string, Tensor>;
  const recordOf = new Map(records.map((record) => [record.name, record]));

  function constant(name: string): Tensor | undefined {
    const stored = pending.get(name);
    if (stored !== undefined) {
      pending.delete(name);
      const place = externalPlaceOf(stored);
      tensors.set(name, tensorFromOnnx(stored, place === undefined ? undefined : externalBytes(place, name, external)));
    }
    const tensor = tensors.get(name);
    if (tensor !== undefined) return tensor;
    const numbers = knowns.get(name);
    return numbers === undefined ? undefined : tensorFromKnown(numbers);
  }

  function valueOfConstant(name: string, tensor: Tensor): GraphValue {
    const record = recordOf.get(name);
    const isWeight = weights === 'parameters' && tensor.shape.length > 0 && tensor.dtype.includes('float');
    if (record === undefined && !isWeight) return builder.constant(tensor, name);
    stateValues[name] = tensor;
    return builder.state(name, record?.kind ?? 'parameter', tensor.dtype, tensor.shape);
  }

  return {
    builder,
    opset,
    isOurs,
    stateValues,
    has: (name) => values.has(name) || pending.has(name) || tensors.has(name) || knowns.has(name),
    value(name, place) {
      const found = values.get(name);
      if (found !== undefined) return found;
      const tensor = constant(name);
      if (tensor === undefined) {
        throw graphError('TF-GRAPH-007', {
          subject: 'readOnnx',
          expected: `"${name}" must be defined before use`,
          location: place,
          hints: ['The file is damaged or its nodes are not sorted; export it again.'],
        });
      }
      const made = valueOfConstant(name, tensor);
      values.set(name, made);
      return made;
    },
    known(name) {
      if (!knowns.has(name) && !values.has(name)) {
        const tensor = constant(name);
        if (tensor !== undefined) knowns.set(name, knownFromTensor(tensor));
      }
      return knowns.get(name);
    },
    constant,
    define: (name, value) => values.set(name, value),
    defineKnown: (name, numbers) => knowns.set(name, numbers),
    defineConstant: (name, tensor) => tensors.set(name, tensor),
  };
}

function externalBytes(place: ExternalDataPlace, name: string, external: ReadOnnxOptions['external']): Uint8Array {
  if (external !== undefined) return external(place);
  throw graphError('TF-GRAPH-010', {
    subject: 'readOnnx',
    expected: `the external data "${place.location}"`,
    actual: 'only the model file',
    location: `tensor "${name}"`,
    hints: ['Read it with readOnnxFile, which opens the data file beside it.'],
  });
}

function readInputs(
  file: OnnxGraph,
  builder: GraphBuilder,
  scope: Scope,
  options: ReadOnnxOptions,
  records: readonly StateRecord[],
): void {
  const infos = new Map((file.input ?? []).map((info) => [info.name ?? '', info]));
  const stateNames = new Set(records.map((record) => record.name));
  const missing: string[] = [];
  const typeOf = (name: string, info: OnnxValueInfo): ValueType => ({
    dtype: dtypeFromOnnxCode(info.type?.tensorType?.elemType, `input "${name}"`),
    shape: given(options.inputShapes, name) ?? shapeOf(info, options.sizes ?? {}, missing),
  });
  for (const [name, info] of infos) {
    // Files of IR version < 4 list initializers among the inputs.
    if (scope.has(name) || stateNames.has(name)) continue;
    const { dtype, shape } = typeOf(name, info);
    if (missing.length === 0) scope.define(name, builder.input(name, dtype, shape));
  }
  // States in their old order, whether their values are in the file or not.
  for (const { name, kind } of records) {
    const info = infos.get(name);
    if (scope.has(name)) scope.value(name, `state "${name}"`);
    else if (info !== undefined) {
      const { dtype, shape } = typeOf(name, info);
      if (missing.length === 0) scope.define(name, builder.state(name, kind, dtype, shape));
    }
  }
  if (scope.isOurs && missing.length === 0) {
    for (const { name = '' } of file.initializer ?? [])
      if (!name.startsWith(CONSTANT_INPUT_PREFIX)) scope.value(name, `constant "${name}"`);
  }
  if (missing.length === 0) return;
  throw graphError('TF-GRAPH-011', {
    subject: 'readOnnx',
    expected: 'every input dim must be known',
    actual: missing.join(', '),
    hints: ['Give named dims with `sizes`, others with `inputShapes`.'],
  });
}

/** Names come from files: `constructor` must not find what every object has. */
function given<T>(table: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return table !== undefined && Object.hasOwn(table, name) ? table[name] : undefined;
}

function shapeOf(info: OnnxValueInfo, sizes: Readonly<Record<string, number>>, missing: string[]): number[] {
  const dims = info.type?.tensorType?.shape?.dim;
  if (dims === undefined) {
    missing.push(`the rank of "${info.name}"`);
    return [];
  }
  return dims.map(({ value }, axis) => {
    if (value?.case === 'dimValue' && value.value > 0n) return Number(value.value);
    const size = value?.case === 'dimParam' ? given(sizes, value.value) : undefined;
    if (size === undefined)
      missing.push(
        value?.case === 'dimParam' ? `"${value.value}" of "${info.name}"` : `axis ${axis} of "${info.name}"`,
      );
    return size ?? 0;
  });
}

function readOutputs(
  file: OnnxGraph,
  metadata: readonly OnnxEntry[] | undefined,
  builder: GraphBuilder,
  scope: Scope,
  records: readonly StateRecord[],
): void {
  const own = metadata?.find((entry) => entry.key === 'tenfold.outputs')?.value;
  const names =
    own === undefined ? (file.output ?? []).map((info) => info.name ?? '') : (parseMetadata(own) as string[]);
  const place = `outputs of graph "${file.name ?? ''}"`;
  for (const name of names) scope.define(name, builder.output(scope.value(name, place), name));
  for (const { name, next } of records) if (next !== undefined) builder.setNextState(name, scope.value(next, place));
}

function stateRecords(metadata: readonly OnnxEntry[] | undefined): readonly StateRecord[] {
  const text = metadata?.find((entry) => entry.key === 'tenfold.states')?.value;
  return text === undefined ? [] : (parseMetadata(text) as readonly StateRecord[]);
}

function parseMetadata(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw graphError('TF-GRAPH-010', {
      subject: 'readOnnx',
      expected: 'metadata in JSON',
      actual: text.slice(0, 60),
      cause,
    });
  }
}

/** Notes from metadata; for other exporters the module is the one that PyTorch names in its own metadata, else the path in
 *  the node's name (`/layers.0/attn/MatMul`). */
function notesOf(node: OnnxNode, isOurs: boolean): NodeNotes {
  const entry = (key: string) => node.metadataProps?.find((each) => each.key === `tenfold.${key}`)?.value;
  const path = isOurs ? [] : (node.name ?? '').split('/').filter((part) => part !== '');
  const group = entry('group');
  const algorithm = entry('algorithm');
  return {
    module: entry('module') ?? (isOurs ? undefined : torchModuleOf(node)) ?? path.slice(0, -1).join('.'),
    phase: (entry('phase') ?? 'forward') as NodeNotes['phase'],
    role: (entry('role') ?? 'none') as NodeNotes['role'],
    ...(group === undefined ? {} : { group }),
    ...(algorithm === undefined ? {} : { algorithm }),
  };
}

/** Innermost module of PyTorch's exporter: `['', 'layers.0', 'layers.0.attn', 'matmul_1']` → `layers.0.attn`. The list is
 *  Python text; module names hold no quotes. */
function torchModuleOf(node: OnnxNode): string | undefined {
  const text = node.metadataProps?.find(({ key }) => key === 'pkg.torch.onnx.name_scopes')?.value;
  return text === undefined ? undefined : [...text.matchAll(/'([^']*)'/g)].map(([, scope]) => scope!).at(-2);
}

/** One line a model input, for asking users: `x float32 [batch, 3, 224, 224]`. Reads nothing but the head. */
export function describeOnnxInputs(bytes: Uint8Array): readonly string[] {
  const file = decodeModel(bytes).graph!;
  const constants = new Set((file.initializer ?? []).map((tensor) => tensor.name));
  return (file.input ?? [])
    .filter((info) => !constants.has(info.name))
    .map((info) => {
      const dims = info.type?.tensorType?.shape?.dim?.map(({ value }) => String(value?.value ?? '?')) ?? [];
      const dtype = dtypeFromOnnxCode(info.type?.tensorType?.elemType, `input "${info.name}"`);
      return `${info.name} ${dtype} [${dims.join(', ')}]`;
    });
}
