/** Why a lookup found nothing to reuse. */
import type { MissReason } from '../types.ts';
import type { AdmissionRules } from './admission.ts';
import type { EvictedPrefixes } from './prefix-hashes.ts';

export interface MissContext {
  readonly rules: AdmissionRules;
  /** Absent on caches that do not explain. */
  readonly evicted: EvictedPrefixes | undefined;
  /** Whether another tenant's tree knows enough of the tokens. */
  readonly isKnownElsewhere: () => boolean;
}

export function missReasonOf(tokens: Int32Array, reused: number, shared: number, context: MissContext): MissReason {
  const { rules, evicted, isKnownElsewhere } = context;
  if (reused > 0) return 'hit';
  if (evicted === undefined) return shared === 0 ? 'no_shared_prefix' : 'first_occurrence';
  if ((evicted.findLongest(tokens)?.length ?? 0) >= Math.max(1, rules.minTokens)) return 'state_evicted';
  if (shared === 0) return isKnownElsewhere() ? 'salt' : 'no_shared_prefix';
  if (shared < rules.minTokens) return 'below_min';
  return shared < rules.alignTokens ? 'unaligned' : 'first_occurrence';
}
