/** The continuous tuner: size-only shadow caches, one per policy of a family, see the same requests as the real cache;
 *  the real cache follows the shadow that lately reused most tokens. Only the past is used.
 *  Differs from the paper (§4.2, one replay of a bootstrap window over 21 values of α, judged by FLOPs saved): it never
 *  stops, it compares policies and not only α, and it is guarded: a change needs a lead of 3 % and a hundred requests since
 *  the last one, and the past fades with a half-life, so that a change of traffic is followed. It counts tokens, because
 *  FLOPs grow with the square of a prompt: by them a few of the longest prompts choose for all; and only of
 *  requests on which the shadows differ, since the others dilute every lead. */
import { policyName, type EvictionPolicy } from '../cache/eviction.ts';
import type { PrefixCache } from '../cache/prefix-cache.ts';
import { flopsBetween } from '../cost/profile.ts';
import type { Trace, TraceRequest } from '../types.ts';
import { createSizeCache, serveFrom, type ReplayOptions } from './size-cache.ts';

/** What the tuner chooses from. */
export const POLICY_FAMILY: readonly EvictionPolicy[] = [
  { kind: 'hitDensity' },
  { kind: 'lru' },
  { kind: 'leafLru' },
  { kind: 'superseded' },
  { kind: 'gdsf' },
  { kind: 'segLen', weight: 0.85 },
  { kind: 'marconi', alpha: 0.05 },
  { kind: 'marconi', alpha: 0.25 },
  { kind: 'marconi', alpha: 0.5 },
  { kind: 'marconi', alpha: 1 },
  { kind: 'marconi', alpha: 2 },
];

const FIRST_POLICY: EvictionPolicy = { kind: 'hitDensity' };
const HYSTERESIS = 1.03;
/** Requests until a reuse counts half. */
const HALF_LIFE_REQUESTS = 1000;
/** Requests before another change: a cache needs a while to look like its new policy's shadow. */
const PATIENCE_REQUESTS = 100;
const DECAY = 0.5 ** (1 / HALF_LIFE_REQUESTS);

interface Shadow {
  readonly policy: EvictionPolicy;
  readonly name: string;
  readonly cache: PrefixCache;
  /** Fading sum of tokens reused, over requests on which the shadows differ. */
  recent: number;
  savedFlops: number;
  reusedTokens: number;
}

/** What a shadow would have given, for reports. */
export interface ShadowStanding {
  readonly policy: string;
  readonly savedFlops: number;
  readonly tokenHitRate: number;
}

export class AdaptivePolicy {
  numSwitches = 0;
  readonly #trace: Pick<Trace, 'symbolTokens' | 'hasOpaqueOutputs'>;
  readonly #options: Omit<ReplayOptions, 'policy'>;
  readonly #shadows: Shadow[];
  readonly #reused: Float64Array;
  #current: Shadow;
  #inputTokens = 0;
  #sinceSwitch = 0;

  constructor(
    trace: Pick<Trace, 'symbolTokens' | 'hasOpaqueOutputs'>,
    options: Omit<ReplayOptions, 'policy'>,
    family: readonly EvictionPolicy[] = POLICY_FAMILY,
  ) {
    this.#trace = trace;
    this.#options = options;
    this.#shadows = family.map((policy) => ({
      policy,
      name: policyName(policy),
      cache: createSizeCache(trace, options, policy),
      recent: 0,
      savedFlops: 0,
      reusedTokens: 0,
    }));
    this.#reused = new Float64Array(family.length);
    const first = policyName(FIRST_POLICY);
    this.#current = this.#shadows.find(({ name }) => name === first) ?? this.#shadows[0]!;
  }

  get policy(): EvictionPolicy {
    return this.#current.policy;
  }

  get standings(): readonly ShadowStanding[] {
    return this.#shadows.map(({ name, savedFlops, reusedTokens }) => ({
      policy: name,
      savedFlops,
      tokenHitRate: this.#inputTokens === 0 ? 0 : reusedTokens / this.#inputTokens,
    }));
  }

  /** Shows a finished request to the shadows. @returns the policy from now on */
  observe(request: TraceRequest): EvictionPolicy {
    this.#inputTokens += request.inputTokens;
    const { profile } = this.#options;
    const { symbolTokens } = this.#trace;
    const reused = this.#reused;
    for (const [index, shadow] of this.#shadows.entries()) {
      const tokens = Math.min(serveFrom(shadow.cache, this.#trace, request) * symbolTokens, request.inputTokens);
      reused[index] = tokens;
      shadow.savedFlops += flopsBetween(profile, 0, tokens);
      shadow.reusedTokens += tokens;
    }
    let best = this.#current;
    const differ = reused.some((tokens) => tokens !== reused[0]);
    for (const [index, shadow] of this.#shadows.entries()) {
      shadow.recent = shadow.recent * DECAY + (differ ? reused[index]! : 0);
      if (shadow.recent > best.recent) best = shadow;
    }
    this.#sinceSwitch++;
    if (this.#sinceSwitch >= PATIENCE_REQUESTS && best.recent > this.#current.recent * HYSTERESIS) {
      this.#sinceSwitch = 0;
      this.#current = best;
      this.numSwitches++;
    }
    return this.#current.policy;
  }
}
