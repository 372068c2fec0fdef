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
import {
  fillFeatures,
  policyName,
  scorerOf,
  type CandidateFeatures,
  type EvictionPolicy,
  type Scorer,
} from './eviction.ts';
import { EvictedPrefixes, hashOfPrefix, PrefixSketch } from './prefix-hashes.ts';
import type {
  BeginOptions,
  CacheCounters,
  CacheEvents,
  Computed,
  KvCodec,
  Lease,
  Match,
  PrefixCacheOptions,
} from './types.ts';

const DEFAULT_MIN_CHECKPOINT_TOKENS = 64;
const DEFAULT_POLICY: EvictionPolicy = { kind: 'marconi', alpha: 0.25 };
const NEVER = 0;

interface Reservation {
  readonly node: number;
  readonly bytes: number;
  readonly salt: string;
  readonly sources: ReadonlyMap<number, string>;
  readonly isEnabled: boolean;
  readonly isEndKept: boolean;
}

interface Walk {
  /** Deepest node whose edge matched, and the depth of it. */
  readonly node: number;
  /** Node of the edge that matched in part, or −1. */
  readonly partial: number;
  readonly shared: number;
  /** Deepest matched node with a usable state, or the root. */
  readonly stateNode: number;
  /** Depth of the deepest matched node below it that lost its state, or 0. */
  readonly tombstone: number;
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
  readonly #codec: KvCodec<Kv> | undefined;
  readonly #keepTokens: number;
  readonly #now: () => number;
  readonly #sketch: PrefixSketch | undefined;
  readonly #evicted: EvictedPrefixes | undefined;
  readonly #states: (State | undefined)[] = [];
  readonly #kvs: (Kv | undefined)[] = [];
  #policy: EvictionPolicy;
  #scorer: Scorer;
  #uses = new Float32Array(64);
  #inflation = new Float64Array(64);
  #pinnedUntil = new Float64Array(64);
  #tags = new Int32Array(64);
  #features = createFeatures(64);
  #scores = new Float64Array(64);
  #inflationNow = 0;
  #requestClock = 0;
  #isHeard = false;
  #nextLease = 1;

  /** @throws TF-PREFIX-001 if the capacity holds no checkpoint */
  constructor(options: PrefixCacheOptions<Kv>) {
    const { profile, capacityBytes, policy = DEFAULT_POLICY, admission = {}, alignTokens = 1 } = options;
    const least = profile.stateBytes + profile.kvBytesPerToken;
    if (!(capacityBytes >= least))
      throw prefixError('TF-PREFIX-001', {
        subject: 'PrefixCache',
        expected: `a capacity of at least ${least} bytes (one checkpoint and one token of ${profile.name})`,
        actual: String(capacityBytes),
      });
    this.profile = profile;
    this.capacityBytes = capacityBytes;
    this.#policy = policy;
    this.#scorer = scorerOf(policy);
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
    this.#codec = options.kvCodec;
    this.#now = options.now ?? (() => this.#requestClock);
    this.#sketch = this.rules.sketchGridTokens > 0 ? new PrefixSketch(this.rules.sketchGridTokens) : undefined;
    this.#evicted = (options.explain ?? true) ? new EvictedPrefixes() : undefined;
    this.events = this.#emitter;
  }

  get bytes(): number {
    return bytesOf(this.profile, this.tree.numTokens, this.tree.numStates);
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
    return this.#policy;
  }

