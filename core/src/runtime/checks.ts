/** Checks of what callers hand to a session: feeds, states and fetches. */
import { nearestNameHints } from '../base/index.ts';
import type { Graph, GraphValue } from '../graph/index.ts';
import { createTensor, equalShapes, formatShape } from '../tensor/index.ts';
import type { Dtype, Shape, Tensor } from '../tensor/index.ts';
import { runError } from './run-errors.ts';
import type { Feeds, StateValues } from './types.ts';

/** Throws TF-RUN-002 unless there is exactly one fitting tensor per graph input. */
export function assertFeeds(graph: Graph, feeds: Feeds): void {
  for (const id of graph.inputs) {
    const value = graph.values[id];
    const feed = feeds[value.name];
    if (feed === undefined) {
      throw runError('TF-RUN-002', {
        subject: 'run',
        expected: `a feed for graph input "${value.name}" (${value.dtype} ${formatShape(value.shape)})`,
        actual: Object.keys(feeds).length === 0 ? 'no feeds' : `feeds ${Object.keys(feeds).join(', ')}`,
      });
    }
    if (!fits(value, feed)) {
      throw runError('TF-RUN-002', {
        subject: 'run',
        expected: `feed "${value.name}" to be ${describe(value)}`,
        actual: describe(feed),
      });
    }
  }
  if (Object.keys(feeds).length > graph.inputs.length) {
    const names = graph.inputs.map((id) => graph.values[id].name);
    const unknown = Object.keys(feeds).find((name) => !names.includes(name))!;
    throw runError('TF-RUN-002', {
      subject: 'run',
      expected: 'feeds of graph inputs only',
      actual: `"${unknown}"`,
      hints: nearestNameHints(unknown, names),
    });
  }
}

/** The tensor of every state: given, or zeros for optimiser states that are left out.
 *  @throws TF-RUN-003 on a missing parameter or buffer, an unknown name, a wrong dtype or shape */
export function resolveStates(graph: Graph, states: StateValues): Map<string, () => Tensor> {
  const resolved = new Map<string, () => Tensor>();
  for (const { name, value: id, kind } of graph.states) {
    const value = graph.values[id];
    const given = states[name];
    if (given === undefined && kind !== 'optimizer') {
      throw runError('TF-RUN-003', {
        subject: 'createSession',
        expected: `a value for ${kind} "${name}" (${describe(value)})`,
        actual: 'none',
        hints: nearestNameHints(name, Object.keys(states)),
      });
    }
    if (given !== undefined) assertState('createSession', name, value, given);
    resolved.set(name, () => given ?? createTensor(value.dtype, value.shape));
  }
  for (const name of Object.keys(states)) if (!resolved.has(name)) throw unknownState('createSession', graph, name);
  return resolved;
}

/** Throws TF-RUN-003 unless the tensor fits the state. */
export function assertState(subject: string, name: string, value: GraphValue, tensor: Tensor): void {
  if (fits(value, tensor)) return;
  throw runError('TF-RUN-003', {
    subject,
    expected: `state "${name}" to be ${describe(value)}`,
    actual: describe(tensor),
  });
}

export function unknownState(subject: string, graph: Graph, name: string) {
  return runError('TF-RUN-003', {
    subject,
    expected: 'the name of a state',
    actual: `"${name}"`,
    hints: nearestNameHints(
      name,
      graph.states.map((state) => state.name),
    ),
  });
}

/** The names to fetch. @throws TF-RUN-004 on a name that is no graph output */
export function resolveFetches(graph: Graph, fetches: readonly string[] | undefined): readonly string[] {
  const outputs = graph.outputs.map((id) => graph.values[id].name);
  if (fetches === undefined) return outputs;
  for (const name of fetches) {
    if (outputs.includes(name)) continue;
    throw runError('TF-RUN-004', {
      subject: 'run',
      expected: 'fetches of graph outputs',
      actual: `"${name}"`,
      hints: nearestNameHints(name, outputs),
    });
  }
  return fetches;
}

/** Throws TF-RUN-009 if the graph holds collectives. */
export function assertNoCollectives(graph: Graph): void {
  const collective = graph.nodes.find((node) => COLLECTIVES.has(node.op));
  if (collective === undefined) return;
  throw runError('TF-RUN-009', {
    subject: 'createSession',
    expected: 'a graph without collectives',
    actual: collective.op,
    location: `node "${collective.name}"`,
    hints: ['Cut the graph at its collectives and run it with core/ranks.'],
  });
}

const COLLECTIVES: ReadonlySet<string> = new Set([
  'AllReduce',
  'AllGather',
  'ReduceScatter',
  'AllToAll',
  'Broadcast',
  'Send',
  'Recv',
]);

interface Described {
  readonly dtype: Dtype;
  readonly shape: Shape;
}

function fits(value: GraphValue, tensor: Tensor): boolean {
  return tensor.dtype === value.dtype && equalShapes(tensor.shape, value.shape);
}

function describe({ dtype, shape }: Described): string {
  return `${dtype} ${formatShape(shape)}`;
}
