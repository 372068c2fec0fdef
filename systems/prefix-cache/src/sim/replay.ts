/** Sequential replay of a trace through a size-only cache: every request is looked up, then inserted with its answer. */
import { throwIfCancelled } from '@tenfold/core/base';
import { BlockCache } from '../compat/block-cache.ts';
import { CompatCache } from '../compat/compat-cache.ts';
import { policyFromName, policyName, type EvictionPolicy } from '../cache/eviction.ts';
import type { PaperModel } from '../cost/paper-costs.ts';
import { flopsBetween } from '../cost/profile.ts';
import { prefixError } from '../prefix-errors.ts';
import { sequenceOf } from '../trace/request-builder.ts';
import type { ReplayResult, Trace, TraceRequest } from '../types.ts';
import { AdaptivePolicy } from './adaptive.ts';
import { CompatTuner } from './compat-tuner.ts';
import { createSizeCache, serveFrom, type ReplayOptions } from './size-cache.ts';

/** A cache as the replay sees it: one call a request, reused symbols back. */
export interface ReplayedCache {
  serve(request: TraceRequest, index: number): number;
  readonly peakBytes: number;
  readonly numEvictions: number;
  /** What the policy was called in the end, if it changes. */
  readonly note?: string;
}

/** Replays a trace.
 *  Cost: O(tokens) and the evictions. @throws TF-PREFIX-001, TF-PREFIX-006 */
export function replayTrace(trace: Trace, options: ReplayOptions): ReplayResult {
  return replayWith(trace, options, createReplayedCache(trace, options));
}

/** Replays a trace through a given cache. */
export function replayWith(trace: Trace, options: ReplayOptions, cache: ReplayedCache): ReplayResult {
  const reused: number[] = [];
  let [inputTokens, reusedTokens, hits, flopsSaved, flopsAll] = [0, 0, 0, 0, 0];
  for (const [index, request] of trace.requests.entries()) {
    if ((index & 0xff) === 0) throwIfCancelled(options.signal, 'replayTrace');
    const tokens = Math.min(cache.serve(request, index) * trace.symbolTokens, request.inputTokens);
    reused.push(tokens);
    inputTokens += request.inputTokens;
    reusedTokens += tokens;
    hits += Number(tokens > 0);
    flopsSaved += flopsBetween(options.profile, 0, tokens);
    flopsAll += flopsBetween(options.profile, 0, request.inputTokens);
  }
  return {
    policy: cache.note === undefined ? options.policy : `${options.policy} (${cache.note})`,
    capacityBytes: options.capacityBytes,
    tokenHitRate: inputTokens === 0 ? 0 : reusedTokens / inputTokens,
    requestHitRate: trace.requests.length === 0 ? 0 : hits / trace.requests.length,
    flopsSaved,
    flopsSavedRate: flopsAll === 0 ? 0 : flopsSaved / flopsAll,
    peakBytes: cache.peakBytes,
    evictions: cache.numEvictions,
    reused,
  };
}

function createReplayedCache(trace: Trace, options: ReplayOptions): ReplayedCache {
  const { policy, paperModel } = options;
  const [kind, number] = policy.split(':');
  if (kind === 'adaptive') return adaptiveCache(trace, options);
  if (kind === 'vllm+' || kind === 'sglang+' || kind === 'compat' || kind === 'compat-tuned') {
    if (paperModel === undefined)
      throw prefixError('TF-PREFIX-006', {
        subject: 'replayTrace',
        expected: 'a model with the paper’s layer counts for the parity policies',
        actual: `policy ${policy} with profile ${options.profile.name}`,
        hints: ['Use --model paper-7b, or a policy without parity.'],
      });
    if (kind === 'vllm+') return blockCache(paperModel, trace, options);
    return compatCache(paperModel, trace, options, kind === 'compat' ? Number(number ?? 0) : undefined);
  }
  return exactCache(trace, options, policyFromName(policy));
}

function compatCache(
  model: PaperModel,
  trace: Trace,
  options: ReplayOptions,
  alpha: number | undefined,
): ReplayedCache {
  const isLru = options.policy === 'sglang+';
  const policy = isLru ? { kind: 'leafLru' as const } : { kind: 'marconi' as const, alpha: alpha ?? 0 };
  const cache = new CompatCache(model, options.capacityBytes, policy, trace.symbolTokens);
  const tuner =
    options.policy === 'compat-tuned' ? new CompatTuner(model, options.capacityBytes, trace.symbolTokens) : undefined;
  return {
    serve(request) {
      const { reusedTokens } = cache.lookup(request.input);
      const tuned = tuner?.beforeInsert(request);
      if (tuned !== undefined && policy.kind === 'marconi') policy.alpha = tuned;
      cache.insert(sequenceOf(request));
      tuner?.afterInsert(cache.hasOverflowed);
      return reusedTokens;
    },
    get peakBytes() {
      return cache.peakBytes;
    },
    get numEvictions() {
      return cache.numEvictions;
    },
    get note() {
      return tuner === undefined || policy.kind === 'leafLru' ? undefined : `α ${policy.alpha}`;
    },
  };
}

function blockCache(model: PaperModel, trace: Trace, options: ReplayOptions): ReplayedCache {
  const cache = new BlockCache(model, options.capacityBytes, trace.symbolTokens);
  return {
    serve(request) {
      const reused = cache.lookup(request.input);
      cache.insert(sequenceOf(request));
      return reused;
    },
    get peakBytes() {
      return cache.peakBytes;
    },
    get numEvictions() {
      return cache.numEvictions;
    },
  };
}

function exactCache(trace: Trace, options: ReplayOptions, policy: EvictionPolicy): ReplayedCache {
  const cache = createSizeCache(trace, options, policy);
  return {
    serve: (request) => serveFrom(cache, trace, request),
    get peakBytes() {
      return cache.peakBytes;
    },
    get numEvictions() {
      return cache.counters.evictedStates;
    },
  };
}

function adaptiveCache(trace: Trace, options: ReplayOptions): ReplayedCache {
  const tuner = new AdaptivePolicy(trace, options);
  const cache = createSizeCache(trace, options, tuner.policy);
  return {
    serve(request) {
      const reused = serveFrom(cache, trace, request);
      cache.setPolicy(tuner.observe(request));
      return reused;
    },
    get peakBytes() {
      return cache.peakBytes;
    },
    get numEvictions() {
      return cache.counters.evictedStates;
    },
    get note() {
      return `${policyName(tuner.policy)}, ${tuner.numSwitches} changes`;
    },
  };
}
