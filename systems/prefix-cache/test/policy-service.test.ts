import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runVerbInTest } from '../../../core/src/system/test-kit.ts';
import { assertInvariants } from '../src/cache/invariants.ts';
import { PrefixCache } from '../src/cache/prefix-cache.ts';
import { manifest } from '../src/manifest.ts';
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
  readonly kept?: readonly number[];
  readonly dropped?: readonly { readonly tokens: readonly number[]; readonly what: string }[];
}

async function ask(socket: Socket, message: object): Promise<Answer> {
  const bytes = framed(message);
  // In two pieces: messages need not come whole.
  socket.write(bytes.subarray(0, 7));
  socket.write(bytes.subarray(7));
  return nextAnswer(socket);
}

function framed(message: object): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  const head = Buffer.alloc(4);
  head.writeUInt32LE(body.length);
  return Buffer.concat([head, body]);
}

async function nextAnswer(socket: Socket): Promise<Answer> {
  let received = Buffer.alloc(0);
  while (received.length < 4 || received.length < 4 + received.readUInt32LE(0)) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    received = Buffer.concat([received, chunk]);
  }
  return JSON.parse(received.toString('utf8', 4)) as Answer;
}

test('with several connections that plan, commit, abort and die, what the engine is told to keep is what the cache holds', async (t) => {
  const cache = new PrefixCache({ profile: PROFILE, capacityBytes: 500, minCheckpointTokens: 4, keepTokens: 1 });
  const path = join(folder, 'many.sock');
  await using _service = await servePolicy(cache, path);
  const engines = [connect(path), connect(path), connect(path)];
  t.after(() => engines.forEach((engine) => engine.destroy()));
  const states = new Set<string>();
  const drop = ({ dropped = [] }: Answer): void => {
    for (const { tokens, what } of dropped)
      if (what === 'state') assert.ok(states.delete(tokens.join(' ')), 'only what was kept is dropped');
  };
  const open: { readonly engine: number; readonly lease: number; readonly prompt: number[] }[] = [];
  let random = 1;
  const below = (count: number): number => (random = (random * 48271) % 0x7fffffff) % count;
  for (let i = 0; i < 400; i++) {
    const at = below(engines.length);
    const mine = open.findIndex(({ engine }) => engine === at);
    if (mine < 0 || below(2) === 0) {
      const prompt = [...tokensFrom(0, 4 + below(16)), ...tokensFrom(100 + 50 * below(6), below(10))];
      const planned = await ask(engines[at]!, { id: i, op: 'plan', tokens: prompt, maxOutputTokens: below(4) });
      drop(planned);
      if (planned.reusedTokens! > 0) assert.ok(states.has(prompt.slice(0, planned.reusedTokens).join(' ')));
      open.push({ engine: at, lease: planned.lease!, prompt });
    } else {
      const [{ lease, prompt }] = open.splice(mine, 1) as [(typeof open)[number]];
      if (below(5) === 0) drop(await ask(engines[at]!, { id: i, op: 'abort', lease }));
      else {
        // Some requests end before their prompt is computed.
        const sequence =
          below(6) === 0 ? prompt.slice(0, below(prompt.length)) : [...prompt, ...tokensFrom(7, below(4))];
        const committed = await ask(engines[at]!, { id: i, op: 'commit', lease, tokens: sequence });
        for (const end of committed.kept!) states.add(sequence.slice(0, end).join(' '));
        drop(committed);
      }
    }
    if (i % 100 === 99) {
      engines[at]!.destroy();
      engines[at] = connect(path);
      const numLeft = open.filter(({ engine }) => engine !== at).length;
      open.splice(0, open.length, ...open.filter(({ engine }) => engine !== at));
      while (cache.numLeases > numLeft) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assertInvariants(cache);
    assert.equal(states.size, cache.tree.numStates);
    assert.ok(cache.peakBytes <= cache.capacityBytes);
  }
  assert.ok(cache.counters.hitTokens > 0 && cache.counters.evictedStates > 0 && cache.counters.skippedAdmissions > 0);
});

test('a message of a megabyte in small pieces is read whole, and a length beyond 64 MiB ends the connection', async () => {
  const cache = new PrefixCache({ profile: PROFILE, capacityBytes: 600, minCheckpointTokens: 4 });
  const path = join(folder, 'long.sock');
  await using _service = await servePolicy(cache, path);
  const engine = connect(path);
  const body = Buffer.from(JSON.stringify({ id: 'long', op: 'match', tokens: tokensFrom(0, 150_000) }));
  const head = Buffer.alloc(4);
  head.writeUInt32LE(body.length);
  engine.write(head.subarray(0, 1));
  engine.write(head.subarray(1));
  for (let at = 0; at < body.length; at += 4001) engine.write(body.subarray(at, at + 4001));
  assert.equal((await nextAnswer(engine)).id, 'long');
  engine.write(Buffer.from([1, 0, 0, 4, 0x7b]));
  assert.match((await nextAnswer(engine)).error!, /at most 67108864 bytes/);
  await once(engine, 'close');
});

test('an engine that asks and never reads is not read from until it does, and others are served meanwhile', async (t) => {
  const cache = new PrefixCache({ profile: PROFILE, capacityBytes: 600, minCheckpointTokens: 4 });
  const path = join(folder, 'deaf.sock');
  await using _service = await servePolicy(cache, path);
  const deaf = connect(path);
  t.after(() => deaf.destroy());
  deaf.pause();
  const long = { id: 'x'.repeat(100_000), op: 'stats' };
  const numAsked = 100;
  for (let i = 0; i < numAsked; i++) deaf.write(framed(long));
  const other = connect(path);
  t.after(() => other.destroy());
  assert.equal((await ask(other, { id: 1, op: 'stats' })).id, 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(deaf.writableLength > 0, 'the service has stopped to read');
  const received = Promise.withResolvers<void>();
  let numBytes = 0;
  deaf.on('data', (chunk: Buffer) => {
    numBytes += chunk.length;
    if (numBytes >= numAsked * 100_000) received.resolve();
  });
  deaf.resume();
  await received.promise;
  assert.equal((await ask(other, { id: 2, op: 'stats' })).id, 2);
});

test('the verb answers on its socket until it is stopped, and says why a path cannot be one', async (t) => {
  const abort = new AbortController();
  t.after(() => abort.abort());
  const isReady = Promise.withResolvers<void>();
  const running = runVerbInTest(
    manifest,
    'policy',
    { socket: 'verb.sock', capacity: '1GB' },
    { workingFolder: folder, signal: abort.signal, onProgress: () => isReady.resolve() },
  );
  await Promise.race([isReady.promise, running]);
  const path = join(folder, 'verb.sock');
  const engine = connect(path);
  t.after(() => engine.destroy());
  assert.ok((await ask(engine, { id: 1, op: 'plan', tokens: tokensFrom(0, 100) })).lease! >= 0);
  await assert.rejects(runVerbInTest(manifest, 'policy', { socket: 'verb.sock' }, { workingFolder: folder }), {
    code: 'TF-PREFIX-010',
    actual: 'EADDRINUSE',
    location: path,
  });
  await assert.rejects(
    runVerbInTest(manifest, 'policy', { socket: 'no/such/folder.sock' }, { workingFolder: folder }),
    {
      code: 'TF-PREFIX-010',
      message: /a folder that exists/,
    },
  );
  await assert.rejects(
    runVerbInTest(manifest, 'policy', { socket: `${'long'.repeat(40)}.sock` }, { workingFolder: folder }),
    { code: 'TF-PREFIX-010', message: /a shorter path/ },
  );
  abort.abort();
  const { report } = await running;
  assert.match(report!.verdict.text, /^1 request; 0\.0 % of its prompt tokens reused\.$/);
  await once(engine, 'close');
  assert.ok(!existsSync(path), 'the socket is gone');
});
