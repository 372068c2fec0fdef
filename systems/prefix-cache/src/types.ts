/** The nouns of the room. A checkpoint is the state of every recurrent layer after a prefix; the state of a prefix is
 *  all-or-nothing, keys and values are per token. */

/** What a model costs per token and per checkpoint. Forward FLOPs of tokens [start, end) are
 *  `linearFlops · (end − start) + quadraticFlops · (end² − start²)`. */
export interface ModelProfile {
  readonly name: string;
  /** Bytes of one checkpoint over all recurrent layers; 0 for a pure transformer. */
  readonly stateBytes: number;
  /** Bytes that a checkpoint takes for each token of its prefix: engines that save keys and values inside it. Default 0. */
  readonly stateBytesPerToken?: number;
  /** Bytes of keys and values of one token over all attention layers. */
  readonly kvBytesPerToken: number;
  readonly linearFlops: number;
  readonly quadraticFlops: number;
}

/** Where a checkpoint comes from. */
export type CheckpointSource = 'branch' | 'end' | 'promptEnd' | 'breakpoint' | 'interval' | 'sketch';

export interface PlannedCheckpoint {
  /** Length of the prefix, in tokens. */
  readonly at: number;
  readonly source: CheckpointSource;
}

/** Why a lookup reused nothing, or less than it could. `hit` if it reused all that was ever shared. */
export type MissReason =
  | 'hit'
  | 'no_shared_prefix'
  | 'first_occurrence'
  | 'state_evicted'
  | 'below_min'
  | 'unaligned'
  | 'salt'
  | 'disabled';

/** One request of a trace. Symbols stand for `symbolTokens` tokens each (1 for token traces, 512 for hashed blocks). */
export interface TraceRequest {
  readonly session: number;
  readonly turn: number;
  readonly timeSec: number;
  readonly input: Int32Array;
  readonly output: Int32Array;
  /** In tokens. */
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** Requests in order of time. */
export interface Trace {
  readonly name: string;
  readonly symbolTokens: number;
  /** True if outputs are placeholders that no later input repeats (hashed traces): checkpoints at prompt ends matter. */
  readonly hasOpaqueOutputs: boolean;
  readonly requests: readonly TraceRequest[];
  /** True if the file has lengths only: what prompts share is the reader's assumption. */
  readonly hasLengthsOnly?: true;
  /** Requests whose time was before that of a line above them: the reader sorted them. Absent where lines carry no order. */
  readonly numReordered?: number;
}

/** One request after the cache saw it. */
export interface ReplayedRequest {
  readonly inputTokens: number;
  readonly reusedTokens: number;
}

/** Outcome of a replay. Rates are ratios in 0..1. */
export interface ReplayResult {
  readonly policy: string;
  readonly capacityBytes: number;
  readonly tokenHitRate: number;
  readonly requestHitRate: number;
  readonly flopsSaved: number;
  /** Share of all prefill FLOPs of the trace. */
  readonly flopsSavedRate: number;
  readonly peakBytes: number;
  readonly evictions: number;
  readonly reused: readonly number[];
}
