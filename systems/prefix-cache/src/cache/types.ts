/** The contract of the prefix cache.
 *  A request: `begin` (looks up, locks what it uses, reserves bytes, plans checkpoints) → the engine computes → `commit`
 *  (inserts sequence and checkpoints) or `abort`. Bytes used plus reserved never exceed the capacity. */
import type { MissReason, ModelProfile, PlannedCheckpoint } from '../types.ts';
import type { AdmissionOptions } from './admission.ts';
import type { EvictionPolicy } from './eviction.ts';

/** Keys and values of a run of tokens: the cache cuts and joins them with the edges. Both return fresh memory. */
export interface KvCodec<Kv> {
  slice(kv: Kv, start: number, end: number): Kv;
  join(first: Kv, second: Kv): Kv;
}

export interface PrefixCacheOptions<Kv = undefined> {
  readonly profile: ModelProfile;
  /** Hard budget of states, keys and values. */
  readonly capacityBytes: number;
  /** Default hit density. */
  readonly policy?: EvictionPolicy;
  readonly admission?: AdmissionOptions;
  /** Checkpoints at multiples of this many tokens, default 1. */
  readonly alignTokens?: number;
  /** No checkpoint of a shorter prefix, default 64. */
  readonly minCheckpointTokens?: number;
  /** Tokens at the end of a prompt that are always computed: 1 where the engine needs their logits, default 0. */
  readonly keepTokens?: number;
  /** Absent for caches that keep sizes only. */
  readonly kvCodec?: KvCodec<Kv>;
  /** Seconds or any rising number; default a counter of requests. */
  readonly now?: () => number;
  /** Remembers evicted prefixes, for miss reasons and for hit density, default true. */
  readonly explain?: boolean;
}

export interface Match<State, Kv> {
  readonly reusedTokens: number;
  /** Tokens that the tree knows, whatever can be reused. */
  readonly sharedTokens: number;
  readonly missReason: MissReason;
  readonly state: State | undefined;
  /** Keys and values of the reused tokens, edge by edge. */
  readonly kv: readonly Kv[];
}

export interface BeginOptions {
  /** Tenant or adapter: other salts share nothing. */
  readonly salt?: string;
  /** Prefix lengths the caller wants kept. */
  readonly breakpoints?: readonly number[];
  /** Tokens that may be generated: bytes are reserved for them, default 0. */
  readonly maxOutputTokens?: number;
  /** Whether the end of the sequence gets a checkpoint; default as the cache admits. */
  readonly isEndKept?: boolean;
  /** False: neither looks up nor inserts. */
  readonly isEnabled?: boolean;
}

/** A request in flight. Exactly one `commit` or `abort` ends it. */
export interface Lease<State, Kv> extends Match<State, Kv> {
  readonly id: number;
  readonly plan: readonly PlannedCheckpoint[];
  /** False if no bytes could be reserved: commit then inserts only if there is room by then. */
  readonly isAdmitted: boolean;
}

/** What the engine kept while it computed. Absent in caches that keep sizes only. */
export interface Computed<State, Kv> {
  /** By prefix length; positions without a state get no checkpoint. */
  readonly states: ReadonlyMap<number, State>;
  /** Keys and values of tokens [start, end), start ≥ the reused length. */
  readonly kvOf: (start: number, end: number) => Kv;
}

/** Stored and removed prefixes; `tokens` is the whole prefix. */
export interface CacheEvents {
  stored: { readonly tokens: Int32Array; readonly newTokens: number; readonly salt: string };
  checkpointed: { readonly tokens: Int32Array; readonly salt: string };
  removed: { readonly tokens: Int32Array; readonly removedTokens: number; readonly salt: string };
  unCheckpointed: { readonly tokens: Int32Array; readonly salt: string };
  cleared: Record<string, never>;
}
