/** What a cache counts, from its creation on. */
import type { MissReason } from '../types.ts';

export interface CacheCounters {
  requests: number;
  requestTokens: number;
  hitTokens: number;
  hits: number;
  evictedStates: number;
  evictedFlops: number;
  savedFlops: number;
  skippedAdmissions: number;
  /** By source of the checkpoint. */
  checkpoints: Record<string, number>;
  reusedCheckpoints: number;
  misses: Record<MissReason, number>;
}

export function createCounters(): CacheCounters {
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
