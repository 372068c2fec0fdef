/** The `reference` backend: the judge. Plain TypeScript, one thread, float64 accumulation. */
import type { Graph, GraphNode } from '../../graph/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import {
  assertFeeds,
  assertNoCollectives,
  assertState,
  resolveFetches,
  resolveStates,
  unknownState,
} from '../checks.ts';
import { createRunQueue } from '../run-queue.ts';
import type { Backend, Feeds, OpTiming, Session, SessionOptions, StateValues } from '../types.ts';
import { constantsOf, createWorkspace, lastUsesOf, runNodes } from './interpreter.ts';
import type { ReferencePrecision } from './interpreter.ts';
import { refValueFromTensor, tensorFromRefValue, isFloatDtype } from './ref-value.ts';
import type { RefValue } from './ref-value.ts';

export interface ReferenceOptions {
  /** Default `dtype`. With `float64`, fetched floats and states come back as float64 tensors. */
  readonly precision?: ReferencePrecision;
  /** Milliseconds from any origin, for profiles; default performance.now. */
  readonly clock?: () => number;
}

/** Creates the reference backend. */
export function createReferenceBackend(options: ReferenceOptions = {}): Backend {
  return {
    name: 'reference',
    unavailableReason: async () => undefined,
    createSession: async (graph, states, sessionOptions) =>
      new ReferenceSession(graph, states, { ...options, ...sessionOptions }),
  };
}

/** Reference backend that rounds every value to its dtype. */
export const referenceBackend: Backend = createReferenceBackend();

class ReferenceSession implements Session {
  readonly backend = 'reference';
  readonly graph: Graph;
  readonly #precision: ReferencePrecision;
  readonly #clock: () => number;
  readonly #isProfiled: boolean;
  readonly #queue = createRunQueue();
  readonly #lastUses: Float64Array;
  readonly #constants: Map<number, RefValue>;
  readonly #states = new Map<string, RefValue>();
  #timings = new Map<string, { op: string; node: string; totalMs: number; count: number; provider: string }>();

  constructor(graph: Graph, states: StateValues, options: ReferenceOptions & SessionOptions) {
    assertNoCollectives(graph);
    this.graph = graph;
    this.#precision = options.precision ?? 'dtype';
    this.#clock = options.clock ?? (() => performance.now());
    this.#isProfiled = options.isProfiled ?? false;
    for (const [name, read] of resolveStates(graph, states)) this.#states.set(name, refValueFromTensor(read()));
    this.#lastUses = lastUsesOf(graph);
    this.#constants = constantsOf(graph);
  }

  run(feeds: Feeds, fetches?: readonly string[]): Promise<Readonly<Record<string, Tensor>>> {
    return this.#queue.enqueue('run', async () => this.#runNow(feeds, fetches));
  }

  readState(name: string): Promise<Tensor> {
    return this.#queue.enqueue('readState', async () => {
      const value = this.#states.get(name);
      if (!value) throw unknownState('readState', this.graph, name);
      return this.#export(value);
    });
  }

  writeState(name: string, tensor: Tensor): Promise<void> {
    return this.#queue.enqueue('writeState', async () => {
      const state = this.graph.states.find((each) => each.name === name);
      if (!state) throw unknownState('writeState', this.graph, name);
      assertState('writeState', name, this.graph.values[state.value]!, tensor);
      this.#states.set(name, refValueFromTensor(tensor));
    });
  }

  profile(): readonly OpTiming[] {
    const timings = [...this.#timings.values()];
    this.#timings = new Map();
    return timings;
  }

  placements(): ReadonlyMap<string, string> {
    return new Map(this.graph.nodes.map((node) => [node.name, 'reference']));
  }

  dispose(): Promise<void> {
    return this.#queue.close(async () => {
      this.#states.clear();
      this.#constants.clear();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #runNow(feeds: Feeds, fetches?: readonly string[]): Readonly<Record<string, Tensor>> {
    const { graph } = this;
    assertFeeds(graph, feeds);
    const names = resolveFetches(graph, fetches);
    const workspace = createWorkspace(graph, this.#lastUses, this.#constants);
    for (const id of graph.inputs) workspace.values[id] = refValueFromTensor(feeds[graph.values[id]!.name]!);
    for (const state of graph.states) workspace.values[state.value] = this.#states.get(state.name);
    runNodes(workspace, this.#precision, this.#isProfiled ? this.#createTimer() : undefined);
    for (const state of graph.states) {
      if (state.next !== undefined) this.#states.set(state.name, workspace.values[state.next]!);
    }
    const wanted = graph.outputs.filter((id) => names.includes(graph.values[id]!.name));
    return Object.fromEntries(wanted.map((id) => [graph.values[id]!.name, this.#export(workspace.values[id]!)]));
  }

  #export(value: RefValue): Tensor {
    const keepsFloat64 = this.#precision === 'float64' && isFloatDtype(value.dtype);
    return tensorFromRefValue(value, keepsFloat64 ? 'float64' : value.dtype);
  }

  #createTimer(): (node: GraphNode) => void {
    let last = this.#clock();
    return ({ op, name }) => {
      const now = this.#clock();
      const timing = this.#timings.get(name) ?? { op, node: name, totalMs: 0, count: 0, provider: 'reference' };
      timing.totalMs += now - last;
      timing.count++;
      this.#timings.set(name, timing);
      last = now;
    };
  }
}