  /** From the next eviction on. */
  setPolicy(policy: EvictionPolicy): void {
    if (policyName(policy) === policyName(this.#policy)) return;
    this.#policy = policy;
    this.#scorer = scorerOf(policy);
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
    return this.#states[node];
  }

  kvOf(node: number): Kv | undefined {
    return this.#kvs[node];
  }

  isPinned(node: number): boolean {
    return this.#pinnedUntil[node]! > this.#now();
  }

  /** What a request with this prompt would reuse. Changes nothing. */
  lookup(tokens: Int32Array, { salt = '', isEnabled = true }: BeginOptions = {}): Match<State, Kv> {
    if (!isEnabled) return { reusedTokens: 0, sharedTokens: 0, missReason: 'disabled', state: undefined, kv: [] };
    const root = this.#rootOfSalt.get(salt);
    const walk = root === undefined ? undefined : this.#walk(root, tokens);
    return this.#matchOf(tokens, salt, walk);
  }

  /** Starts a request: locks the checkpoint it resumes from and reserves bytes for what it will add. */
  begin(tokens: Int32Array, options: BeginOptions = {}): Lease<State, Kv> {
    const { salt = '', breakpoints = [], maxOutputTokens = 0, isEnabled = true, isEndKept = this.rules.end } = options;
    this.#requestClock++;
    const id = this.#nextLease++;
    const root = this.#rootFor(salt);
    const walk = isEnabled ? this.#walk(root, tokens) : undefined;
    const match = isEnabled
      ? this.#matchOf(tokens, salt, walk)
      : { reusedTokens: 0, sharedTokens: 0, missReason: 'disabled' as const, state: undefined, kv: [] };
    this.#count(tokens.length, match);
    if (walk === undefined) {
      this.#leases.set(id, { node: root, bytes: 0, salt, sources: new Map(), isEnabled: false, isEndKept });
      return { ...match, id, plan: [], isAdmitted: false };
    }
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
    const bytes = bytesOf(this.profile, newTokens, plan.length + (isEndKept ? 1 : 0));
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
    const { shared } = this.#walk(root, tokens, 0);
    if (this.bytes + this.reservedBytes + bytesOf(this.profile, tokens.length - shared, 1) > this.capacityBytes)
      return false;
    const codec = this.#codec;
    const computed: Computed<State, Kv> | undefined =
      codec === undefined || kv.length === 0
        ? undefined
        : {
            states: new Map([[tokens.length, state!]]),
            kvOf: (start, end) =>
              codec.slice(
                kv.reduce((all, part) => codec.join(all, part)),
                start,
                end,
              ),
          };
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
    const { stateNode } = this.#walk(root, tokens, 0);
    if (this.tree.isRoot(stateNode)) return 0;
    this.#pinnedUntil[stateNode] = until;
    return this.tree.depth[stateNode]!;
  }

  unpin(tokens: Int32Array, { salt = '' }: { readonly salt?: string } = {}): number {
    return this.pin(tokens, { salt, until: NEVER });
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
    this.#pinnedUntil.fill(NEVER);
    this.evict(Infinity);
    this.#emitter.emit('cleared', {});
  }

  /** Tag of a node: the caller's number for the boundary it stands for (simulations). */
  tagOf(node: number): number {
    return this.#tags[node]!;
  }

  setTag(node: number, tag: number): void {
    this.#tags[node] = tag;
  }

  /** Deepest node that holds exactly this prefix, or −1. */
  nodeAt(tokens: Int32Array, length: number, salt = ''): number {
    const root = this.#rootOfSalt.get(salt);
    if (root === undefined) return -1;
    const { node, shared, partial } = this.#walk(root, tokens.subarray(0, length), 0);
    return shared === length && partial < 0 && !this.tree.isRoot(node) ? node : -1;
  }

  #walk(root: number, tokens: Int32Array, keep = this.#keepTokens): Walk {
    const { tree } = this;
    const limit = tokens.length - keep;
    let node = root;
    let stateNode = root;
    let shared = 0;
    let tombstone = 0;
    while (shared < tokens.length) {
      const child = tree.findChild(node, tokens[shared]!);
      if (child < 0) break;
      const length = tree.matchEdge(child, tokens, shared);
      shared += length;
      if (length < tree.tokenCount[child]!) return { node, partial: child, shared, stateNode, tombstone };
      node = child;
      if (shared > limit) continue;
      if (tree.hasState[child] === 1) {
        stateNode = child;
        tombstone = 0;
      } else tombstone = shared;
    }
    return { node, partial: -1, shared, stateNode, tombstone };
  }

  #matchOf(tokens: Int32Array, salt: string, walk: Walk | undefined): Match<State, Kv> {
    const reusedTokens = walk === undefined ? 0 : this.tree.depth[walk.stateNode]!;
    const sharedTokens = walk?.shared ?? 0;
    const kv: Kv[] = [];
    if (walk !== undefined && this.#codec !== undefined) {
      for (let at = walk.stateNode; !this.tree.isRoot(at); at = this.tree.parent[at]!) kv.push(this.#kvs[at]!);
      kv.reverse();
    }
    const state = walk === undefined || reusedTokens === 0 ? undefined : this.#states[walk.stateNode];
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
    if (this.#evicted.longestOf(tokens) >= Math.max(1, minTokens)) return 'state_evicted';
    if (shared === 0) {
      for (const [other, root] of this.#rootOfSalt)
        if (other !== salt && this.#walk(root, tokens).shared >= minTokens) return 'salt';
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

  #touch({ node, partial, stateNode }: Walk): void {
    const { tree } = this;
    const now = this.#now();
    if (this.#policy.kind === 'leafLru') {
      for (let at = partial >= 0 ? partial : node; !tree.isRoot(at); at = tree.parent[at]!) tree.lastAccess[at] = now;
    }
    if (tree.isRoot(stateNode)) return;
    tree.lastAccess[stateNode] = now;
    if (this.#uses[stateNode]!++ === 0) this.counters.reusedCheckpoints++;
    this.#inflation[stateNode] = this.#inflationNow;
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
    const walk = this.#walk(root, tokens, 0);
    const anchor = walk.partial >= 0 ? walk.partial : walk.node;
    this.tree.locks[anchor]!++;
    const wanted = positions.filter((at) => !this.#hasStateAt(root, tokens, at));
    while (wanted.length > 0) {
      const last = wanted.at(-1)!;
      const bytes = bytesOf(this.profile, Math.max(0, last - walk.shared), wanted.length);
      if (this.#makeRoom(bytes)) break;
      // A sequence that does not fit keeps its shorter checkpoints.
      wanted.pop();
      this.counters.skippedAdmissions++;
    }
    const target = wanted.at(-1) ?? 0;
    // Room may have cost states that were there before; whatever the plan still misses is added if it was wanted.
    const before = this.tree.numTokens;
    for (const at of wanted) this.#placeCheckpoint(root, tokens, at, sources.get(at) ?? 'end', computed);
    if (target > 0 && this.tree.numTokens > before)
      this.#emitter.emit('stored', {
        tokens: tokens.subarray(0, target),
        newTokens: this.tree.numTokens - before,
        salt: this.#saltOfRoot.get(root)!,
      });
    this.#unlock(anchor);
    return wanted.length;
  }

  #hasStateAt(root: number, tokens: Int32Array, length: number): boolean {
    const { node, shared, partial } = this.#walk(root, tokens.subarray(0, length), 0);
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
    const walk = this.#walk(root, tokens.subarray(0, at), 0);
    let node = walk.node;
    if (walk.partial >= 0) node = this.#split(walk.partial, walk.shared - tree.depth[node]!);
    if (walk.shared < at) {
      node = tree.addLeaf(node, tokens, walk.shared, at);
      this.#adopt(node);
      if (computed !== undefined) this.#kvs[node] = computed.kvOf(walk.shared, at);
    }
    if (tree.hasState[node] === 1) return;
    tree.setState(node, true);
    if (computed !== undefined) this.#states[node] = computed.states.get(at)!;
    tree.lastAccess[node] = this.#now();
    this.#inflation[node] = this.#inflationNow;
    this.counters.checkpoints[source] = (this.counters.checkpoints[source] ?? 0) + 1;
    this.#emitter.emit('checkpointed', { tokens: tokens.subarray(0, at), salt: this.#saltOfRoot.get(root)! });
  }

  #split(node: number, at: number): number {
    const kv = this.#kvs[node];
    const count = this.tree.tokenCount[node]!;
    const upper = this.tree.splitEdge(node, at);
    this.#adopt(upper);
    if (this.#codec !== undefined && kv !== undefined) {
      this.#kvs[upper] = this.#codec.slice(kv, 0, at);
      this.#kvs[node] = this.#codec.slice(kv, at, count);
    }
    return upper;
  }

  /** Clears the side figures of a new node. */
  #adopt(node: number): void {
    if (node >= this.#uses.length) {
      const size = Math.max(node + 1, this.#uses.length * 2);
      this.#uses = grown(this.#uses, new Float32Array(size));
      this.#inflation = grown(this.#inflation, new Float64Array(size));
      this.#pinnedUntil = grown(this.#pinnedUntil, new Float64Array(size));
      this.#tags = grown(this.#tags, new Int32Array(size));
    }
    this.#uses[node] = 0;
    this.#inflation[node] = this.#inflationNow;
    this.#pinnedUntil[node] = NEVER;
    this.#tags[node] = -1;
    this.#states[node] = undefined;
    this.#kvs[node] = undefined;
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

  /** One pass: scores all candidates once, removes in rising order until `target` bytes are left.
   *  @param isForced  also states where sequences part */
  #evictTo(target: number, isForced: boolean): void {
    while (this.bytes > target) {
      const count = this.#collect(isForced);
      if (count === 0) return;
      this.#scorer(this.#features, this.tree, { uses: this.#uses, inflation: this.#inflation }, this.#scores);
      const order = new SmallestFirst(this.#scores, count);
      // Removals change neighbours: a round ends after its batch and the rest is scored again.
      const batch = Math.max(1, count >> 3);
      let removed = 0;
      for (let index = order.pop(); index >= 0 && removed < batch; index = order.pop()) {
        const node = this.#features.nodes[index]!;
        if (!this.#isEvictable(node, isForced)) continue;
        if (this.#policy.kind === 'gdsf') this.#inflationNow = Math.max(this.#inflationNow, this.#scores[index]!);
        this.#dropState(node);
        removed++;
        if (this.bytes <= target) return;
      }
      if (removed === 0) return;
    }
  }

  #collect(isForced: boolean): number {
    const { tree } = this;
    const most = isForced ? tree.nodeLimit : tree.numCandidates;
    if (this.#features.nodes.length < most) {
      this.#features = createFeatures(most * 2);
      this.#scores = new Float64Array(most * 2);
    }
    const { nodes } = this.#features;
    const now = this.#now();
    let count = 0;
    const leavesOnly = this.#policy.kind === 'leafLru' && !isForced;
    for (let i = 0; i < most; i++) {
      const node = isForced ? i : tree.candidates[i]!;
      if (tree.hasState[node] === 0 || tree.locks[node] !== 0 || this.#pinnedUntil[node]! > now) continue;
      if (tree.childCount[node] !== 0 && (leavesOnly || this.profile.stateBytes === 0)) continue;
      nodes[count++] = node;
    }
    this.#features = { ...this.#features, count };
    fillFeatures(tree, this.profile, now, this.#features);
    return count;
  }

  #isEvictable(node: number, isForced: boolean): boolean {
    const { tree } = this;
    return (
      tree.isLive(node) &&
      tree.hasState[node] === 1 &&
      tree.locks[node] === 0 &&
      (isForced || tree.childCount[node]! <= 1)
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
      this.#evicted?.add(hashOfPrefix(tokens));
      this.#emitter.emit('unCheckpointed', { tokens, salt: this.saltOf(node) });
    }
    tree.setState(node, false);
    this.#states[node] = undefined;
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
        const first = this.#kvs[node];
        const time = tree.lastAccess[node]!;
        const child = tree.absorbIntoChild(node);
        if (this.#policy.kind !== 'leafLru') tree.lastAccess[child] = Math.max(tree.lastAccess[child]!, time);
        if (this.#codec !== undefined && first !== undefined)
          this.#kvs[child] = this.#codec.join(first, this.#kvs[child]!);
        this.#kvs[node] = undefined;
        return;
      }
      if (this.#evicted !== undefined || this.#isHeard)
        this.#emitter.emit('removed', {
          tokens: tree.sequenceOf(node),
          removedTokens: tree.tokenCount[node]!,
          salt: this.saltOf(node),
        });
      this.#kvs[node] = undefined;
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

/** Where a prompt shows that sequences part and no checkpoint stands: inside an edge, and at a node that lost its state. */
function branchesOf({ partial, shared, tombstone }: Walk, promptTokens: number): number[] {
  const branches = partial >= 0 && shared < promptTokens ? [shared] : [];
  if (tombstone > 0) branches.push(tombstone);
  return branches;
}

/** Indices in rising order of score, as far as they are asked for. Cost: O(n) to make, O(log n) a pop. */
class SmallestFirst {
  readonly #scores: Float64Array;
  readonly #heap: Int32Array;
  #size: number;

  constructor(scores: Float64Array, count: number) {
    this.#scores = scores;
    this.#heap = new Int32Array(count);
    this.#size = count;
    for (let i = 0; i < count; i++) this.#heap[i] = i;
    for (let i = (count >> 1) - 1; i >= 0; i--) this.#sink(i);
  }

  /** @returns −1 when none is left */
  pop(): number {
    if (this.#size === 0) return -1;
    const least = this.#heap[0]!;
    this.#heap[0] = this.#heap[--this.#size]!;
    this.#sink(0);
    return least;
  }

  #sink(start: number): void {
    const heap = this.#heap;
    const scores = this.#scores;
    const entry = heap[start]!;
    const score = scores[entry]!;
    let at = start;
    for (let child = 2 * at + 1; child < this.#size; child = 2 * at + 1) {
      const right = child + 1;
      if (right < this.#size && scores[heap[right]!]! < scores[heap[child]!]!) child = right;
      if (scores[heap[child]!]! >= score) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = entry;
  }
}

function createFeatures(size: number): CandidateFeatures {
  return {
    count: 0,
    nodes: new Int32Array(size),
    recency: new Float64Array(size),
    flops: new Float64Array(size),
    replayTokens: new Float64Array(size),
    freedBytes: new Float64Array(size),
  };
}

function grown<Values extends Float32Array | Float64Array | Int32Array>(old: Values, fresh: Values): Values {
  fresh.set(old);
  return fresh;
}

function createCounters(): CacheCounters {
  return {
    requests: 0,
    requestTokens: 0,
    hitTokens: 0,
    hits: 0,
    evictedStates: 0,
    evictedFlops: 0,
    savedFlops: 0,
    skippedAdmissions: 0,
    checkpoints: {},
    reusedCheckpoints: 0,
    misses: {
      hit: 0,
      no_shared_prefix: 0,
      first_occurrence: 0,
      state_evicted: 0,
      below_min: 0,
      unaligned: 0,
      salt: 0,
      disabled: 0,
    },
  };
}
