/** Checks the invariants of a graph (see types.ts) and every node against its type rule. */
import { nearestNameHints, TenfoldError, type Diagnostic } from '../base/index.ts';
import { equalShapes, formatShape, numel } from '../tensor/index.ts';
import { graphError } from './graph-errors.ts';
import { inferTypes } from './ops/infer-types.ts';
import { isOpName, OP_NAMES } from './ops/op-schemas.ts';
import type { Graph, GraphNode, GraphValue, ValueId } from './types.ts';

/** All findings, in graph order; empty for a sound graph. Cost: O(nodes + values). */
export function checkGraph(graph: Graph): readonly Diagnostic[] {
  const findings: Diagnostic[] = [];
  const report = (error: TenfoldError) => findings.push(error.toJSON());
  const definedBy = new Map<ValueId, string>();
  const valueName = (id: ValueId) => graph.values[id]?.name ?? `#${id}`;

  function define(id: ValueId, by: string): void {
    if (graph.values[id] === undefined) report(undefinedValue(`value #${id}`, by));
    const before = definedBy.get(id);
    if (before !== undefined) {
      report(
        graphError('TF-GRAPH-007', {
          subject: 'verifyGraph',
          expected: `"${valueName(id)}" must be defined once`,
          actual: `${before} and ${by}`,
        }),
      );
    }
    definedBy.set(id, by);
  }

  checkNames(
    graph.values.map((value) => value.name),
    'value',
    report,
  );
  checkNames(
    graph.nodes.map((node) => node.name),
    'node',
    report,
  );
  checkNames(
    graph.states.map((state) => state.name),
    'state',
    report,
  );
  for (const [index, value] of graph.values.entries()) checkValue(value, index, report);
  for (const id of graph.inputs) define(id, 'an input');
  for (const state of graph.states) define(state.value, `state "${state.name}"`);
  for (const [id, tensor] of graph.initializers) {
    define(id, 'an initializer');
    const value = graph.values[id];
    if (value && (value.dtype !== tensor.dtype || !equalShapes(value.shape, tensor.shape)))
      report(wrongType(value.name, value, tensor, `initializer "${value.name}"`));
  }
  const producers = new Map<ValueId, GraphNode>();
  for (const node of graph.nodes) for (const id of node.outputs) producers.set(id, node);

  // One search for a cycle is enough: in a shuffled graph every node would start one.
  let hasSearched = false;
  for (const node of graph.nodes) {
    const place = `node "${node.name}"`;
    let isReady = true;
    for (const id of node.inputs) {
      if (id === -1 || definedBy.has(id)) continue;
      isReady = false;
      const producer = producers.get(id);
      if (producer === undefined) report(undefinedValue(`"${valueName(id)}"`, place));
      else if (!hasSearched) report(outOfOrder(graph, node, producer, producers));
      hasSearched ||= producer !== undefined;
    }
    for (const id of node.outputs) define(id, place);
    if (isReady) checkNode(graph, node, report);
  }
  for (const id of graph.outputs)
    if (!definedBy.has(id)) report(undefinedValue(`output "${valueName(id)}"`, `graph "${graph.name}"`));
  for (const state of graph.states) checkState(graph, state, definedBy, report);
  return findings;
}

/** @returns the graph itself. @throws the first finding of checkGraph */
export function verifyGraph(graph: Graph): Graph {
  const [first] = checkGraph(graph);
  if (first !== undefined) throw new TenfoldError(first.code, first);
  return graph;
}

type Report = (error: TenfoldError) => void;

function checkNames(names: readonly string[], kind: string, report: Report): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (name === '' || seen.has(name)) {
      const expected = `${kind} names must be unique and not empty`;
      report(
        graphError('TF-GRAPH-006', {
          subject: 'verifyGraph',
          expected,
          actual: `"${name}"${name === '' ? '' : ' twice'}`,
        }),
      );
    }
    seen.add(name);
  }
}

function checkValue(value: GraphValue, index: number, report: Report): void {
  const isSound = value.id === index && value.shape.every((size) => Number.isInteger(size) && size >= 0);
  if (isSound && Number.isSafeInteger(numel(value.shape))) return;
  report(
    graphError('TF-GRAPH-002', {
      subject: 'verifyGraph',
      expected: 'a value must have its index as id and a static shape of non-negative integers',
      actual: `id ${value.id} at ${index}, shape ${formatShape(value.shape)}`,
      location: `value "${value.name}"`,
    }),
  );
}

