/** The public API of the room. */
export { assertInvariants } from './cache/invariants.ts';
export { policyFromName, policyName, type EvictionPolicy } from './cache/eviction.ts';
export { PrefixCache } from './cache/prefix-cache.ts';
export type { BeginOptions, CacheEvents, Computed, KvCodec, Lease, Match, PrefixCacheOptions } from './cache/types.ts';
export { CompatCache } from './compat/compat-cache.ts';
export { PROFILED_MODEL_TYPES, profileFromHfConfig } from './cost/hf-config.ts';
export { flopEfficiency, PAPER_7B, profileFromPaperModel } from './cost/paper-costs.ts';
export { manifest as prefixCacheSystem } from './manifest.ts';
export { prefixError } from './prefix-errors.ts';
export { reportProfile, reportQueue, reportWhatIf } from './report.ts';
export { AdaptivePolicy } from './sim/adaptive.ts';
export { computeBounds } from './sim/bounds.ts';
export { simulateQueue } from './sim/queueing.ts';
export { replayTrace } from './sim/replay.ts';
export { openTrace } from './trace/open-trace.ts';
export type { MissReason, ModelProfile, ReplayResult, Trace, TraceRequest } from './types.ts';
