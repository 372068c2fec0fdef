/** Time to first token with and without the cache, and what the cache costs where nothing is shared. The peer is the same
 *  engine without a cache, in the same run. */
import { fileURLToPath } from 'node:url';
import { createRng, median } from '@tenfold/core/base';
import type { BenchRow } from '@tenfold/core/report';
import { openService } from '../src/engine/open-engine.ts';

const MODEL = fileURLToPath(new URL('../../../models/hyb-7m', import.meta.url));
const SHARED_TOKENS = 2000;
const OWN_TOKENS = 30;
const PLAIN_TOKENS = 400;
const REPEATS = 9;

export async function bench(): Promise<BenchRow[]> {
  const { engine, service } = await openService(MODEL, {
    capacityBytes: 400e6,
    clock: { nowMs: () => performance.now() },
  });
  const rng = createRng(8, 'bench');
  const random = (length: number): Int32Array =>
    Int32Array.from({ length }, () => 1 + rng.integer(engine.vocabulary - 1));
  const shared = random(SHARED_TOKENS);
  const prompt = (): Int32Array => Int32Array.from([...shared, ...random(OWN_TOKENS)]);
  await service.generate(prompt(), { maxTokens: 1 });
  await service.generate(prompt(), { maxTokens: 1 });
  const [cached, uncached]: [number[], number[]] = [[], []];
  for (let i = 0; i < 3; i++) {
    const third = prompt();
    cached.push((await service.generate(third, { maxTokens: 1 })).ttftMs);
    uncached.push((await service.generate(third, { maxTokens: 1, isCached: false })).ttftMs);
  }
  const [on, off]: [number[], number[]] = [[], []];
  for (let i = 0; i < REPEATS; i++) {
    const plain = random(PLAIN_TOKENS);
    // In turn first, so that warming favours neither.
    for (const isCached of i % 2 === 0 ? [true, false] : [false, true])
      (isCached ? on : off).push((await service.generate(plain, { maxTokens: 1, isCached })).totalMs);
  }
  const flops = engine.profile.linearFlops * SHARED_TOKENS + engine.profile.quadraticFlops * SHARED_TOKENS ** 2;
  const sequence = engine.open();
  const start = performance.now();
  sequence.extend(shared, SHARED_TOKENS);
  const prefillMs = performance.now() - start;
  sequence.close();
  return [
    row(
      'TTFT of a request behind a known 2,000-token prefix',
      median(cached),
      median(uncached),
      'ms',
      'third request and later; peer: no cache',
    ),
    row(
      'request of 400 tokens that shares nothing',
      median(on),
      median(off),
      'ms',
      'peer: no cache; below 1 is the overhead',
    ),
    {
      name: 'prefill of 2,000 tokens',
      ours: flops / prefillMs / 1e6,
      peer: NaN,
      unit: 'GFLOP/s',
      ratio: NaN,
      note: 'one thread, WebAssembly SIMD, f32',
    },
  ];
}

function row(name: string, ours: number, peer: number, unit: string, note: string): BenchRow {
  return { name, ours, peer, unit, ratio: peer / ours, note };
}
