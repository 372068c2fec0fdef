/** A prefix cache for models with recurrent layers: one radix tree for keys, values and checkpoints (paper, §4), with a
 *  hard byte budget, locks, reservations, tombstones, pins and tenants. Every leaf holds a checkpoint; a node without
 *  one (tombstone) stays only while sequences part there. Differs from the paper: what its simulator leaves open
 *  (in-flight requests, last sampled token, budget) is decided here; see the README's table. */
import { createEventEmitter, type EventSource } from '@tenfold/core/base';
import { bytesOf, flopsBetween } from '../cost/profile.ts';
import { prefixError } from '../prefix-errors.ts';
import { RadixTree } from '../tree/radix-tree.ts';
import type { MissReason, ModelProfile } from '../types.ts';
import { planCheckpoints, type AdmissionRules } from './admission.ts';
import { createCounters, type CacheCounters } from './counters.ts';
import type { EvictionPolicy } from './eviction.ts';
import { Evictor } from './evictor.ts';
import { NodeContents } from './node-contents.ts';
import { NodeHistory } from './node-history.ts';
import { EvictedPrefixes, hashOfPrefix, PrefixSketch } from './prefix-hashes.ts';
import { branchesOf, walkTree, type Walk } from './tree-walk.ts';
import type { BeginOptions, CacheEvents, Computed, Lease, Match, PrefixCacheOptions } from './types.ts';

const DEFAULT_MIN_CHECKPOINT_TOKENS = 64;
const DEFAULT_POLICY: EvictionPolicy = { kind: 'hitDensity' };
const UNPINNED = 0;

interface Reservation {
  readonly node: number;
  readonly bytes: number;
  readonly salt: string;
  readonly sources: ReadonlyMap<number, string>;
  readonly isEnabled: boolean;
  readonly isEndKept: boolean;
}

export class PrefixCache<State = undefined, Kv = undefined> {
  readonly tree = new RadixTree();
  readonly profile: ModelProfile;
  readonly capacityBytes: number;
  readonly rules: AdmissionRules;
  readonly counters: CacheCounters = createCounters();
  readonly events: EventSource<CacheEvents>;
  peakBytes = 0;
  reservedBytes = 0;

  readonly #emitter = createEventEmitter<CacheEvents>();
  readonly #rootOfSalt = new Map<string, number>([['', 0]]);
  readonly #saltOfRoot = new Map<number, string>([[0, '']]);
  readonly #leases = new Map<number, Reservation>();
  readonly #keepTokens: number;
  readonly #now: () => number;
  readonly #sketch: PrefixSketch | undefined;
  readonly #evicted: EvictedPrefixes | undefined;
  readonly #history = new NodeHistory();
  readonly #contents: NodeContents<State, Kv>;
  readonly #evictor: Evictor;
  #isHeard = false;
  #nextLease = 1;

  /** @throws TF-PREFIX-001 if the capacity holds no checkpoint */
  constructor(options: PrefixCacheOptions<Kv>) {
    const { profile, capacityBytes, policy = DEFAULT_POLICY, admission = {}, alignTokens = 1 } = options;
    const least = bytesOf(profile, 1, 1, 1);
    if (!(capacityBytes >= least))
      throw prefixError('TF-PREFIX-001', {
        subject: 'PrefixCache',
        expected: `a capacity of at least ${least} bytes (one checkpoint and one token of ${profile.name})`,
        actual: String(capacityBytes),
      });
    this.profile = profile;
    this.capacityBytes = capacityBytes;
    this.rules = {
      branch: admission.branch ?? true,
      end: admission.end ?? true,
      promptEnd: admission.promptEnd ?? false,
      intervalTokens: admission.intervalTokens ?? 0,
      sketchGridTokens: admission.sketchGridTokens ?? 0,
      alignTokens,
      minTokens: options.minCheckpointTokens ?? DEFAULT_MIN_CHECKPOINT_TOKENS,
    };
    this.#keepTokens = options.keepTokens ?? 0;
    this.#contents = new NodeContents(options.kvCodec);
    this.#now = options.now ?? (() => this.#history.request);
    this.#sketch = this.rules.sketchGridTokens > 0 ? new PrefixSketch(this.rules.sketchGridTokens) : undefined;
    const remembers = (options.explain ?? true) || policy.kind === 'hitDensity';
    this.#evicted = remembers ? new EvictedPrefixes() : undefined;
    this.#evictor = new Evictor(this.tree, profile, { policy, history: this.#history, now: this.#now });
    this.events = this.#emitter;
  }

