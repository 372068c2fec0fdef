/** The contract of an engine behind the cache. States and keys/values are bytes that mean the same wherever they are
 *  restored: a sequence continued from them gives the same logits, bit for bit, as one computed from the start. */
import type { KvCodec } from '../cache/types.ts';
import type { ModelProfile } from '../types.ts';

type MaybePromise<Value> = Value | Promise<Value>;

export interface EngineSequence<State, Kv> {
  /** Tokens computed so far. */
  readonly length: number;
  /** Puts an empty sequence behind a prefix. */
  restore(tokens: Int32Array, state: State, kv: readonly Kv[]): MaybePromise<void>;
  /** Computes tokens[length..end); afterwards `logits` are those of the last one. */
  extend(tokens: Int32Array, end: number): MaybePromise<void>;
  /** [vocabulary] f32, valid until the next call. */
  readonly logits: Float32Array;
  /** State of every recurrent layer after `length` tokens. */
  snapshot(): MaybePromise<State>;
  /** Keys and values of tokens [start, end). */
  kvOf(start: number, end: number): Kv;
  close(): void;
}

/** A sequence of an engine that computes in the calling thread. */
export interface SyncEngineSequence<State, Kv> extends EngineSequence<State, Kv> {
  restore(tokens: Int32Array, state: State, kv: readonly Kv[]): void;
  extend(tokens: Int32Array, end: number): void;
  snapshot(): State;
}

export interface EngineBackend<State, Kv> {
  readonly name: string;
  readonly profile: ModelProfile;
  readonly vocabulary: number;
  readonly maxTokens: number;
  readonly endToken: number;
  readonly kvCodec: KvCodec<Kv>;
  /** Sequences that can be open at once. */
  readonly maxSequences: number;
  /** Tokens computed in one go; longer prompts are cut at multiples of it. */
  readonly chunkTokens: number;
  open(): EngineSequence<State, Kv>;
  /** Bytes of a state or of keys and values, for snapshots on disk. */
  readonly stateCodec: { toBytes(state: State): Uint8Array; fromBytes(bytes: Uint8Array): State };
  readonly kvBytes: { toBytes(kv: Kv): Uint8Array; fromBytes(bytes: Uint8Array): Kv };
}
