/** Appends nodes to a graph, inferring types and checking as it goes. Names: a node is `<module>/<Op>_<n>` unless the
 *  caller names it; output 0 bears the node's name, further outputs `<name>:<index>`. */
import { nearestNameHints } from '../../base/index.ts';
import { equalShapes, formatShape, type Dtype, type Shape, type Tensor } from '../../tensor/index.ts';
import { graphError } from '../graph-errors.ts';
import { completeAttributes } from '../ops/complete-attributes.ts';
import { inferTypes } from '../ops/infer-types.ts';
import type { OpName } from '../ops/op-names.ts';
import { isOpName, OP_NAMES, type AttributesToBuild } from '../ops/op-schemas.ts';
import type { Attributes, Graph, GraphNode, GraphState, GraphValue, NodeNotes, ValueId } from '../types.ts';
import { scalarTensor } from './scalar-tensor.ts';

/** A value, or a number that becomes a scalar constant of the other operands' dtype. */
export type Operand = GraphValue | number;

export interface NodeOptions {
  /** Full node name; made unique by a suffix if taken. */
  readonly name?: string;
  /** How many outputs; default: those that are not optional. */
  readonly numOutputs?: number;
  /** Overrides of the notes in force. */
  readonly notes?: Partial<NodeNotes>;
}

type OpArguments<Op extends OpName> =
  Partial<AttributesToBuild<Op>> extends AttributesToBuild<Op>
    ? [attributes?: AttributesToBuild<Op>, options?: NodeOptions]
    : [attributes: AttributesToBuild<Op>, options?: NodeOptions];

export interface BuilderCore {
  readonly name: string;
  /** All values so far; index = id. Grows. */
  readonly values: readonly GraphValue[];
  /** All nodes so far, in order. Grows. */
  readonly nodes: readonly GraphNode[];
  readonly states: readonly GraphState[];
  /** Fed at every run. @throws TF-GRAPH-006 if the name is taken (so do all that take a name) */
  input(name: string, dtype: Dtype, shape: Shape): GraphValue;
  /** A state: its present value. Without setNextState it is frozen. */
  state(name: string, kind: GraphState['kind'], dtype: Dtype, shape: Shape): GraphValue;
  parameter(name: string, shape: Shape, dtype?: Dtype): GraphValue;
  optimizerState(name: string, shape: Shape, dtype?: Dtype): GraphValue;
  buffer(name: string, shape: Shape, dtype?: Dtype): GraphValue;
  /** Stored with the graph; the tensor is kept, not copied. */
  constant(tensor: Tensor, name?: string): GraphValue;
  /** A scalar constant; the same value and dtype give the same GraphValue. */
  scalar(value: number, dtype?: Dtype): GraphValue;
  /** Appends a node; its first output. */
  op<Op extends OpName>(op: Op, inputs: readonly (Operand | undefined)[], ...rest: OpArguments<Op>): GraphValue;
  /** Appends a node; all its outputs. */
  multi<Op extends OpName>(
    op: Op,
    inputs: readonly (Operand | undefined)[],
    ...rest: OpArguments<Op>
  ): readonly GraphValue[];
  /** Appends a node whose op and attributes are known only at run time (readers, passes). */
  node(
    op: string,
    inputs: readonly (Operand | undefined)[],
    attributes: Attributes,
    options?: NodeOptions,
  ): readonly GraphValue[];
  /** Nodes built inside get `module` extended by the name: `layers.0` inside `decoder` is `decoder.layers.0`. */
  scope<T>(name: string, body: () => T): T;
  /** Nodes built inside get these notes (module as given, not extended). */
  withNotes<T>(notes: Partial<NodeNotes>, body: () => T): T;
  /** The notes in force. */
  readonly notes: NodeNotes;
  /** Makes the value an output of the graph. With a name the value is renamed (an input, state or constant gets an Identity). */
  output(value: GraphValue, name?: string): GraphValue;
  /** What the state holds after a run. @throws TF-GRAPH-013 unless shape and dtype are the state's */
  setNextState(state: string | GraphValue, next: GraphValue): void;
  /** The value of that name. @throws TF-GRAPH-007 with the nearest names */
  valueNamed(name: string): GraphValue;
  /** The graph so far, as a value of its own; building may go on. */
  finish(): Graph;
}

const NO_NOTES: NodeNotes = { module: '', phase: 'forward', role: 'none' };

/** An empty builder, or one that goes on from a finished graph (ids stay).
 *  @param options.reserved  names that only callers may give, never the builder by itself
 *  Cost of each call: O(inputs + outputs). */
