/** Evaluates nodes one by one on float64, rounding each result to its value's dtype. */
import { inferTypes } from '../../graph/index.ts';
import type { Graph, GraphNode, ValueId } from '../../graph/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import type { KernelCall } from './kernel-call.ts';
import { REFERENCE_KERNELS } from './kernel-table.ts';
import { referenceError } from './reference-errors.ts';
import { isFloatDtype, refValueFromTensor, roundValues, tensorFromRefValue } from './ref-value.ts';
import type { RefValue, ValueType } from './ref-value.ts';

/** `dtype`: floats are rounded to their value's dtype after each op. `float64`: floats are never rounded (gradcheck);
 *  integers and bools are, always. */
export type ReferencePrecision = 'dtype' | 'float64';

/** Runs one node (no collective).
 *  @returns one value per output
 *  @throws TF-REFERENCE-001 on a missing input, TF-REFERENCE-002 on a collective */
export function runNode(
  node: GraphNode,
  inputs: readonly (RefValue | undefined)[],
  outputs: readonly ValueType[],
  precision: ReferencePrecision,
): RefValue[] {
  const kernel = REFERENCE_KERNELS[node.op];
  if (kernel === 'collective') {
    throw referenceError('TF-REFERENCE-002', {
      subject: 'evaluateNode',
      expected: 'an op of one rank',
      actual: node.op,
      location: `node "${node.name}"`,
      hints: ['Run the graphs of all ranks with runReferenceRanks.'],
    });
  }
  const call: KernelCall = { node, inputs, outputs };
  const results = kernel(call);
  return outputs.map((type, i) => finishValue(node, results[i]!, type, inputs, precision));
}

/** Gives a kernel's result its type and rounding. Results that are an input's own array are exact already. */
export function finishValue(
  node: GraphNode,
  data: Float64Array,
  type: ValueType,
  inputs: readonly (RefValue | undefined)[],
  precision: ReferencePrecision,
): RefValue {
  const isShared = inputs.some((value) => value?.data === data);
  const isRounded = !isShared && (precision === 'dtype' || !isFloatDtype(type.dtype));
  if (isRounded) roundValues(data, type.dtype, node.attributes['saturate'] !== 0);
  return { dtype: type.dtype, shape: type.shape, data };
}

/** Evaluates one node on tensors, rounding to the outputs' dtypes: what constant folding takes.
 *  @throws TF-REFERENCE-002 on a collective */
export function evaluateNode(node: GraphNode, inputs: readonly (Tensor | undefined)[]): Tensor[] {
  const outputs = inferTypes({
    op: node.op,
    nodeName: node.name,
    inputs: inputs.map((tensor, i) => tensor && { name: `input ${i}`, dtype: tensor.dtype, shape: tensor.shape }),
    attributes: node.attributes,
    numOutputs: node.outputs.length,
  });
  const values = inputs.map((tensor) => tensor && refValueFromTensor(tensor));
  return runNode(node, values, outputs, 'dtype').map((value) => tensorFromRefValue(value));
}

/** The values of one run, freed as soon as their last user has run. */
export interface Workspace {
  readonly graph: Graph;
  readonly values: (RefValue | undefined)[];
  /** For each value, the index of the last node that reads it; Infinity for graph outputs and states' next values. */
  readonly lastUses: Float64Array;
}

/** Lifetimes of a graph's values; computed once per graph. */
export function lastUsesOf(graph: Graph): Float64Array {
  const lastUses = new Float64Array(graph.values.length).fill(-1);
  graph.nodes.forEach((node, index) => {
    for (const id of node.inputs) if (id >= 0) lastUses[id] = index;
  });
  for (const id of graph.outputs) lastUses[id] = Infinity;
  for (const state of graph.states) if (state.next !== undefined) lastUses[state.next] = Infinity;
  return lastUses;
}

/** Values of a node's inputs. */
export function inputsOf(workspace: Workspace, node: GraphNode): (RefValue | undefined)[] {
  return node.inputs.map((id) => (id < 0 ? undefined : workspace.values[id]));
}

/** Types of a node's outputs. */
export function outputTypesOf(graph: Graph, node: GraphNode): ValueType[] {
  return node.outputs.map((id) => graph.values[id]!);
}

/** Stores a node's outputs and frees what nobody reads any more. Mutates: workspace.values. */
export function storeOutputs(workspace: Workspace, nodeIndex: number, results: readonly RefValue[]): void {
  const node = workspace.graph.nodes[nodeIndex]!;
  node.outputs.forEach((id, i) => {
    if (workspace.lastUses[id]! >= 0) workspace.values[id] = results[i];
  });
  for (const id of node.inputs) if (id >= 0 && workspace.lastUses[id] === nodeIndex) workspace.values[id] = undefined;
}

/** Runs every node of a graph without collectives. Mutates: workspace.values. */
export function runNodes(
  workspace: Workspace,
  precision: ReferencePrecision,
  onNode?: (node: GraphNode) => void,
): void {
  const { graph } = workspace;
  for (let index = 0; index < graph.nodes.length; index++) {
    const node = graph.nodes[index]!;
    const results = runNode(node, inputsOf(workspace, node), outputTypesOf(graph, node), precision);
    storeOutputs(workspace, index, results);
    onNode?.(node);
  }
}

/** A fresh workspace holding constants and whatever else is given. */
export function createWorkspace(
  graph: Graph,
  lastUses: Float64Array,
  constants: ReadonlyMap<ValueId, RefValue>,
): Workspace {
  const values = new Array<RefValue | undefined>(graph.values.length).fill(undefined);
  for (const [id, value] of constants) values[id] = value;
  return { graph, values, lastUses };
}

/** The graph's initializers, decoded. */
export function constantsOf(graph: Graph): Map<ValueId, RefValue> {
  return new Map([...graph.initializers].map(([id, tensor]) => [id, refValueFromTensor(tensor)]));
}
