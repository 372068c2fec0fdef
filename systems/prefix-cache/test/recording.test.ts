import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { test } from 'node:test';
import { openService } from '../src/engine/open-engine.ts';
import { openTrace } from '../src/trace/open-trace.ts';
import { DEMO_TRACE, MODEL_FOLDER, openEncode } from '../src/verbs/trace-source.ts';

test('the answers of the recording are what the model generates anew, alone and without a cache', async () => {
  const trace = await openTrace(DEMO_TRACE, { encode: () => openEncode() });
  const { service } = await openService(MODEL_FOLDER, {
    capacityBytes: 64e6,
    clock: { nowMs: () => performance.now() },
  });
  // Recorded four at a time behind a shared cache: a first turn and a third one.
  const third = trace.requests.find(({ turn }) => turn === 2)!;
  for (const { session, turn, input, output } of [trace.requests[0]!, third]) {
    const { tokens, cachedTokens } = await service.generate(input, {
      maxTokens: output.length,
      temperature: 0.8,
      seed: session * 100 + turn,
      isCached: false,
    });
    assert.equal(cachedTokens, 0);
    assert.deepEqual(tokens, [...output], `session ${session}, turn ${turn}`);
  }
});

test('the recording is small enough for the repository and holds conversations that overlap and share texts', async () => {
  assert.ok(statSync(DEMO_TRACE).size < 400_000);
  const { requests } = await openTrace(DEMO_TRACE, { encode: () => openEncode() });
  const switches = requests.filter(({ session }, index) => index > 0 && session !== requests[index - 1]!.session);
  assert.ok(switches.length > requests.length / 2, `${switches.length} of ${requests.length}`);
  const openings = requests.filter(({ turn }) => turn === 0).map(({ input }) => input.subarray(0, 300).join());
  assert.ok(new Set(openings).size < openings.length, 'no two conversations share role and first page');
});