export function createBuilderCore(
  name: string,
  { from, reserved = new Set() }: { readonly from?: Graph; readonly reserved?: ReadonlySet<string> } = {},
): BuilderCore {
  const values: GraphValue[] = from ? from.values.map((value) => ({ ...value })) : [];
  const nodes: GraphNode[] = from ? [...from.nodes] : [];
  const inputs: ValueId[] = from ? [...from.inputs] : [];
  const outputs: ValueId[] = from ? [...from.outputs] : [];
  const states: GraphState[] = from ? [...from.states] : [];
  const initializers = new Map<ValueId, Tensor>(from?.initializers);
  const stateIndexOfName = new Map(states.map((state, i) => [state.name, i]));
  const stateIndexOfValue = new Map(states.map((state, i) => [state.value, i]));
  const idOfName = new Map(values.map((value) => [value.name, value.id]));
  const nodeNames = new Set(nodes.map((node) => node.name));
  const producedByNode = new Set(nodes.flatMap((node) => node.outputs));
  const counters = new Map<string, number>();
  const scalars = new Map<string, GraphValue>();
  let notes: NodeNotes = NO_NOTES;

  function define(valueName: string, dtype: Dtype, shape: Shape): GraphValue {
    if (idOfName.has(valueName)) {
      throw graphError('TF-GRAPH-006', {
        subject: 'createGraphBuilder',
        expected: `value names must be unique`,
        actual: `"${valueName}" twice`,
        location: `graph "${name}"`,
      });
    }
    const value: GraphValue = { id: values.length, name: valueName, dtype, shape };
    idOfName.set(valueName, value.id);
    values.push(value);
    return value;
  }

  function freeName(wanted: string, isAsked = false): string {
    let count = counters.get(wanted) ?? 0;
    let candidate = count === 0 ? wanted : `${wanted}_${count}`;
    const isTaken = (each: string) => nodeNames.has(each) || idOfName.has(each) || (!isAsked && reserved.has(each));
    while (isTaken(candidate)) candidate = `${wanted}_${++count}`;
    counters.set(wanted, count + 1);
    return candidate;
  }

  function nextNodeName(op: string, module: string, wanted: string | undefined): string {
    if (wanted !== undefined) return freeName(wanted, true);
    return freeName(module === '' ? op : `${module}/${op}`);
  }

  function scalar(value: number, dtype: Dtype = 'float32'): GraphValue {
    const key = `${dtype}:${Object.is(value, -0) ? '-0' : value}`;
    let constant = scalars.get(key);
    if (constant === undefined) {
      constant = define(freeName(`const/${key}`), dtype, []);
      initializers.set(constant.id, scalarTensor(dtype, value));
      scalars.set(key, constant);
    }
    return constant;
  }

  function operands(op: OpName, given: readonly (Operand | undefined)[]): (GraphValue | undefined)[] {
    const relevant = op === 'Where' ? given.slice(1) : given;
    const example = relevant.find((operand) => typeof operand === 'object');
    return given.map((operand) => (typeof operand === 'number' ? scalar(operand, example?.dtype) : operand));
  }

  function node(
    op: string,
    given: readonly (Operand | undefined)[],
    attributes: Attributes,
    options: NodeOptions = {},
  ): readonly GraphValue[] {
    if (!isOpName(op)) {
      throw graphError('TF-GRAPH-008', {
        subject: 'createGraphBuilder',
        expected: 'the op must be one of ours',
        actual: `"${op}"`,
        location: `node "${options.name ?? op}"`,
        hints: nearestNameHints(op, OP_NAMES),
      });
    }
    const nodeNotes = options.notes === undefined ? notes : { ...notes, ...options.notes };
    const nodeName = nextNodeName(op, nodeNotes.module, options.name);
    const nodeInputs = operands(op, given);
    for (const input of nodeInputs) assertOwn(input, nodeName);
    while (nodeInputs.length > 0 && nodeInputs.at(-1) === undefined) nodeInputs.pop();
    const complete = completeAttributes({ op, nodeName }, nodeInputs, attributes);
    const types = inferTypes({
      op,
      nodeName,
      inputs: nodeInputs,
      attributes: complete,
      ...(options.numOutputs === undefined ? {} : { numOutputs: options.numOutputs }),
    });
    nodeNames.add(nodeName);
    const results = types.map(({ dtype, shape }, i) => define(i === 0 ? nodeName : `${nodeName}:${i}`, dtype, shape));
    for (const result of results) producedByNode.add(result.id);
    nodes.push({
      name: nodeName,
      op,
      inputs: nodeInputs.map((input) => input?.id ?? -1),
      outputs: results.map((result) => result.id),
      attributes: complete,
      notes: nodeNotes,
    });
    return results;
  }

  function assertOwn(value: GraphValue | undefined, place: string): void {
    if (value === undefined || values[value.id]?.name === value.name) return;
    throw graphError('TF-GRAPH-007', {
      subject: 'createGraphBuilder',
      expected: `values must belong to graph "${name}"`,
      actual: `"${value.name}"`,
      location: `node "${place}"`,
      hints: ['Build all nodes of a graph with one builder.'],
    });
  }

  function state(stateName: string, kind: GraphState['kind'], dtype: Dtype, shape: Shape): GraphValue {
    const value = define(stateName, dtype, shape);
    stateIndexOfName.set(stateName, states.length);
    stateIndexOfValue.set(value.id, states.length);
    states.push({ name: stateName, value: value.id, kind });
    return value;
  }

  function withNotes<T>(changes: Partial<NodeNotes>, body: () => T): T {
    const before = notes;
    notes = { ...before, ...changes };
    try {
      return body();
    } finally {
      notes = before;
    }
  }

  function output(value: GraphValue, outputName?: string): GraphValue {
    assertOwn(value, outputName ?? value.name);
    let named = value;
    if (outputName !== undefined && outputName !== value.name) {
      if (!producedByNode.has(value.id) || outputs.includes(value.id)) {
        named = node('Identity', [value], {}, { name: outputName })[0]!;
      }
      if (named.name !== outputName) {
        if (idOfName.has(outputName)) define(outputName, value.dtype, value.shape); // throws: the name is taken
        idOfName.delete(named.name);
        idOfName.set(outputName, named.id);
        // Handles given out earlier keep pointing at this object, so it is renamed in place while building.
        (named as { name: string }).name = outputName;
      }
    }
    if (!outputs.includes(named.id)) outputs.push(named.id);
    return named;
  }

  function setNextState(which: string | GraphValue, next: GraphValue): void {
    const index = typeof which === 'string' ? stateIndexOfName.get(which) : stateIndexOfValue.get(which.id);
    const stateName = typeof which === 'string' ? which : which.name;
    if (index === undefined) {
      throw graphError('TF-GRAPH-013', {
        subject: 'setNextState',
        expected: 'a state of the graph',
        actual: `"${stateName}"`,
        hints: nearestNameHints(stateName, stateIndexOfName.keys()),
      });
    }
    assertOwn(next, `next of ${stateName}`);
    const present = values[states[index]!.value]!;
    if (present.dtype !== next.dtype || !equalShapes(present.shape, next.shape)) {
      throw graphError('TF-GRAPH-013', {
        subject: 'setNextState',
        expected: `the next value of "${stateName}" must be ${present.dtype} ${formatShape(present.shape)}`,
        actual: `${next.dtype} ${formatShape(next.shape)}`,
        location: `value "${next.name}"`,
      });
    }
    states[index] = { ...states[index]!, next: next.id };
  }

  function valueNamed(wanted: string): GraphValue {
    const id = idOfName.get(wanted);
    if (id !== undefined) return values[id]!;
    throw graphError('TF-GRAPH-007', {
      subject: 'valueNamed',
      expected: `a value of graph "${name}"`,
      actual: `"${wanted}"`,
      hints: nearestNameHints(wanted, idOfName.keys()),
    });
  }

  return {
    name,
    values,
    nodes,
    states,
    input(inputName, dtype, shape) {
      const value = define(inputName, dtype, shape);
      inputs.push(value.id);
      return value;
    },
    state,
    parameter: (stateName, shape, dtype = 'float32') => state(stateName, 'parameter', dtype, shape),
    optimizerState: (stateName, shape, dtype = 'float32') => state(stateName, 'optimizer', dtype, shape),
    buffer: (stateName, shape, dtype = 'float32') => state(stateName, 'buffer', dtype, shape),
    constant(tensor, constantName) {
      const value = define(constantName ?? freeName(scopedName('constant')), tensor.dtype, tensor.shape);
      initializers.set(value.id, tensor);
      return value;
    },
    scalar,
    op: (op, given, ...rest) => node(op, given, (rest[0] ?? {}) as Attributes, rest[1])[0]!,
    multi: (op, given, ...rest) => node(op, given, (rest[0] ?? {}) as Attributes, rest[1]),
    node,
    scope: (scopeName, body) =>
      withNotes({ module: notes.module === '' ? scopeName : `${notes.module}.${scopeName}` }, body),
    withNotes,
    get notes() {
      return notes;
    },
    output,
    setNextState,
    valueNamed,
    finish: () => ({
      name,
      values: values.map((value) => ({ ...value })),
      nodes: [...nodes],
      inputs: [...inputs],
      outputs: [...outputs],
      states: [...states],
      initializers: new Map(initializers),
    }),
  };

  function scopedName(base: string): string {
    return notes.module === '' ? base : `${notes.module}/${base}`;
  }
}
