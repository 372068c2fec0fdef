/** A cache whose states and keys are texts of the prefix they stand for. */
import type { Rng } from '@tenfold/core/base';
import { PrefixCache } from '../src/cache/prefix-cache.ts';

const text = {
  toBytes: (value: string) => new TextEncoder().encode(value),
  fromBytes: (bytes: Uint8Array) => new TextDecoder().decode(bytes),
};
export const CODECS = { state: text, kv: text };

export function createTextCache(): PrefixCache<string, string> {
  return new PrefixCache<string, string>({
    profile: { name: 'toy', stateBytes: 40, kvBytesPerToken: 1, linearFlops: 10, quadraticFlops: 1 },
    capacityBytes: 4000,
    minCheckpointTokens: 2,
    kvCodec: { slice: (kv, start, end) => kv.slice(start, end), join: (a, b) => a + b },
  });
}

export function fillTextCache(cache: PrefixCache<string, string>, rng: Rng, requests: number): void {
  for (let i = 0; i < requests; i++) {
    const tokens = Int32Array.from({ length: 2 + rng.integer(20) }, () => rng.integer(3));
    const whole = tokens.join('');
    const states = new Map(Array.from(tokens, (_, at) => [at + 1, `state of ${whole.slice(0, at + 1)}`]));
    const lease = cache.begin(tokens, { salt: rng.integer(2) === 0 ? '' : 'tenant' });
    cache.commit(lease, tokens, { states, kvOf: (start, end) => whole.slice(start, end) });
  }
}
