/** What the continuous tuner costs the live cache: percentiles of lookups of 4,000 tokens while its thread is busy all the
 *  time, beside the same lookups without a tuner. Both kinds take turns, so that other load on the machine meets both. */
import { createRng } from '@tenfold/core/base';
import type { BenchRow } from '@tenfold/core/report';
import { PrefixCache } from '../src/cache/prefix-cache.ts';
import { PAPER_7B, profileFromPaperModel } from '../src/cost/paper-costs.ts';
import { ShadowTuner } from '../src/sim/shadow-tuner.ts';
import { percentile } from '../src/sim/ttft.ts';

const TOKENS = 4000;
const LOOKUPS_PER_ROUND = 400;
const ROUNDS = 20;
const WARM_UP_ROUNDS = 4;
/** Requests shown at the start of a round: more than the thread gets through in it. */
const REQUESTS_PER_ROUND = 20;

export async function bench(): Promise<BenchRow[]> {
  const profile = profileFromPaperModel(PAPER_7B);
  const rng = createRng(8, 'tuner');
  const capacityBytes = 8e9;
  const cache = new PrefixCache({ profile, capacityBytes });
  const prompts = Array.from({ length: 40 }, () => Int32Array.from({ length: TOKENS }, () => rng.integer(50_000)));
  for (const prompt of prompts.slice(0, 20)) cache.commit(cache.begin(prompt), prompt);
  const [quiet, busy]: [number[], number[]] = [[], []];
  let shown = 0;
  let mostBehind = 0;
  using tuner = new ShadowTuner({ profile, capacityBytes, keepTokens: 1 }, (policy) => cache.setPolicy(policy));
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    time(round < 0 ? [] : quiet);
    for (let i = 0; i < REQUESTS_PER_ROUND; i++) tuner.observe(prompts[shown++ % prompts.length]!, new Int32Array(0));
    // The thread's first answer: it is awake and has the rest before it.
    while (tuner.numObserved < shown - REQUESTS_PER_ROUND + 1) await new Promise((resolve) => setTimeout(resolve, 1));
    mostBehind = Math.max(mostBehind, shown - tuner.numObserved);
    time(round < 0 ? [] : busy);
    while (tuner.numObserved < shown) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return [0.5, 0.99].map((share) => {
    const [ours, peer] = [percentile(busy, share), percentile(quiet, share)];
    return {
      name: `lookup of ${TOKENS} tokens while the tuner works, p${share * 100}`,
      ours,
      peer,
      unit: 'µs',
      ratio: peer / ours,
      note: `peer: the tuner idle; ${busy.length} lookups each, up to ${mostBehind} requests before the thread`,
    };
  });

  function time(into: number[]): void {
    for (let i = 0; i < LOOKUPS_PER_ROUND; i++) {
      const start = performance.now();
      const { reusedTokens } = cache.lookup(prompts[i % 20]!);
      into.push((performance.now() - start) * 1000);
      if (reusedTokens !== TOKENS) throw new Error('a kept prompt was not found whole');
    }
  }
}
