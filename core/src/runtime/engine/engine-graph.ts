/** Lowers a graph to what ONNX Runtime can load: states become inputs (`value`) and outputs (`next`), dtypes that its
 *  JavaScript API cannot carry (bf16, float8) cross the border as f32 behind Cast nodes, and every output is made by a
 *  node of its own.  Meaning and names of the graph's own values stay. */
import type { Graph, GraphNode, GraphValue, ValueId } from '../../graph/index.ts';
import type { Dtype, Shape } from '../../tensor/index.ts';

/** A value that crosses the border between JavaScript and the engine. */
export interface EngineSlot {
  /** Name in the caller's graph: an input, output or state. */
  readonly name: string;
  /** Name in the engine's model. */
  readonly engineName: string;
  readonly dtype: Dtype;
  /** What crosses the border: dtype, or float32 where dtype cannot. */
  readonly engineDtype: Dtype;
  readonly shape: Shape;
}

export interface StateSlot extends EngineSlot {
  /** The engine's output that holds the next value; undefined if the state never changes. */
  readonly nextEngineName: string | undefined;
  readonly value: ValueId;
  readonly next: ValueId | undefined;
}

export interface EngineGraph {
  /** Without states; inputs are the caller's, then the states; outputs the caller's, then the states' next values. */
  readonly graph: Graph;
  readonly inputs: readonly EngineSlot[];
  readonly outputs: readonly EngineSlot[];
  readonly states: readonly StateSlot[];
}

const CARRIED_AS_FLOAT32: ReadonlySet<Dtype> = new Set(['bfloat16', 'float8e4m3fn', 'float8e5m2']);

/** @param original  the caller's graph, if `graph` is a lowered form of it with the same value ids: slots then tell the
 *  caller's dtypes, and values cross the border in the lowered ones */
export function lowerToEngine(graph: Graph, original: Graph = graph): EngineGraph {
  const values = [...graph.values];
  const castsIn: GraphNode[] = [];
  const tail: GraphNode[] = [];
  const names = new Set(graph.values.map((value) => value.name));
  const madeByNode = new Set(graph.nodes.flatMap((node) => node.outputs));
  const usedAsOutput = new Set<ValueId>();

  const addValue = (base: string, dtype: Dtype, shape: Shape): GraphValue => {
    let name = base;
    for (let i = 1; names.has(name); i++) name = `${base}.${i}`;
    names.add(name);
    const value = { id: values.length, name, dtype, shape };
    values.push(value);
    return value;
  };
  const addNode = (nodes: GraphNode[], op: 'Cast' | 'Identity', from: ValueId, to: GraphValue): void => {
    nodes.push({
      name: `border/${op}/${to.name}`,
      op,
      inputs: [from],
      outputs: [to.id],
      attributes: op === 'Cast' ? { to: to.dtype, saturate: 1 } : {},
      notes: { module: 'border', phase: 'forward', role: 'none' },
    });
  };
  const enter = (id: ValueId): GraphValue => {
    const value = values[id];
    if (!CARRIED_AS_FLOAT32.has(value.dtype)) return value;
    const carried = addValue(`${value.name}.f32`, 'float32', value.shape);
    addNode(castsIn, 'Cast', carried.id, value);
    return carried;
  };
  const leave = (id: ValueId): GraphValue => {
    const value = values[id];
    const isCarried = CARRIED_AS_FLOAT32.has(value.dtype);
    if (!isCarried && madeByNode.has(id) && !usedAsOutput.has(id)) {
      usedAsOutput.add(id);
      return value;
    }
    const out = addValue(`${value.name}.out`, isCarried ? 'float32' : value.dtype, value.shape);
    addNode(tail, isCarried ? 'Cast' : 'Identity', id, out);
    return out;
  };
  const slot = (name: string, id: ValueId, engine: GraphValue): EngineSlot => ({
    name,
    engineName: engine.name,
    dtype: original.values[id].dtype,
    engineDtype: engine.dtype,
    shape: engine.shape,
  });

  const inputs = graph.inputs.map((id) => slot(values[id].name, id, enter(id)));
  const outputs = graph.outputs.map((id) => slot(values[id].name, id, leave(id)));
  const states = graph.states.map((state): StateSlot => {
    const changes = state.next !== undefined && state.next !== state.value;
    return {
      ...slot(state.name, state.value, enter(state.value)),
      nextEngineName: changes ? leave(state.next!).name : undefined,
      value: state.value,
      next: changes ? state.next : undefined,
    };
  });

  const idOfName = new Map(values.map((value) => [value.name, value.id]));
  const nextNames = states.flatMap((state) => (state.nextEngineName === undefined ? [] : [state.nextEngineName]));
  return {
    graph: {
      name: graph.name,
      values,
      nodes: [...castsIn, ...graph.nodes, ...tail],
      inputs: [...inputs, ...states].map((entry) => idOfName.get(entry.engineName)!),
      outputs: [...outputs.map((entry) => entry.engineName), ...nextNames].map((name) => idOfName.get(name)!),
      states: [],
      initializers: graph.initializers,
    },
    inputs,
    outputs,
    states,
  };
}
