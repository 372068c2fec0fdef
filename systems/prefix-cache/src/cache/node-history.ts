/** What a cache remembers of its nodes besides the tree's figures: uses, inflation, pins, tags, the last request. */
import type { RadixTree } from '../tree/radix-tree.ts';
import { reuseKind, ReuseAges } from './reuse-ages.ts';

const INITIAL_NODES = 64;
const NEVER = 0;

export class NodeHistory {
  /** Times that a request resumed from the node. */
  uses = new Float32Array(INITIAL_NODES);
  /** Inflation of greedy-dual at the last use. */
  inflation = new Float64Array(INITIAL_NODES);
  /** Time until which the node is pinned. */
  pinnedUntil = new Float64Array(INITIAL_NODES);
  /** The caller's number for the boundary that the node stands for (simulations). */
  tags = new Int32Array(INITIAL_NODES);
  /** Number of the request that stored or used the node last. */
  lastRequest = new Float64Array(INITIAL_NODES);
  readonly ages = new ReuseAges();
  /** Inflation of greedy-dual: the greatest score evicted so far. */
  inflationNow = 0;
  /** Number of the current request. */
  request = 0;

  /** Clears the figures of a new node. */
  adopt(node: number): void {
    if (node >= this.uses.length) this.#grow(Math.max(node + 1, this.uses.length * 2));
    this.uses[node] = 0;
    this.inflation[node] = this.inflationNow;
    this.pinnedUntil[node] = NEVER;
    this.tags[node] = -1;
    this.lastRequest[node] = this.request;
  }

  /** A request resumed from the node. */
  use(tree: RadixTree, node: number): void {
    this.uses[node]!++;
    this.inflation[node] = this.inflationNow;
    this.lastRequest[node] = this.request;
    this.ages.start(this.kindOf(tree, node));
  }

  kindOf(tree: RadixTree, node: number): number {
    return reuseKind(tree.childCount[node]! > 0, this.uses[node]!);
  }

  #grow(size: number): void {
    this.uses = grown(this.uses, new Float32Array(size));
    this.inflation = grown(this.inflation, new Float64Array(size));
    this.pinnedUntil = grown(this.pinnedUntil, new Float64Array(size));
    this.tags = grown(this.tags, new Int32Array(size));
    this.lastRequest = grown(this.lastRequest, new Float64Array(size));
  }
}

function grown<Values extends Float32Array | Float64Array | Int32Array>(old: Values, fresh: Values): Values {
  fresh.set(old);
  return fresh;
}
