/** The tree with its checkpoints, keys and values: how they enter and leave it, and who hears of it. It knows no budget. */
import { createEventEmitter } from '@tenfold/core/base';
import { flopsBetween } from '../cost/profile.ts';
import { RadixTree } from '../tree/radix-tree.ts';
import type { ModelProfile } from '../types.ts';
import type { CacheCounters } from './counters.ts';
import { NodeContents } from './node-contents.ts';
import { NodeHistory } from './node-history.ts';
import { hashOfPrefix, type EvictedPrefixes } from './prefix-hashes.ts';
import { walkTree } from './tree-walk.ts';
import type { CacheEvents, Computed, KvCodec } from './types.ts';

interface StoreOptions<Kv> {
  readonly profile: ModelProfile;
  readonly counters: CacheCounters;
  readonly kvCodec: KvCodec<Kv> | undefined;
  readonly evicted: EvictedPrefixes | undefined;
  readonly now: () => number;
  /** Whether a node that is absorbed leaves its time to its child. */
  readonly inheritsTime: () => boolean;
}

export class CheckpointStore<State, Kv> {
  readonly tree = new RadixTree();
  readonly history = new NodeHistory();
  readonly contents: NodeContents<State, Kv>;
  readonly emitter = createEventEmitter<CacheEvents>();
  readonly #options: StoreOptions<Kv>;
  readonly #rootOfSalt = new Map<string, number>([['', 0]]);
  readonly #saltOfRoot = new Map<number, string>([[0, '']]);
  #emitsRemovals: boolean;

  constructor(options: StoreOptions<Kv>) {
    this.#options = options;
    this.contents = new NodeContents(options.kvCodec);
    this.#emitsRemovals = options.evicted !== undefined;
  }

  get salts(): readonly string[] {
    return [...this.#rootOfSalt.keys()];
  }

  rootOf(salt: string): number | undefined {
    return this.#rootOfSalt.get(salt);
  }

  saltOf(node: number): string {
    let at = node;
    while (!this.tree.isRoot(at)) at = this.tree.parent[at]!;
    return this.#saltOfRoot.get(at)!;
  }

  /** The root of a tenant, made if it is new. */
  rootFor(salt: string): number {
    let root = this.#rootOfSalt.get(salt);
    if (root === undefined) {
      root = this.tree.createRoot();
      this.#rootOfSalt.set(salt, root);
      this.#saltOfRoot.set(root, salt);
      this.#adopt(root);
    }
    return root;
  }

  /** Call before listening to `removed` and `unCheckpointed` on a cache that does not explain its misses. */
  emitRemovals(): void {
    this.#emitsRemovals = true;
  }

  hasStateAt(root: number, tokens: Int32Array, length: number): boolean {
    const { node, shared, partial } = walkTree(this.tree, root, tokens.subarray(0, length), 0);
    return partial < 0 && shared === length && this.tree.hasState[node] === 1;
  }

  /** Stores the checkpoint of tokens[0..at), and the keys and values that are not there yet. */
  place(root: number, tokens: Int32Array, at: number, source: string, computed: Computed<State, Kv> | undefined): void {
    const { tree } = this;
    const walk = walkTree(this.tree, root, tokens.subarray(0, at), 0);
    const salt = this.#saltOfRoot.get(root)!;
    let node = walk.node;
    if (walk.partial >= 0) node = this.#split(walk.partial, walk.shared - tree.depth[node]!);
    const { ages } = this.history;
    if (walk.shared < at) {
      const wasLeaf = tree.hasState[node] === 1 && tree.childCount[node] === 0;
      const parent = node;
      node = tree.addLeaf(parent, tokens, walk.shared, at);
      if (wasLeaf) ages.start(this.history.kindOf(tree, parent));
      this.#adopt(node);
      if (computed !== undefined) this.contents.setKv(node, computed.kvOf(walk.shared, at));
      // Before the checkpoint: who follows the events can place a state only below known tokens.
      this.emitter.emit('stored', { tokens: tokens.subarray(0, at), newTokens: at - walk.shared, salt });
    }
    if (tree.hasState[node] === 1) return;
    tree.setState(node, true);
    if (computed !== undefined) this.contents.setState(node, computed.states.get(at)!);
    tree.lastAccess[node] = this.#options.now();
    this.history.inflation[node] = this.history.inflationNow;
    this.history.lastRequest[node] = this.history.request;
    ages.start(this.history.kindOf(tree, node));
    this.#options.counters.checkpoints[source] = (this.#options.counters.checkpoints[source] ?? 0) + 1;
    this.emitter.emit('checkpointed', { tokens: tokens.subarray(0, at), salt });
  }

  #split(node: number, at: number): number {
    const count = this.tree.tokenCount[node]!;
    const upper = this.tree.splitEdge(node, at);
    this.#adopt(upper);
    this.contents.split(upper, node, at, count);
    return upper;
  }

  /** Clears the side figures of a new node. */
  #adopt(node: number): void {
    this.history.adopt(node);
    this.contents.forget(node);
    this.tree.lastAccess[node] = this.#options.now();
  }

  /** Drops a checkpoint, and what was kept for it alone. */
  drop(node: number): void {
    const { tree } = this;
    this.#options.counters.evictedStates++;
    this.#options.counters.evictedFlops += flopsBetween(
      this.#options.profile,
      tree.depth[node]! - tree.tokenCount[node]!,
      tree.depth[node]!,
    );
    if (this.#emitsRemovals) {
      const tokens = tree.sequenceOf(node);
      this.#options.evicted?.add(hashOfPrefix(tokens), {
        lastRequest: this.history.lastRequest[node]!,
        kind: this.history.kindOf(tree, node),
      });
      this.emitter.emit('unCheckpointed', { tokens, salt: this.saltOf(node) });
    }
    tree.setState(node, false);
    this.contents.setState(node, undefined);
    this.#tidy(node);
  }

  unlock(node: number): void {
    this.tree.locks[node]!--;
    this.#tidy(node);
  }

  /** Removes tombstones that part nothing: empty leaves go with their tokens, links are absorbed. */
  #tidy(start: number): void {
    const { tree } = this;
    let node = start;
    while (!tree.isRoot(node) && tree.hasState[node] === 0 && tree.locks[node] === 0) {
      const children = tree.childCount[node]!;
      if (children > 1) return;
      if (children === 1) {
        const time = tree.lastAccess[node]!;
        const child = tree.absorbIntoChild(node);
        if (this.#options.inheritsTime()) tree.lastAccess[child] = Math.max(tree.lastAccess[child]!, time);
        this.contents.absorb(node, child);
        return;
      }
      if (this.#emitsRemovals)
        this.emitter.emit('removed', {
          tokens: tree.sequenceOf(node),
          removedTokens: tree.tokenCount[node]!,
          salt: this.saltOf(node),
        });
      this.contents.forget(node);
      node = tree.removeLeaf(node);
    }
  }
}
