/** tour: replays the room's recording under all policies, checks that no policy beats its bounds, then serves two live
 *  requests that share a long prefix with a third and compares them, byte for byte, with uncached ones. */
import { formatBytes, formatDuration, formatPercent } from '@tenfold/core/base';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { openService } from '../engine/open-engine.ts';
import { BOUNDS_IN_WORDS, boundsTable, policyTable } from '../report.ts';
import { whatIf } from '../sim/what-if.ts';
import { MODEL_FOLDER, openNamedTrace, openProfile } from './trace-source.ts';

const POLICIES = [
  'sglang+',
  'compat:1',
  'leafLru',
  'lru',
  'superseded',
  'gdsf',
  'segLen',
  'marconi:0.25',
  'marconi:1',
  'hitDensity',
  'adaptive',
];
/** Parity policies may overrun their budget, so the bound does not hold for them. */
const PARITY = new Set(['sglang+', 'compat:1']);
const CAPACITY_GB = [1, 2, 4];
const LIVE_CAPACITY_BYTES = 64e6;
const SHARED_TOKENS = 600;
const OWN_TOKENS = 24;
const ANSWER_TOKENS = 8;

export async function run(_params: unknown, context: VerbContext): Promise<VerbResult> {
  const trace = await openNamedTrace('', undefined, context);
  const { profile, paperModel } = await openProfile('paper-7b', context);
  const result = whatIf(trace, {
    profile,
    paperModel,
    policies: POLICIES,
    capacities: CAPACITY_GB.map((gb) => gb * 1e9),
    signal: context.signal,
    onStep: (done, total) => context.progress({ phase: 'replaying the recording', done, total }),
  });
  const broken = result.rows.filter(({ policy, capacityBytes, tokenHitRate, peakBytes }) => {
    if (PARITY.has(policy)) return false;
    const bound = result.bounds.find((entry) => entry.capacityBytes === capacityBytes)!;
    return (
      tokenHitRate > bound.upperBound + 1e-9 ||
      bound.clairvoyant.tokenHitRate > bound.upperBound + 1e-9 ||
      peakBytes > capacityBytes
    );
  });
  const live = await serveLive(trace.requests.at(-1)!.input, context);
  const ok = broken.length === 0 && live.isByteEqual && live.cachedTokens >= SHARED_TOKENS;
  const [saved] = result.rows.filter(({ policy }) => policy.startsWith('adaptive')).slice(-1);
  return {
    ok,
    value: { rows: result.rows.map(({ reused: _, ...row }) => row), live, broken: broken.length },
    report: {
      title: 'Tour of the prefix cache',
      verdict: {
        tone: ok ? 'good' : 'bad',
        text: ok
          ? `The third request computed ${live.promptTokens - live.cachedTokens} of ${live.promptTokens} prompt tokens and answered the same bytes in ${formatPercent(live.cachedMs / live.uncachedMs)} of the time; on the recording the adaptive cache saves ${formatPercent(saved!.flopsSavedRate)} of prefill with ${formatBytes(saved!.capacityBytes)}.`
          : 'A policy beats a bound or a budget, or cached and uncached answers differ.',
      },
      blocks: [
        {
          kind: 'figures',
          figures: [
            { label: 'TTFT uncached, live', value: live.uncachedMs, format: 'duration-ms' },
            { label: 'TTFT with cached prefix, live', value: live.cachedMs, format: 'duration-ms' },
            { label: 'cached tokens', value: live.cachedTokens, format: 'count' },
            {
              label: 'answers byte-equal',
              value: live.isByteEqual ? 'yes' : 'no',
              tone: live.isByteEqual ? 'good' : 'bad',
            },
          ],
        },
        policyTable(result, trace),
        boundsTable(result.bounds),
        { kind: 'text', text: BOUNDS_IN_WORDS },
        {
          kind: 'callout',
          tone: broken.length === 0 ? 'good' : 'bad',
          title:
            broken.length === 0
              ? 'Every exact policy stays below the upper bound and within its bytes.'
              : `${broken.length} rows break a bound or a budget.`,
          text: `First request ${formatDuration(live.firstMs)}: it found nothing. Second: it shared ${SHARED_TOKENS} tokens, which planned a checkpoint. Third: it resumed there. The model has 7.5 million parameters and runs in WebAssembly on one thread.`,
        },
      ],
    },
  };
}

interface Live {
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly firstMs: number;
  readonly cachedMs: number;
  readonly uncachedMs: number;
  readonly isByteEqual: boolean;
}

/** Three requests with one prefix: found, discovered, reused; then the third again without the cache. */
async function serveLive(source: Int32Array, context: VerbContext): Promise<Live> {
  context.progress({ phase: 'serving live requests' });
  const { engine, service } = await openService(MODEL_FOLDER, {
    capacityBytes: LIVE_CAPACITY_BYTES,
    clock: context.clock,
  });
  const shared = source.slice(0, SHARED_TOKENS);
  const prompts = [1, 2, 3].map((seed) => {
    const rng = context.rng.fork(`question ${seed}`);
    return Int32Array.from([
      ...shared,
      ...Array.from({ length: OWN_TOKENS }, () => 1 + rng.integer(engine.vocabulary - 1)),
    ]);
  });
  const options = { maxTokens: ANSWER_TOKENS, signal: context.signal };
  const first = await service.generate(prompts[0]!, options);
  await service.generate(prompts[1]!, options);
  const cached = await service.generate(prompts[2]!, options);
  const uncached = await service.generate(prompts[2]!, { ...options, isCached: false });
  return {
    promptTokens: prompts[2]!.length,
    cachedTokens: cached.cachedTokens,
    firstMs: first.ttftMs,
    cachedMs: cached.ttftMs,
    uncachedMs: uncached.ttftMs,
    isByteEqual: (await logitsAgree(service, prompts[2]!)) && cached.tokens.join() === uncached.tokens.join(),
  };
}

/** Logits after the prompt: resumed from the cache, and computed from the start. */
async function logitsAgree(
  { backend, cache }: Awaited<ReturnType<typeof openService>>['service'],
  prompt: Int32Array,
): Promise<boolean> {
  const { reusedTokens, state, kv } = cache.lookup(prompt);
  if (state === undefined) return false;
  const [resumed, fresh] = [backend.open(), backend.open()];
  await resumed.restore(prompt.subarray(0, reusedTokens), state, kv);
  await resumed.extend(prompt, prompt.length);
  await fresh.extend(prompt, prompt.length);
  const isEqual = Buffer.compare(Buffer.from(resumed.logits.buffer), Buffer.from(fresh.logits.buffer)) === 0;
  resumed.close();
  fresh.close();
  return isEqual;
}