function checkNode(graph: Graph, node: GraphNode, report: Report): void {
  if (!isOpName(node.op)) {
    const name: string = node.op;
    const hints = nearestNameHints(name, OP_NAMES);
    report(
      graphError('TF-GRAPH-008', {
        subject: 'verifyGraph',
        expected: 'the op must be one of ours',
        actual: `"${name}"`,
        location: `node "${node.name}"`,
        hints,
      }),
    );
    return;
  }
  try {
    const types = inferTypes({
      op: node.op,
      nodeName: node.name,
      inputs: node.inputs.map((id) => graph.values[id]),
      attributes: node.attributes,
      numOutputs: node.outputs.length,
    });
    for (const [i, id] of node.outputs.entries()) {
      const value = graph.values[id]!;
      const type = types[i]!;
      if (value.dtype !== type.dtype || !equalShapes(value.shape, type.shape))
        report(wrongType(value.name, type, value, `node "${node.name}"`));
    }
  } catch (error) {
    if (!(error instanceof TenfoldError)) throw error;
    report(error);
  }
}

function checkState(
  graph: Graph,
  state: Graph['states'][number],
  definedBy: ReadonlyMap<ValueId, string>,
  report: Report,
): void {
  if (state.next === undefined) return;
  const present = graph.values[state.value];
  const next = graph.values[state.next];
  const isSound =
    present &&
    next &&
    definedBy.has(state.next) &&
    present.dtype === next.dtype &&
    equalShapes(present.shape, next.shape);
  if (isSound) return;
  report(
    graphError('TF-GRAPH-013', {
      subject: 'verifyGraph',
      expected: `the next value of state "${state.name}" must be ${present ? describe(present) : 'defined'}`,
      actual: next ? describe(next) : 'nothing',
      location: `state "${state.name}"`,
    }),
  );
}

function describe(type: { readonly dtype: string; readonly shape: readonly number[] }): string {
  return `${type.dtype} ${formatShape(type.shape)}`;
}

function wrongType(
  name: string,
  expected: Parameters<typeof describe>[0],
  actual: Parameters<typeof describe>[0],
  location: string,
) {
  const code = expected.dtype === actual.dtype ? 'TF-GRAPH-002' : 'TF-GRAPH-003';
  return graphError(code, {
    subject: 'verifyGraph',
    expected: `"${name}" must be ${describe(expected)}`,
    actual: describe(actual),
    location,
  });
}

function undefinedValue(what: string, place: string) {
  return graphError('TF-GRAPH-007', {
    subject: 'verifyGraph',
    expected: `${what} must be defined before use`,
    location: place,
  });
}

/** A cycle, or merely a wrong order: walk from the producer back and see whether the node is reached. */
function outOfOrder(graph: Graph, node: GraphNode, producer: GraphNode, producers: ReadonlyMap<ValueId, GraphNode>) {
  const cycle = findPath(producer, node, producers);
  if (cycle !== undefined) {
    return graphError('TF-GRAPH-005', {
      subject: 'verifyGraph',
      expected: 'the graph must have no cycle',
      actual: [...cycle, producer].map((each) => `"${each.name}"`).join(' → '),
      location: `graph "${graph.name}"`,
    });
  }
  return graphError('TF-GRAPH-005', {
    subject: 'verifyGraph',
    expected: `nodes must be in topological order`,
    actual: `"${node.name}" before "${producer.name}" that it reads`,
    location: `graph "${graph.name}"`,
    hints: ['Sort the nodes.'],
  });
}

/** Nodes from `from`'s ancestors down: a path node → … → from, if there is one. */
function findPath(
  from: GraphNode,
  target: GraphNode,
  producers: ReadonlyMap<ValueId, GraphNode>,
): readonly GraphNode[] | undefined {
  const consumerOf = new Map<GraphNode, GraphNode | undefined>([[from, undefined]]);
  const stack = [from];
  for (let current = stack.pop(); current !== undefined; current = stack.pop()) {
    if (current === target) {
      const path: GraphNode[] = [];
      for (let each: GraphNode | undefined = current; each !== undefined; each = consumerOf.get(each)) path.push(each);
      return [from, ...path.slice(0, -1)];
    }
    for (const id of current.inputs) {
      const producer = producers.get(id);
      if (producer === undefined || consumerOf.has(producer)) continue;
      consumerOf.set(producer, current);
      stack.push(producer);
    }
  }
  return undefined;
}
