/** Runs one rank's graph: compute segments in an engine session of this rank, collectives as real exchanges.
 *  A collective is issued at its place in the graph and waited for at its first reader, so what stands between the two
 *  overlaps with it. States stay in this rank between runs. */
import { cutAtCollectives, type CutStep, type Graph, type GraphNode } from '../graph/index.ts';
import {
  openBackend,
  type BackendName,
  type Feeds,
  type Session,
  type SessionOptions,
  type StateValues,
} from '../runtime/index.ts';
import { createTensor, equalShapes, type Tensor } from '../tensor/index.ts';
import { issueNode } from './graph-collectives.ts';
import { ranksError } from './ranks-errors.ts';
import type { ReduceAlgorithm, WireDtype } from './reduction.ts';
import type { Handle, RankContext } from './types.ts';

export interface RankSessionOptions {
  /** Default `cpu`. */
  readonly backend?: Extract<BackendName, 'cpu' | 'reference'>;
  /** Initial states by name; optimiser states left out start at zero. */
  readonly states?: StateValues;
  /** Default one thread per rank. */
  readonly session?: SessionOptions;
  /** Rank lists of groups that the mesh does not name; each rank is in one list of a name. */
  readonly groups?: Readonly<Record<string, readonly (readonly number[])[]>>;
  /** For collectives whose node does not say. Default `ring`. */
  readonly algorithm?: ReduceAlgorithm;
  /** For reductions of float32 values. Default float32. */
  readonly wire?: WireDtype;
  /** Changes the list of steps before the first run (schedule experiments). */
  readonly arrange?: (steps: readonly CutStep[]) => readonly CutStep[];
}

export interface RankSession {
  readonly graph: Graph;
  readonly steps: readonly CutStep[];
  /** Like Session.run: reads feeds and states, exchanges, writes next states, returns the fetched outputs. */
  run(feeds: Feeds, fetches?: readonly string[]): Promise<Readonly<Record<string, Tensor>>>;
  readState(name: string): Tensor;
  writeState(name: string, value: Tensor): void;
  states(): StateValues;
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** @throws TF-RANKS-007 on a missing or misshapen state or feed, and on groups that do not fit the mesh */
export async function openRankSession(
  context: RankContext,
  graph: Graph,
  options: RankSessionOptions = {},
): Promise<RankSession> {
  const { backend = 'cpu', session = {}, arrange = (list) => list } = options;
  const engine = await openBackend(backend);
  const steps = arrange(cutAtCollectives(graph));
  const sessions = new Map<CutStep, Session>();
  for (const step of steps) {
    if (step.kind !== 'compute' || step.graph.outputs.length === 0) continue;
    sessions.set(step, await engine.createSession(step.graph, {}, { numThreads: 1, ...session }));
  }
  const states = new Map(graph.states.map(({ name, value, kind }) => [name, initialState(name, value, kind)]));
  const lastReaders = lastReadersOf(steps);
  const keptNames = new Set([...graph.outputs, ...graph.states.flatMap(({ next }) => next ?? [])].map(nameOf));

  const rankSession: RankSession = {
    graph,
    steps,
    async run(feeds, fetches = graph.outputs.map(nameOf)) {
      const values = new Map<string, Tensor>();
      for (const id of graph.inputs) values.set(nameOf(id), fitting(`feed "${nameOf(id)}"`, id, feeds[nameOf(id)]));
      for (const { name, value } of graph.states) values.set(nameOf(value), states.get(name)!);
      for (const [id, tensor] of graph.initializers) values.set(nameOf(id), tensor);
      const handles = new Map<GraphNode, Handle<Tensor | void>>();
      for (const [index, step] of steps.entries()) {
        if (step.kind === 'compute') await compute(step, values);
        else if (step.kind === 'issue') {
          const input = step.input && values.get(step.input.name)!;
          handles.set(step.node, issueNode(context, step.node, input, options));
        } else {
          const result = handles.get(step.node)!.wait();
          if (step.output && result) values.set(step.output.name, result);
        }
        for (const name of lastReaders[index]!) if (!keptNames.has(name)) values.delete(name);
      }
      const nexts = graph.states.map(({ next, value }) => values.get(nameOf(next ?? value)));
      graph.states.forEach(({ name, next }, i) => next !== undefined && states.set(name, nexts[i]!));
      return Object.fromEntries(fetches.map((name) => [name, values.get(name)!]));
    },
    readState: (name) => states.get(name)!,
    writeState(name, value) {
      const state = graph.states.find((each) => each.name === name);
      if (!state) throw valueError(`a state of ${graph.name}`, `"${name}"`);
      states.set(name, fitting(`state "${name}"`, state.value, value));
    },
    states: () => Object.fromEntries(states),
    async dispose() {
      for (const each of sessions.values()) await each.dispose();
      sessions.clear();
    },
    [Symbol.asyncDispose]: () => rankSession.dispose(),
  };
  return rankSession;

  async function compute(step: CutStep & { readonly kind: 'compute' }, values: Map<string, Tensor>): Promise<void> {
    const own = sessions.get(step);
    if (!own) return;
    const feeds: Record<string, Tensor> = {};
    for (const id of step.graph.inputs) {
      const { name } = step.graph.values[id]!;
      feeds[name] = values.get(name)!;
    }
    const { module, phase } = step.graph.nodes[0]!.notes;
    const outputs = await context.span(module || step.graph.name, () => own.run(feeds), phase);
    for (const [name, tensor] of Object.entries(outputs)) values.set(name, tensor);
  }

  function nameOf(id: number): string {
    return graph.values[id]!.name;
  }

  function initialState(name: string, id: number, kind: string): Tensor {
    const value = graph.values[id]!;
    const given = options.states?.[name];
    if (given === undefined && kind === 'optimizer') return createTensor(value.dtype, value.shape);
    return fitting(`${kind} "${name}"`, id, given);
  }

  function fitting(what: string, id: number, tensor: Tensor | undefined): Tensor {
    const { dtype, shape } = graph.values[id]!;
    if (tensor && tensor.dtype === dtype && equalShapes(tensor.shape, shape)) return tensor;
    throw valueError(
      `${what} to be ${dtype} [${shape.join(', ')}]`,
      tensor ? `${tensor.dtype} [${tensor.shape.join(', ')}]` : 'none',
    );
  }

  function valueError(expected: string, actual: string): Error {
    return ranksError('TF-RANKS-007', {
      subject: 'openRankSession',
      expected,
      actual,
      location: `rank ${context.rank}`,
    });
  }
}

/** Per step: the values that no later step reads. */
function lastReadersOf(steps: readonly CutStep[]): string[][] {
  const lastStep = new Map<string, number>();
  steps.forEach((step, index) => {
    if (step.kind === 'compute') for (const id of step.graph.inputs) lastStep.set(step.graph.values[id]!.name, index);
    if (step.kind === 'issue' && step.input) lastStep.set(step.input.name, index);
  });
  const released = steps.map((): string[] => []);
  for (const [name, index] of lastStep) released[index]!.push(name);
  return released;
}
