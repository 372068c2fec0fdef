/** The nouns of core/ranks. */
import type { Dtype, Shape, Tensor } from '../tensor/index.ts';
import type { Mesh } from './mesh.ts';
import type { ReduceAlgorithm, Reduction, WireDtype } from './reduction.ts';

/** An ordered set of ranks that call collectives together. */
export interface Group {
  /** For texts: axis names, or what the caller gave. */
  readonly name: string;
  readonly ranks: readonly number[];
  /** This rank's position in `ranks`. */
  readonly position: number;
  readonly size: number;
}

/** A collective under way. Its input was copied when it was issued: later changes of the input do not matter, and the
 *  result exists only after wait(). Every handle must be waited for or abandoned before the rank returns. */
export interface Handle<Result> {
  /** Blocks this thread until the result is there; a second call returns the same result.
   *  @throws TF-RANKS-002 if the members called different things */
  wait(): Result;
  /** The same without blocking the thread. */
  waitAsync(): Promise<Result>;
  /** True once wait() would not block for others or for the link. */
  isReady(): boolean;
  /** Gives the result up. */
  abandon(): void;
}

export interface CollectiveOptions {
  /** Mesh axis, joint axes or a group; default: all ranks. */
  readonly group?: string | readonly string[] | Group;
  /** Shown in traces and error texts. */
  readonly label?: string;
}

export interface ReduceOptions extends CollectiveOptions {
  /** Default `sum`. `mean` of integers truncates. */
  readonly reduction?: Reduction;
  /** Order of the additions. Default `ring`. */
  readonly algorithm?: ReduceAlgorithm;
  /** float32 tensors may travel as bfloat16: every operand and partial sum is rounded. Default: the tensor's dtype. */
  readonly wire?: WireDtype;
}

export interface IntoOption {
  /** Where the result goes (at wait()); it may be the input itself. Default: a new tensor. */
  readonly into?: Tensor;
}

export interface AxisOption {
  /** Default 0. */
  readonly axis?: number;
}

export interface AllToAllOptions extends CollectiveOptions {
  /** Default 0. */
  readonly splitAxis?: number;
  /** Default: splitAxis. */
  readonly concatAxis?: number;
  /** Sizes along splitAxis of the parts for each member; default: equal parts. */
  readonly sendSplits?: readonly number[];
  /** Sizes expected from each member along concatAxis; checked against what they send. Default: taken as sent. */
  readonly receiveSplits?: readonly number[];
}

export interface RankContext {
  readonly rank: number;
  readonly numRanks: number;
  readonly mesh: Mesh;
  /** Coordinates of this rank by axis. */
  readonly coords: Readonly<Record<string, number>>;
  /** The group of this rank along an axis or joint axes; no argument: all ranks. */
  group(axes?: string | readonly string[]): Group;
  /** A group of listed ranks; this rank must be one of them. */
  groupOfRanks(ranks: readonly number[], name?: string): Group;

  /** Elementwise reduction over the group; every member gets the same bits. */
  allReduce(tensor: Tensor, options?: ReduceOptions & IntoOption): Handle<Tensor>;
  /** Reduces; member i keeps the i-th equal part along `axis`. */
  reduceScatter(tensor: Tensor, options?: ReduceOptions & AxisOption & IntoOption): Handle<Tensor>;
  /** Concatenates along `axis` in group order; sizes on that axis may differ. */
  allGather(tensor: Tensor, options?: CollectiveOptions & AxisOption & IntoOption): Handle<Tensor>;
  /** Everyone gets the tensor of `root` (position in the group, default 0); all pass a tensor of one dtype and shape. */
  broadcast(tensor: Tensor, options?: CollectiveOptions & IntoOption & { readonly root?: number }): Handle<Tensor>;
  allToAll(tensor: Tensor, options?: AllToAllOptions & IntoOption): Handle<Tensor>;
  /** Rendezvous: finished when the receiver has asked for it and the link has carried it. Pairs match in order per tag. */
  send(tensor: Tensor, to: number, options?: { readonly tag?: number; readonly label?: string }): Handle<void>;
  recv(
    from: number,
    expected: { readonly dtype: Dtype; readonly shape: Shape },
    options?: { readonly tag?: number; readonly label?: string } & IntoOption,
  ): Handle<Tensor>;
  barrier(options?: CollectiveOptions): Handle<void>;

  /** ms since the launch, on one clock for all ranks. */
  nowMs(): number;
  /** Runs `action` and notes it as a span on this rank's compute lane. */
  span<T>(name: string, action: () => T, category?: string): T;
  /** Notes a span that the caller timed. */
  addSpan(span: Omit<RankSpan, 'lane'> & { readonly lane?: string }): void;
  /** Sends a value (structured clone) to `onMessage` of the launch. */
  post(value: unknown): void;
}

/** A measured span; core/schedule's traceFromSpans takes them as they are. */
export interface RankSpan {
  /** `rank 0`, `rank 0 link`, or what addSpan said. */
  readonly lane: string;
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
  /** `compute`, `communication` (link busy; without links: data being moved), `wait` (until the result is there), or what
   *  the caller said. */
  readonly category: string;
}
