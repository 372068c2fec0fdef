import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { assertInvariants } from '../src/cache/invariants.ts';
import { PrefixCache } from '../src/cache/prefix-cache.ts';
import { servePolicy } from '../src/server/policy-service.ts';

const folder = mkdtempSync(join(tmpdir(), 'tenfold-policy-'));
after(() => rmSync(folder, { recursive: true }));
const PROFILE = { name: 'toy', stateBytes: 40, kvBytesPerToken: 1, linearFlops: 10, quadraticFlops: 1 };
const tokensFrom = (start: number, count: number): number[] => Array.from({ length: count }, (_, i) => start + i);

test('an engine asks over the socket what to reuse, checkpoint and drop, and drops exactly that', async () => {
  const cache = new PrefixCache({ profile: PROFILE, capacityBytes: 600, minCheckpointTokens: 4, keepTokens: 1 });
  const path = join(folder, 'engine.sock');
  await using _service = await servePolicy(cache, path);
  const engine = connect(path);
  /** States that the engine holds, by prefix. */
  const states = new Set<string>();
  const drop = (answer: Answer): void => {
    for (const { tokens, what } of answer.dropped ?? []) {
      if (what !== 'state') continue;
      assert.ok(states.delete(tokens.join(' ')), 'only what was kept is dropped');
    }
  };
  for (let i = 0; i < 40; i++) {
    const prompt = [...tokensFrom(0, 20), ...tokensFrom(100 + 50 * (i % 15), 10)];
    const planned = await ask(engine, { id: i, op: 'plan', tokens: prompt, maxOutputTokens: 2 });
    drop(planned);
    assert.equal(planned.id, i);
    if (planned.reusedTokens! > 0) assert.ok(states.has(prompt.slice(0, planned.reusedTokens).join(' ')));
    const sequence = [...prompt, 7, 8];
    for (const { at } of planned.checkpoints as { at: number }[]) states.add(sequence.slice(0, at).join(' '));
    states.add(sequence.join(' '));
    drop(await ask(engine, { id: i, op: 'commit', lease: planned.lease, tokens: sequence }));
    assertInvariants(cache);
  }
  assert.equal(states.size, cache.tree.numStates);
  assert.ok(cache.counters.hitTokens > 0 && cache.counters.evictedStates > 0);
  const { reusedTokens } = await ask(engine, { id: 'm', op: 'match', tokens: [...tokensFrom(0, 20), 5] });
  assert.equal(reusedTokens, 20);
  assert.equal((await ask(engine, { id: 'p', op: 'pin', tokens: [...tokensFrom(0, 20), 5] })).pinnedTokens, 20);
  const evicted = await ask(engine, { id: 'e', op: 'evict', bytes: 1e9 });
  drop(evicted);
  assert.deepEqual([...states], [tokensFrom(0, 20).join(' ')], 'the pinned prefix stays');
  assert.equal((await ask(engine, { id: 's', op: 'stats' })).bytes, 60);
  engine.destroy();
});

test('wrong messages are answered with what is wrong, and a broken connection leaves no lease', async () => {
  const cache = new PrefixCache({ profile: PROFILE, capacityBytes: 600, minCheckpointTokens: 4 });
  const path = join(folder, 'wrong.sock');
  await using _service = await servePolicy(cache, path);
  const engine = connect(path);
  assert.match((await ask(engine, { id: 1, op: 'plan', tokens: [1, -2] })).error!, /^tokens\.1: /);
  assert.match((await ask(engine, { id: 2, op: 'fly' })).error!, /^op: /);
  assert.match((await ask(engine, { id: 3, op: 'commit', lease: 9, tokens: [] })).error!, /9 is not open/);
  const { lease } = await ask(engine, { id: 4, op: 'plan', tokens: tokensFrom(0, 10) });
  const foreign = await ask(engine, { id: 5, op: 'commit', lease, tokens: [0, 1, 9] });
  assert.equal(foreign.error, `tokens.2: not the prompt of lease ${lease}`);
  assert.equal(cache.numLeases, 1);
  engine.write(Buffer.from([2, 0, 0, 0, 0x7b, 0x7b]));
  assert.equal((await nextAnswer(engine)).error, 'The message is not JSON.');
  await once(engine, 'close');
  while (cache.numLeases > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(cache.reservedBytes, 0);
  await assert.rejects(servePolicy(cache, path), { code: 'TF-PREFIX-010' });
});

interface Answer {
  readonly id: unknown;
  readonly error?: string;
  readonly lease?: number;
  readonly reusedTokens?: number;
  readonly pinnedTokens?: number;
  readonly bytes?: number;
  readonly checkpoints?: unknown;
  readonly dropped?: readonly { readonly tokens: readonly number[]; readonly what: string }[];
}

async function ask(socket: Socket, message: object): Promise<Answer> {
  const body = Buffer.from(JSON.stringify(message));
  const head = Buffer.alloc(4);
  head.writeUInt32LE(body.length);
  // In two pieces: messages need not come whole.
  socket.write(Buffer.concat([head, body.subarray(0, 3)]));
  socket.write(body.subarray(3));
  return nextAnswer(socket);
}

async function nextAnswer(socket: Socket): Promise<Answer> {
  let received = Buffer.alloc(0);
  while (received.length < 4 || received.length < 4 + received.readUInt32LE(0)) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    received = Buffer.concat([received, chunk]);
  }
  return JSON.parse(received.toString('utf8', 4)) as Answer;
}
