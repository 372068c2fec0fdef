/** policy: the policy service on a socket, for an engine that keeps its own memory, until it is stopped. */
import { resolve } from 'node:path';
import { bytesFromText, formatPercent } from '@tenfold/core/base';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { policyFromName } from '../cache/eviction.ts';
import { PrefixCache } from '../cache/prefix-cache.ts';
import { servePolicy } from '../server/policy-service.ts';
import { openProfile } from './trace-source.ts';

interface PolicyParams {
  readonly socket: string;
  readonly model: string;
  readonly capacity: string;
  readonly policy: string;
  readonly alignTokens: number;
}

export async function run(params: PolicyParams, context: VerbContext): Promise<VerbResult> {
  const { profile } = await openProfile(params.model, context);
  const cache = new PrefixCache({
    profile,
    capacityBytes: bytesFromText(params.capacity),
    policy: policyFromName(params.policy),
    alignTokens: params.alignTokens,
    keepTokens: 1,
  });
  const path = resolve(context.workingFolder, params.socket);
  await using _service = await servePolicy(cache, path);
  context.progress({ phase: `deciding for ${profile.name} on ${path}` });
  await new Promise<void>((stop) => context.signal.addEventListener('abort', () => stop(), { once: true }));
  const { requests, requestTokens, hitTokens } = cache.counters;
  const rate = requestTokens === 0 ? 0 : hitTokens / requestTokens;
  return {
    ok: true,
    value: { counters: cache.counters, peakBytes: cache.peakBytes },
    report: {
      title: 'Policy service',
      verdict: {
        tone: 'info',
        text: `${requests} ${requests === 1 ? 'request' : 'requests'}; ${formatPercent(rate)} of ${requests === 1 ? 'its' : 'their'} prompt tokens reused.`,
      },
      blocks: [],
    },
  };
}
