/** Size-only caches that serve the requests of a trace: what replays, shadows and event simulations share. */
import type { AdmissionOptions } from '../cache/admission.ts';
import type { EvictionPolicy } from '../cache/eviction.ts';
import { PrefixCache } from '../cache/prefix-cache.ts';
import type { PaperModel } from '../cost/paper-costs.ts';
import { profileOfSymbols } from '../cost/profile.ts';
import { sequenceOf } from '../trace/request-builder.ts';
import type { ModelProfile, Trace, TraceRequest } from '../types.ts';

export interface ReplayOptions {
  readonly profile: ModelProfile;
  readonly capacityBytes: number;
  /** Exact mode: hitDensity, lru, leafLru, marconi:<α>, segLen, gdsf, superseded, adaptive. Parity mode (needs `paperModel`):
   *  vllm+, sglang+, compat:<α>, compat-tuned. */
  readonly policy: string;
  readonly paperModel?: PaperModel;
  readonly admission?: AdmissionOptions;
  readonly minCheckpointTokens?: number;
  readonly alignTokens?: number;
  readonly keepTokens?: number;
  readonly signal?: AbortSignal;
}

const DEFAULT_MIN_CHECKPOINT_TOKENS = 64;

/** A size-only cache for a trace: symbols, least lengths and admission follow the trace. */
export function createSizeCache(
  trace: Pick<Trace, 'symbolTokens' | 'hasOpaqueOutputs'>,
  options: Omit<ReplayOptions, 'policy'>,
  policy: EvictionPolicy,
): PrefixCache {
  const { symbolTokens, hasOpaqueOutputs } = trace;
  return new PrefixCache({
    profile: profileOfSymbols(options.profile, symbolTokens),
    capacityBytes: options.capacityBytes,
    policy,
    // Nothing can continue an answer that no later prompt repeats.
    admission: { end: !hasOpaqueOutputs, ...options.admission },
    minCheckpointTokens: Math.ceil((options.minCheckpointTokens ?? DEFAULT_MIN_CHECKPOINT_TOKENS) / symbolTokens),
    alignTokens: Math.ceil((options.alignTokens ?? 1) / symbolTokens),
    keepTokens: options.keepTokens ?? 0,
    explain: false,
  });
}

/** Serves one request from a size-only cache. @returns reused symbols */
export function serveFrom(
  cache: PrefixCache,
  trace: Pick<Trace, 'symbolTokens' | 'hasOpaqueOutputs'>,
  request: TraceRequest,
): number {
  const output = trace.hasOpaqueOutputs ? 0 : request.output.length;
  const lease = cache.begin(request.input, { maxOutputTokens: output, breakpoints: promptEndOf(trace, request) });
  cache.commit(lease, trace.hasOpaqueOutputs ? request.input : sequenceOf(request));
  return lease.reusedTokens;
}

/** Hashed traces: the last full block of the prompt, which is what the next turn shares. */
function promptEndOf(
  { symbolTokens, hasOpaqueOutputs }: Pick<Trace, 'symbolTokens' | 'hasOpaqueOutputs'>,
  request: TraceRequest,
): number[] {
  return hasOpaqueOutputs ? [Math.floor(request.inputTokens / symbolTokens)] : [];
}
