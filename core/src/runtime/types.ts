/** The session contract: what it means to run a graph. Four implementations fulfil it (one conformance suite):
 *  `reference` (plain TypeScript, float64 accumulation, the judge), `cpu` (onnxruntime-node), `webgpu` (kernels of our own, else
 *  onnxruntime-node), `web` (onnxruntime-web). */
import type { Graph } from '../graph/index.ts';
import type { Tensor } from '../tensor/index.ts';

export type BackendName = 'reference' | 'cpu' | 'webgpu' | 'web';

export interface SessionOptions {
  /** Threads inside one op; default: the machine's cores (1 inside ranks). */
  readonly numThreads?: number;
  /** Same bits at every run with the same feeds. Default true. */
  readonly isDeterministic?: boolean;
  /** Record time per op (see Session.profile). */
  readonly isProfiled?: boolean;
  /** Memory pattern and arena of the engine; off saves memory, on saves time. */
  readonly memoryArena?: boolean;
  /** Folder for compiled graphs; undefined: no disk cache. */
  readonly cacheFolder?: string;
  /** Keep and change the arrays of the initial states instead of copying them: saves their memory. The caller must not
   *  use them any more. Default false. */
  readonly adoptStates?: boolean;
  /** Allows ops to fall back from webgpu to the CPU; default false: createSession then throws and names them. */
  readonly allowCpuFallback?: boolean;
  /** webgpu: run graphs by kernels of our own, fused across ops, where they cover every op; else, and always if false, by
   *  the engine's, one an op. Default: true unless the device is a software one. */
  readonly fusesKernels?: boolean;
}

export type Feeds = Readonly<Record<string, Tensor>>;

export interface OpTiming {
  readonly op: string;
  readonly node: string;
  readonly totalMs: number;
  readonly count: number;
  readonly provider: string;
}

export interface Session {
  readonly backend: BackendName;
  readonly graph: Graph;
  /** Runs the graph once: reads feeds and states, writes states' `next` values as the new states, returns the fetched outputs.
   *  @param feeds  one tensor per graph input, by name; not changed, not kept
   *  @param fetches  names of graph outputs to bring back; default all. Others stay where they are and are freed.
   *  @throws TF-RUN-… on missing feeds, wrong dtype or shape. Runs do not overlap: a second call waits for the first. */
  run(feeds: Feeds, fetches?: readonly string[]): Promise<Readonly<Record<string, Tensor>>>;
  /** A copy of a state's current value. */
  readState(name: string): Promise<Tensor>;
  /** Replaces a state's value; the tensor is copied. */
  writeState(name: string, value: Tensor): Promise<void>;
  /** Time per op since the last call; empty unless isProfiled. */
  profile(): readonly OpTiming[];
  /** Which provider runs each node, as far as the engine tells. */
  placements(): ReadonlyMap<string, string>;
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Initial values of the graph's states, by name. */
export type StateValues = Readonly<Record<string, Tensor>>;

export interface Backend {
  readonly name: BackendName;
  /** undefined if it can run here, else the reason in one sentence with the fix. */
  unavailableReason(): Promise<string | undefined>;
  /** Would a session of this graph fuse kernels across ops? Then many small ops cost little. Absent: no. */
  fuses?(graph: Graph, options?: SessionOptions): Promise<boolean>;
  createSession(graph: Graph, states: StateValues, options?: SessionOptions): Promise<Session>;
}