  get bytes(): number {
    return bytesOf(this.profile, this.tree.numTokens, this.tree.numStates, this.tree.numStateTokens);
  }

  get numLeases(): number {
    return this.#leases.size;
  }

  /** Leases that hold a lock. */
  get numLocks(): number {
    let count = 0;
    for (const { isEnabled } of this.#leases.values()) count += Number(isEnabled);
    return count;
  }

  get policy(): EvictionPolicy {
    return this.#evictor.policy;
  }

  /** From the next eviction on. */
  setPolicy(policy: EvictionPolicy): void {
    this.#evictor.policy = policy;
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

  stateOf(node: number): State | undefined {
    return this.#contents.stateOf(node);
  }

  kvOf(node: number): Kv | undefined {
    return this.#contents.kvOf(node);
  }

  isPinned(node: number): boolean {
    return this.#evictor.isPinned(node);
  }

  /** Node whose checkpoint would be evicted first, or −1. Cost: O(candidates). */
  findNextVictim(): number {
    return this.#evictor.next();
  }

  /** What a request with this prompt would reuse. Changes nothing. */
  lookup(tokens: Int32Array, { salt = '', isEnabled = true }: BeginOptions = {}): Match<State, Kv> {
    if (!isEnabled) return { reusedTokens: 0, sharedTokens: 0, missReason: 'disabled', state: undefined, kv: [] };
    const root = this.#rootOfSalt.get(salt);
    const walk = root === undefined ? undefined : walkTree(this.tree, root, tokens, this.#keepTokens);
    return this.#matchOf(tokens, salt, walk);
  }

  /** Starts a request: locks the checkpoint it resumes from and reserves bytes for what it will add. */
  begin(tokens: Int32Array, options: BeginOptions = {}): Lease<State, Kv> {
    const { salt = '', breakpoints = [], maxOutputTokens = 0, isEnabled = true, isEndKept = this.rules.end } = options;
    this.#history.request++;
    this.#history.ages.fade();
    const id = this.#nextLease++;
    const root = this.#rootFor(salt);
    const walk = isEnabled ? walkTree(this.tree, root, tokens, this.#keepTokens) : undefined;
    const match = isEnabled
      ? this.#matchOf(tokens, salt, walk)
      : { reusedTokens: 0, sharedTokens: 0, missReason: 'disabled' as const, state: undefined, kv: [] };
    this.#count(tokens.length, match);
    if (walk === undefined) {
      this.#leases.set(id, { node: root, bytes: 0, salt, sources: new Map(), isEnabled: false, isEndKept });
      return { ...match, id, plan: [], isAdmitted: false };
    }
    this.#learn(tokens, walk);
    this.#touch(walk);
    const plan = planCheckpoints(
      {
        promptTokens: tokens.length,
        reusedTokens: match.reusedTokens,
        branches: branchesOf(walk, tokens.length),
        sketchTokens: this.#sketch?.observe(tokens) ?? 0,
        breakpoints,
      },
      this.rules,
    );
    this.tree.locks[walk.stateNode]!++;
    const last = isEndKept ? tokens.length + maxOutputTokens : (plan.at(-1)?.at ?? 0);
    const newTokens = Math.max(0, last - walk.shared);
    const stateTokens = plan.reduce((sum, { at }) => sum + at, isEndKept ? last : 0);
    const bytes = bytesOf(this.profile, newTokens, plan.length + (isEndKept ? 1 : 0), stateTokens);
    const isAdmitted = this.#makeRoom(bytes);
    if (isAdmitted) this.reservedBytes += bytes;
    else this.counters.skippedAdmissions++;
    this.#notePeak();
    const sources = new Map(plan.map(({ at, source }) => [at, source]));
    this.#leases.set(id, {
      node: walk.stateNode,
      bytes: isAdmitted ? bytes : 0,
      salt,
      sources,
      isEnabled: true,
      isEndKept,
    });
    return { ...match, id, plan, isAdmitted };
  }

  /** Ends a request and keeps what it computed.
   *  @param tokens  prompt and generated tokens whose state exists (without the last sampled one)
   *  @param computed  states and keys/values; absent where only sizes are kept
   *  @returns checkpoints that were added */
  commit(lease: Lease<State, Kv>, tokens: Int32Array, computed?: Computed<State, Kv>): number {
    const reservation = this.#leases.get(lease.id);
    if (reservation === undefined) return 0;
    this.#leases.delete(lease.id);
    this.reservedBytes -= reservation.bytes;
    if (!reservation.isEnabled) return 0;
    const positions = lease.plan.map(({ at }) => at).filter((at) => at <= tokens.length);
    const end = Math.floor(tokens.length / this.rules.alignTokens) * this.rules.alignTokens;
    if (reservation.isEndKept && end >= this.rules.minTokens && !positions.includes(end)) positions.push(end);
    const usable = positions.filter((at) => computed === undefined || computed.states.has(at)).sort((a, b) => a - b);
    const added = this.#insert(this.#rootFor(reservation.salt), tokens, usable, reservation, computed);
    this.#unlock(reservation.node);
    this.#notePeak();
    return added;
  }

  /** Ends a request and keeps nothing of it. */
  abort(lease: Lease<State, Kv>): void {
    const reservation = this.#leases.get(lease.id);
    if (reservation === undefined) return;
    this.#leases.delete(lease.id);
    this.reservedBytes -= reservation.bytes;
    if (reservation.isEnabled) this.#unlock(reservation.node);
  }

  /** Takes over a checkpoint from a snapshot.
   *  @param kv  pieces of the whole prefix, in order
   *  @returns false if it does not fit */
  adoptCheckpoint(tokens: Int32Array, salt: string, state: State | undefined, kv: readonly Kv[]): boolean {
    const root = this.#rootFor(salt);
    const { shared } = walkTree(this.tree, root, tokens, 0);
    if (
      this.bytes + this.reservedBytes + bytesOf(this.profile, tokens.length - shared, 1, tokens.length) >
      this.capacityBytes
    )
      return false;
    const kvOf = this.#contents.rangeOf(kv);
    const computed = kvOf === undefined ? undefined : { states: new Map([[tokens.length, state!]]), kvOf };
    this.#placeCheckpoint(root, tokens, tokens.length, 'snapshot', computed);
    this.#notePeak();
    return true;
  }

  /** Keeps the deepest checkpoint of the prefix until a time of the cache's clock.
   *  @returns length of the pinned prefix, 0 if there is none */
  pin(
    tokens: Int32Array,
    { salt = '', until = Infinity }: { readonly salt?: string; readonly until?: number } = {},
  ): number {
    const root = this.#rootOfSalt.get(salt);
    if (root === undefined) return 0;
    const { stateNode } = walkTree(this.tree, root, tokens, 0);
    if (this.tree.isRoot(stateNode)) return 0;
    this.#history.pinnedUntil[stateNode] = until;
    return this.tree.depth[stateNode]!;
  }

  unpin(tokens: Int32Array, { salt = '' }: { readonly salt?: string } = {}): number {
    return this.pin(tokens, { salt, until: UNPINNED });
  }

  /** Frees bytes by the policy. @returns bytes freed; less than asked if the rest is locked or pinned */
  evict(bytes: number): number {
    const target = Math.max(0, this.bytes - bytes);
    const before = this.bytes;
    this.#evictTo(target, false);
    if (this.bytes > target) this.#evictTo(target, true);
    return before - this.bytes;
  }

  /** Drops everything that is not locked. */
  clear(): void {
    this.#history.pinnedUntil.fill(UNPINNED);
    this.evict(Infinity);
    this.#emitter.emit('cleared', {});
  }

  /** Tag of a node: the caller's number for the boundary it stands for (simulations). */
  tagOf(node: number): number {
    return this.#history.tags[node]!;
  }

  setTag(node: number, tag: number): void {
    this.#history.tags[node] = tag;
  }

  #matchOf(tokens: Int32Array, salt: string, walk: Walk | undefined): Match<State, Kv> {
    const reusedTokens = walk === undefined ? 0 : this.tree.depth[walk.stateNode]!;
    const sharedTokens = walk?.shared ?? 0;
    const kv = walk === undefined ? [] : this.#contents.kvPathOf(this.tree, walk.stateNode);
    const state = reusedTokens === 0 ? undefined : this.#contents.stateOf(walk!.stateNode);
    return {
      reusedTokens,
      sharedTokens,
      missReason: this.#reasonOf(tokens, salt, reusedTokens, sharedTokens),
      state,
      kv,
    };
  }

  #reasonOf(tokens: Int32Array, salt: string, reused: number, shared: number): MissReason {
    if (reused > 0) return 'hit';
    if (this.#evicted === undefined) return shared === 0 ? 'no_shared_prefix' : 'first_occurrence';
    const { minTokens, alignTokens } = this.rules;
    if ((this.#evicted.findLongest(tokens)?.length ?? 0) >= Math.max(1, minTokens)) return 'state_evicted';
    if (shared === 0) {
      for (const [other, root] of this.#rootOfSalt)
        if (other !== salt && walkTree(this.tree, root, tokens, this.#keepTokens).shared >= minTokens) return 'salt';
      return 'no_shared_prefix';
    }
    if (shared < minTokens) return 'below_min';
    if (shared < alignTokens) return 'unaligned';
    return 'first_occurrence';
  }

  #count(promptTokens: number, { reusedTokens, missReason }: Match<State, Kv>): void {
    const { counters } = this;
    counters.requests++;
    counters.requestTokens += promptTokens;
    counters.hitTokens += reusedTokens;
    counters.savedFlops += flopsBetween(this.profile, 0, reusedTokens);
    if (reusedTokens > 0) counters.hits++;
    counters.misses[missReason]++;
  }

  /** Learns at which age a checkpoint is used: the longest that covers the prompt, even if it was evicted. */
  #learn(tokens: Int32Array, { stateNode }: Walk): void {
    const history = this.#history;
    const missed = this.#evicted?.findLongest(tokens, this.tree.depth[stateNode]!);
    if (missed !== undefined) history.ages.reuse(missed.mark.kind, history.request - missed.mark.lastRequest);
    else if (!this.tree.isRoot(stateNode))
      history.ages.reuse(history.kindOf(this.tree, stateNode), history.request - history.lastRequest[stateNode]!);
  }

  #touch({ node, partial, stateNode }: Walk): void {
    const { tree } = this;
    const now = this.#now();
    if (this.policy.kind === 'leafLru') {
      for (let at = partial >= 0 ? partial : node; !tree.isRoot(at); at = tree.parent[at]!) tree.lastAccess[at] = now;
    }
    if (tree.isRoot(stateNode)) return;
    tree.lastAccess[stateNode] = now;
    if (this.#history.uses[stateNode] === 0) this.counters.reusedCheckpoints++;
    this.#history.use(tree, stateNode);
  }

  #rootFor(salt: string): number {
    let root = this.#rootOfSalt.get(salt);
    if (root === undefined) {
      root = this.tree.createRoot();
      this.#rootOfSalt.set(salt, root);
      this.#saltOfRoot.set(root, salt);
      this.#adopt(root);
    }
    return root;
  }

  #insert(
    root: number,
    tokens: Int32Array,
    positions: number[],
    { sources }: Reservation,
    computed: Computed<State, Kv> | undefined,
  ): number {
    // The path that is extended must not be evicted while room is made for the rest.
    const walk = walkTree(this.tree, root, tokens, 0);
    const anchor = walk.partial >= 0 ? walk.partial : walk.node;
    this.tree.locks[anchor]!++;
    const wanted = positions.filter((at) => !this.#hasStateAt(root, tokens, at));
    while (wanted.length > 0) {
      const last = wanted.at(-1)!;
      const stateTokens = wanted.reduce((sum, at) => sum + at, 0);
      const bytes = bytesOf(this.profile, Math.max(0, last - walk.shared), wanted.length, stateTokens);
      if (this.#makeRoom(bytes)) break;
      // A sequence that does not fit keeps its shorter checkpoints.
      wanted.pop();
      this.counters.skippedAdmissions++;
    }
    // Room may have cost states that were there before; whatever the plan still misses is added if it was wanted.
    for (const at of wanted) this.#placeCheckpoint(root, tokens, at, sources.get(at) ?? 'end', computed);
    this.#unlock(anchor);
    return wanted.length;
  }

  #hasStateAt(root: number, tokens: Int32Array, length: number): boolean {
    const { node, shared, partial } = walkTree(this.tree, root, tokens.subarray(0, length), 0);
    return partial < 0 && shared === length && this.tree.hasState[node] === 1;
  }

  #placeCheckpoint(
    root: number,
    tokens: Int32Array,
    at: number,
    source: string,
    computed: Computed<State, Kv> | undefined,
  ): void {
    const { tree } = this;
    const walk = walkTree(this.tree, root, tokens.subarray(0, at), 0);
    const salt = this.#saltOfRoot.get(root)!;
    let node = walk.node;
    if (walk.partial >= 0) node = this.#split(walk.partial, walk.shared - tree.depth[node]!);
    const { ages } = this.#history;
    if (walk.shared < at) {
      const wasLeaf = tree.hasState[node] === 1 && tree.childCount[node] === 0;
      const parent = node;
      node = tree.addLeaf(parent, tokens, walk.shared, at);
      if (wasLeaf) ages.start(this.#history.kindOf(tree, parent));
      this.#adopt(node);
      if (computed !== undefined) this.#contents.setKv(node, computed.kvOf(walk.shared, at));
      // Before the checkpoint: who follows the events can place a state only below known tokens.
      this.#emitter.emit('stored', { tokens: tokens.subarray(0, at), newTokens: at - walk.shared, salt });
    }
    if (tree.hasState[node] === 1) return;
    tree.setState(node, true);
    if (computed !== undefined) this.#contents.setState(node, computed.states.get(at)!);
    tree.lastAccess[node] = this.#now();
    this.#history.inflation[node] = this.#history.inflationNow;
    this.#history.lastRequest[node] = this.#history.request;
    ages.start(this.#history.kindOf(tree, node));
    this.counters.checkpoints[source] = (this.counters.checkpoints[source] ?? 0) + 1;
    this.#emitter.emit('checkpointed', { tokens: tokens.subarray(0, at), salt });
  }

  #split(node: number, at: number): number {
    const count = this.tree.tokenCount[node]!;
    const upper = this.tree.splitEdge(node, at);
    this.#adopt(upper);
    this.#contents.split(upper, node, at, count);
    return upper;
  }

  /** Clears the side figures of a new node. */
  #adopt(node: number): void {
    this.#history.adopt(node);
    this.#contents.forget(node);
    this.tree.lastAccess[node] = this.#now();
  }

  /** Evicts until the bytes fit beside what is used and reserved. @returns false if they cannot */
  #makeRoom(bytes: number): boolean {
    const target = this.capacityBytes - this.reservedBytes - bytes;
    if (target < 0) return false;
    if (this.bytes <= target) return true;
    this.#evictTo(target, false);
    if (this.bytes > target) this.#evictTo(target, true);
    return this.bytes <= target;
  }

  /** Removes checkpoints in the policy's order until `target` bytes are left.
   *  @param isForced  also states where sequences part */
  #evictTo(target: number, isForced: boolean): void {
    this.#evictor.evict(
      () => this.bytes <= target,
      (node) => this.#dropState(node),
      isForced,
    );
  }

  #dropState(node: number): void {
    const { tree } = this;
    this.counters.evictedStates++;
    this.counters.evictedFlops += flopsBetween(
      this.profile,
      tree.depth[node]! - tree.tokenCount[node]!,
      tree.depth[node]!,
    );
    if (this.#evicted !== undefined || this.#isHeard) {
      const tokens = tree.sequenceOf(node);
      this.#evicted?.add(hashOfPrefix(tokens), {
        lastRequest: this.#history.lastRequest[node]!,
        kind: this.#history.kindOf(tree, node),
      });
      this.#emitter.emit('unCheckpointed', { tokens, salt: this.saltOf(node) });
    }
    tree.setState(node, false);
    this.#contents.setState(node, undefined);
    this.#tidy(node);
  }

  /** Call before listening to `removed` and `unCheckpointed` on a cache that does not explain its misses. */
  emitRemovals(): void {
    this.#isHeard = true;
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
        if (this.policy.kind !== 'leafLru') tree.lastAccess[child] = Math.max(tree.lastAccess[child]!, time);
        this.#contents.absorb(node, child);
        return;
      }
      if (this.#evicted !== undefined || this.#isHeard)
        this.#emitter.emit('removed', {
          tokens: tree.sequenceOf(node),
          removedTokens: tree.tokenCount[node]!,
          salt: this.saltOf(node),
        });
      this.#contents.forget(node);
      node = tree.removeLeaf(node);
    }
  }

  #unlock(node: number): void {
    this.tree.locks[node]!--;
    this.#tidy(node);
  }

  #notePeak(): void {
    this.peakBytes = Math.max(this.peakBytes, this.bytes + this.reservedBytes);
  }
}
