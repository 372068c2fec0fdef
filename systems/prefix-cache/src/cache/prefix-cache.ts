/** A prefix cache for models with recurrent layers: one radix tree for keys, values and checkpoints (paper, §4), with a
 *  hard byte budget, locks, reservations, tombstones, pins and tenants. Every leaf holds a checkpoint; a node without
 *  one (tombstone) stays only while sequences part there. Differs from the paper: what its simulator leaves open
 *  (in-flight requests, last sampled token, budget) is decided here; see the README's table. */
import type { EventSource } from '@tenfold/core/base';
import { bytesOf, flopsBetween } from '../cost/profile.ts';
import { prefixError } from '../prefix-errors.ts';
import type { RadixTree } from '../tree/radix-tree.ts';
import type { ModelProfile } from '../types.ts';
import { CheckpointStore } from './checkpoint-store.ts';
import { admissionRules, planCheckpoints, type AdmissionRules } from './admission.ts';
import { createCounters, type CacheCounters } from './counters.ts';
import type { EvictionPolicy } from './eviction.ts';
import { Evictor } from './evictor.ts';
import { missReasonOf } from './miss-reason.ts';
import { EvictedPrefixes, PrefixSketch } from './prefix-hashes.ts';
import { branchesOf, walkTree, type Walk } from './tree-walk.ts';
import type { BeginOptions, CacheEvents, Computed, Lease, Match, PrefixCacheOptions } from './types.ts';

const DEFAULT_POLICY: EvictionPolicy = { kind: 'hitDensity' };
const UNPINNED = 0;

interface Reservation {
  readonly node: number;
  bytes: number;
  readonly salt: string;
  readonly sources: ReadonlyMap<number, string>;
  readonly isEnabled: boolean;
  readonly isEndKept: boolean;
}

export class PrefixCache<State = undefined, Kv = undefined> {
  readonly tree: RadixTree;
  readonly profile: ModelProfile;
  readonly capacityBytes: number;
  readonly rules: AdmissionRules;
  readonly counters: CacheCounters = createCounters();
  readonly events: EventSource<CacheEvents>;
  peakBytes = 0;
  reservedBytes = 0;

  readonly #store: CheckpointStore<State, Kv>;
  readonly #leases = new Map<number, Reservation>();
  readonly #keepTokens: number;
  readonly #now: () => number;
  readonly #sketch: PrefixSketch | undefined;
  readonly #evicted: EvictedPrefixes | undefined;
  readonly #evictor: Evictor;
  #nextLease = 1;

