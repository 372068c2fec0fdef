/** States, keys and values by node; the cache cuts and joins them with the edges. Empty in caches that keep sizes only. */
import type { RadixTree } from '../tree/radix-tree.ts';
import type { KvCodec } from './types.ts';

export class NodeContents<State, Kv> {
  readonly #codec: KvCodec<Kv> | undefined;
  readonly #states: (State | undefined)[] = [];
  readonly #kvs: (Kv | undefined)[] = [];

  constructor(codec: KvCodec<Kv> | undefined) {
    this.#codec = codec;
  }

  stateOf(node: number): State | undefined {
    return this.#states[node];
  }

  kvOf(node: number): Kv | undefined {
    return this.#kvs[node];
  }

  setState(node: number, state: State | undefined): void {
    this.#states[node] = state;
  }

  setKv(node: number, kv: Kv | undefined): void {
    this.#kvs[node] = kv;
  }

  /** Forgets a node that is new or gone. */
  forget(node: number): void {
    this.#states[node] = undefined;
    this.#kvs[node] = undefined;
  }

  /** The upper node took the first `at` of the node's `count` tokens. */
  split(upper: number, node: number, at: number, count: number): void {
    const kv = this.#kvs[node];
    if (this.#codec === undefined || kv === undefined) return;
    this.#kvs[upper] = this.#codec.slice(kv, 0, at);
    this.#kvs[node] = this.#codec.slice(kv, at, count);
  }

  /** The child took over the node's tokens. */
  absorb(node: number, child: number): void {
    const kv = this.#kvs[node];
    if (this.#codec !== undefined && kv !== undefined) this.#kvs[child] = this.#codec.join(kv, this.#kvs[child]!);
    this.#kvs[node] = undefined;
  }

  /** Keys and values of the whole prefix of a node, edge by edge. */
  kvPathOf(tree: RadixTree, node: number): Kv[] {
    const kv: Kv[] = [];
    if (this.#codec === undefined) return kv;
    for (let at = node; !tree.isRoot(at); at = tree.parent[at]!) kv.push(this.#kvs[at]!);
    return kv.reverse();
  }

  /** Pieces of a whole prefix as a function of a range. */
  rangeOf(pieces: readonly Kv[]): ((start: number, end: number) => Kv) | undefined {
    const codec = this.#codec;
    if (codec === undefined || pieces.length === 0) return undefined;
    const whole = pieces.reduce((all, piece) => codec.join(all, piece));
    return (start, end) => codec.slice(whole, start, end);
  }
}