  /** @throws TF-PREFIX-001 if the capacity holds no checkpoint */
  constructor(options: PrefixCacheOptions<Kv>) {
    const { profile, capacityBytes, policy = DEFAULT_POLICY } = options;
    const least = bytesOf(profile, 1, 1, 1);
    if (!(capacityBytes >= least))
      throw prefixError('TF-PREFIX-001', {
        subject: 'PrefixCache',
        expected: `a capacity of at least ${least} bytes (one checkpoint and one token of ${profile.name})`,
        actual: String(capacityBytes),
      });
    this.profile = profile;
    this.capacityBytes = capacityBytes;
    this.rules = admissionRules(options);
    this.#keepTokens = options.keepTokens ?? 0;
    this.#now = options.now ?? (() => this.#store.history.request);
    this.#sketch = this.rules.sketchGridTokens > 0 ? new PrefixSketch(this.rules.sketchGridTokens) : undefined;
    const remembers = (options.explain ?? true) || policy.kind === 'hitDensity';
    this.#evicted = remembers ? new EvictedPrefixes() : undefined;
    this.#store = new CheckpointStore<State, Kv>({
      profile,
      counters: this.counters,
      kvCodec: options.kvCodec,
      evicted: this.#evicted,
      now: this.#now,
      inheritsTime: () => this.policy.kind !== 'leafLru',
    });
    this.tree = this.#store.tree;
    this.events = this.#store.emitter;
    this.#evictor = new Evictor(this.tree, profile, { policy, history: this.#store.history, now: this.#now });
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

  /** Tenants seen so far. */
  get salts(): readonly string[] {
    return this.#store.salts;
  }

  rootOf(salt: string): number | undefined {
    return this.#store.rootOf(salt);
  }

  stateOf(node: number): State | undefined {
    return this.#store.contents.stateOf(node);
  }

  kvOf(node: number): Kv | undefined {
    return this.#store.contents.kvOf(node);
  }

  isPinned(node: number): boolean {
    return this.#evictor.isPinned(node);
  }

  /** Call before listening to `removed` and `unCheckpointed` on a cache that does not explain its misses. */
  emitRemovals(): void {
    this.#store.emitRemovals();
  }

  /** Node whose checkpoint would be evicted first, or −1. Cost: O(candidates). */
  findNextVictim(): number {
    return this.#evictor.next();
  }

  /** What a request with this prompt would reuse. Changes nothing. */
  lookup(tokens: Int32Array, { salt = '', isEnabled = true }: BeginOptions = {}): Match<State, Kv> {
    if (!isEnabled) return { reusedTokens: 0, sharedTokens: 0, missReason: 'disabled', state: undefined, kv: [] };
    const root = this.#store.rootOf(salt);
    const walk = root === undefined ? undefined : this.#walk(root, tokens);
    return this.#matchOf(tokens, salt, walk);
  }

  /** Starts a request: locks the checkpoint it resumes from and reserves bytes for what it will add. */
  begin(tokens: Int32Array, options: BeginOptions = {}): Lease<State, Kv> {
    const { salt = '', breakpoints = [], maxOutputTokens = 0, isEnabled = true, isEndKept = this.rules.end } = options;
    this.#store.history.request++;
    this.#store.history.ages.fade();
    const id = this.#nextLease++;
    const root = this.#store.rootFor(salt);
    const walk = isEnabled ? this.#walk(root, tokens) : undefined;
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
    const added = this.#insert(this.#store.rootFor(reservation.salt), tokens, usable, reservation, computed);
    this.#store.unlock(reservation.node);
    this.#notePeak();
    return added;
  }

  /** Keeps the checkpoint of a prefix before the request that computes it has ended, for requests that wait for it. What it
   *  takes is taken from the request's reservation first.
   *  @returns false if there is no room */
  publish(lease: Lease<State, Kv>, prefix: Int32Array, computed?: Computed<State, Kv>): boolean {
    const reservation = this.#leases.get(lease.id);
    if (reservation === undefined || !reservation.isEnabled || prefix.length < this.rules.minTokens) return false;
    const root = this.#store.rootFor(reservation.salt);
    const { shared } = walkTree(this.tree, root, prefix, 0);
    const used = Math.min(reservation.bytes, bytesOf(this.profile, Math.max(0, prefix.length - shared), 0, 0));
    reservation.bytes -= used;
    this.reservedBytes -= used;
    const sources = new Map([[prefix.length, 'shared']]);
    const added = this.#insert(root, prefix, [prefix.length], { ...reservation, sources }, computed);
    this.#notePeak();
    return added > 0 || this.#store.hasStateAt(root, prefix, prefix.length);
  }

  /** Ends a request and keeps nothing of it. */
  abort(lease: Lease<State, Kv>): void {
    const reservation = this.#leases.get(lease.id);
    if (reservation === undefined) return;
    this.#leases.delete(lease.id);
    this.reservedBytes -= reservation.bytes;
    if (reservation.isEnabled) this.#store.unlock(reservation.node);
  }

  /** Takes over a checkpoint from a snapshot.
   *  @param kv  pieces of the whole prefix, in order
   *  @returns false if it does not fit */
  adoptCheckpoint(tokens: Int32Array, salt: string, state: State | undefined, kv: readonly Kv[]): boolean {
    const root = this.#store.rootFor(salt);
    const { shared } = walkTree(this.tree, root, tokens, 0);
    const bytes = bytesOf(this.profile, tokens.length - shared, 1, tokens.length);
    if (this.bytes + this.reservedBytes + bytes > this.capacityBytes) return false;
    const kvOf = this.#store.contents.rangeOf(kv);
    const computed =
      state === undefined
        ? undefined
        : { states: new Map([[tokens.length, state]]), kvOf: kvOf ?? (() => undefined as Kv) };
    this.#store.place(root, tokens, tokens.length, 'snapshot', computed);
    this.#notePeak();
    return true;
  }

  /** Keeps the deepest checkpoint of the prefix until a time of the cache's clock.
   *  @returns length of the pinned prefix, 0 if there is none */
  pin(
    tokens: Int32Array,
    { salt = '', until = Infinity }: { readonly salt?: string; readonly until?: number } = {},
  ): number {
    const root = this.#store.rootOf(salt);
    if (root === undefined) return 0;
    const { stateNode } = walkTree(this.tree, root, tokens, 0);
    if (this.tree.isRoot(stateNode)) return 0;
    this.#store.history.pinnedUntil[stateNode] = until;
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
    this.#store.history.pinnedUntil.fill(UNPINNED);
    this.evict(Infinity);
    // Requests in flight keep what they resumed from.
    if (this.tree.numTokens === 0) this.#store.emitter.emit('cleared', {});
  }

  /** Tag of a node: the caller's number for the boundary it stands for (simulations). */
  tagOf(node: number): number {
    return this.#store.history.tags[node]!;
  }

  setTag(node: number, tag: number): void {
    this.#store.history.tags[node] = tag;
  }

  #walk(root: number, tokens: Int32Array): Walk {
    return walkTree(this.tree, root, tokens, this.#keepTokens);
  }

  #matchOf(tokens: Int32Array, salt: string, walk: Walk | undefined): Match<State, Kv> {
    const reusedTokens = walk === undefined ? 0 : this.tree.depth[walk.stateNode]!;
    const sharedTokens = walk?.shared ?? 0;
    const kv = walk === undefined ? [] : this.#store.contents.kvPathOf(this.tree, walk.stateNode);
    const state = reusedTokens === 0 ? undefined : this.#store.contents.stateOf(walk!.stateNode);
    const isKnownElsewhere = (): boolean =>
      this.salts.some((at) => at !== salt && this.#walk(this.rootOf(at)!, tokens).shared >= this.rules.minTokens);
    const context = { rules: this.rules, evicted: this.#evicted, isKnownElsewhere };
    const missReason = missReasonOf(tokens, reusedTokens, sharedTokens, context);
    return { reusedTokens, sharedTokens, missReason, state, kv };
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
    const history = this.#store.history;
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
    if (this.#store.history.uses[stateNode] === 0) this.counters.reusedCheckpoints++;
    this.#store.history.use(tree, stateNode);
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
    const wanted = positions.filter((at) => !this.#store.hasStateAt(root, tokens, at));
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
    for (const at of wanted) this.#store.place(root, tokens, at, sources.get(at) ?? 'end', computed);
    this.#store.unlock(anchor);
    return wanted.length;
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
      (node) => this.#store.drop(node),
      isForced,
    );
  }

  #notePeak(): void {
    this.peakBytes = Math.max(this.peakBytes, this.bytes + this.reservedBytes);
  }
}
