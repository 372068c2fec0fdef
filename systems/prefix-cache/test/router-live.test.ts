/** The router between real sockets: engines that are slow, die, lie or send nonsense, addresses of version 6, ports in use. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { encode } from '@msgpack/msgpack';
import OpenAI from 'openai';
import { Publisher, Router } from 'zeromq';
import { runVerbInTest } from '../../../core/src/system/test-kit.ts';
import { manifest } from '../src/manifest.ts';
import { listen } from '../src/server/listen.ts';

const BLOCK = 16;
/** Nobody listens there, and nobody speaks. */
const SILENT = 'tcp://127.0.0.1:9';
const PROMPT = Array.from({ length: 2 * BLOCK }, (_, i) => i + 1);

test('an engine that never answers, dies or is busy costs one try; the next one answers, and is asked first from then on', async (t) => {
  const asked: string[] = [];
  const open: ServerResponse[] = [];
  const slow = await engine(t, (_, response) => void (asked.push('slow'), open.push(response)));
  const dying = await engine(t, (request) => void (asked.push('dying'), request.socket.destroy()));
  const busy = await engine(t, (_, response) => void (asked.push('busy'), response.writeHead(503).end('loading')));
  const good = await engine(t, (_, response) => void (asked.push('good'), response.end('{"ok":true}')));
  const router = await route(t, { slow, dying, busy, good }, { timeoutSec: 0.3 });
  const first = await complete(router.url, { prompt: PROMPT });
  assert.equal(first.headers.get('x-tenfold-worker'), 'good');
  assert.deepEqual(await first.json(), { ok: true });
  assert.deepEqual(asked, ['slow', 'dying', 'busy', 'good']);
  const second = await complete(router.url, { prompt: PROMPT });
  assert.deepEqual(await second.json(), { ok: true });
  assert.deepEqual(asked.slice(4), ['good'], 'those that failed are asked last');
  const { failing_workers: failing } = await health(router.url);
  assert.deepEqual(failing, ['slow', 'dying', 'busy']);
  assert.ok(open.length === 1 && open[0]!.destroyed, 'the slow request is given up');
});

test('a request that the engine refuses is answered with its words, not tried elsewhere; if all are busy, so is the router', async (t) => {
  const wrong = await engine(t, (_, response) => void response.writeHead(400).end('{"error":{"message":"too long"}}'));
  const other = await engine(t, () => assert.fail('asked'));
  const router = await route(t, { wrong, other });
  const refused = await complete(router.url, { prompt: PROMPT });
  assert.equal(refused.status, 400);
  assert.match(await refused.text(), /too long/);
  const full = await engine(t, (_, response) => void response.writeHead(429, { 'retry-after': '7' }).end('full'));
  const busy = await route(t, { full });
  const answer = await complete(busy.url, { prompt: PROMPT });
  assert.deepEqual([answer.status, answer.headers.get('retry-after'), await answer.text()], [429, '7', 'full']);
});

test('compressed and chunked answers arrive whole, though the router has undone the compression', async (t) => {
  const text = JSON.stringify({ text: 'x'.repeat(5000) });
  const zipping = await engine(t, (_, response) => {
    const body = gzipSync(text);
    response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': body.length, connection: 'keep-alive' });
    response.end(body);
  });
  const router = await route(t, { zipping });
  const answer = await complete(router.url, { prompt: PROMPT });
  assert.equal(answer.headers.get('content-encoding'), null);
  assert.equal(await answer.text(), text);
});

test('an engine that dies in the middle of a stream ends the stream with an error, and the router goes on', async (t) => {
  let numAsked = 0;
  const dying = await engine(t, (_, response) => {
    numAsked++;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: {"a":1}\n\n');
    setTimeout(() => response.destroy(), 30);
  });
  const printed = t.mock.method(console, 'error', () => undefined);
  const router = await route(t, { dying });
  for (let i = 0; i < 3; i++) {
    const answer = await complete(router.url, { prompt: PROMPT, stream: true });
    assert.equal(answer.status, 200);
    await assert.rejects(answer.text());
  }
  assert.equal(numAsked, 3);
  assert.equal(printed.mock.callCount(), 0, 'no stack on the terminal');
  const scores = (await query(router.url)).workers;
  assert.deepEqual(
    scores.map(({ load }) => load),
    [0],
    'no load is left behind',
  );
});

test('a client that goes away in the middle of a stream ends the engine’s stream', async (t) => {
  const closed = Promise.withResolvers<void>();
  const endless = await engine(t, (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const timer = setInterval(() => response.write('data: {}\n\n'), 5);
    response.on('close', () => {
      clearInterval(timer);
      closed.resolve();
    });
  });
  const printed = (['error', 'info', 'log'] as const).map((name) => t.mock.method(console, name));
  const router = await route(t, { endless });
  const abort = new AbortController();
  const answer = await complete(router.url, { prompt: PROMPT, stream: true }, abort.signal);
  await answer.body!.getReader().read();
  abort.abort();
  await closed.promise;
  await until(async () => (await query(router.url)).workers[0]!.load === 0);
  assert.deepEqual(
    printed.map(({ mock }) => mock.callCount()),
    [0, 0, 0],
  );
});

test('a client that goes away while the engine computes frees the engine', async (t) => {
  const closed = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const slow = await engine(t, (request, response) => {
    arrived.resolve();
    response.on('close', () => closed.resolve());
    request.resume();
  });
  const router = await route(t, { slow });
  const printed = [t.mock.method(console, 'error'), t.mock.method(console, 'info')];
  const abort = new AbortController();
  const pending = complete(router.url, { prompt: PROMPT }, abort.signal);
  await arrived.promise;
  abort.abort();
  await assert.rejects(pending);
  await closed.promise;
  await until(async () => (await query(router.url)).workers[0]!.load === 0);
  assert.deepEqual(
    printed.map(({ mock }) => mock.callCount()),
    [0, 0],
  );
});

test('the official client talks through the router: models, content parts, batches of prompts', async (t) => {
  const bodies: string[] = [];
  const good = await engine(t, (request, response) => {
    request.on('data', (chunk: Buffer) => bodies.push(String(chunk)));
    request.on('end', () => reply(request, response));
  });
  const reply = (request: IncomingMessage, response: ServerResponse): void => {
    response.setHeader('content-type', 'application/json');
    response.end(
      request.url === '/v1/models'
        ? '{"object":"list","data":[{"id":"m","object":"model","created":0,"owned_by":"x"}]}'
        : '{"choices":[{"index":0,"text":"a","message":{"role":"assistant","content":"hi"}}]}',
    );
  };
  const router = await route(t, { good }, { apiKey: 'secret' });
  assert.equal((await complete(router.url, { prompt: 'x' })).status, 401);
  const client = new OpenAI({ baseURL: `${router.url}/v1`, apiKey: 'secret', maxRetries: 0 });
  assert.deepEqual(
    (await client.models.list()).data.map(({ id }) => id),
    ['m'],
  );
  const content = [
    { type: 'text', text: 'look ' } as const,
    { type: 'image_url', image_url: { url: 'data:,' } } as const,
  ];
  const chat = await client.chat.completions.create({
    model: 'm',
    messages: [
      { role: 'developer', content: 'be brief' },
      { role: 'user', content },
    ],
  });
  assert.equal(chat.choices[0]!.message.content, 'hi');
  await client.completions.create({ model: 'm', prompt: ['one', 'two'] });
  await client.completions.create({ model: 'm', prompt: [[1, 2], [3]] });
  assert.equal(bodies.length, 3);
  assert.deepEqual(JSON.parse(bodies[1]!), { model: 'm', prompt: ['one', 'two'] });
});

test('nonsense on the events socket is counted and skipped; what is true in between is known', async (t) => {
  const good = await engine(t, (_, response) => void response.end('{}'));
  const events = await publisher(t);
  const router = await route(t, { good }, {}, { good: events.address });
  const nonsense: (string | Uint8Array)[][] = [
    ['one frame'],
    ['', 'short', encode({ ts: 1, events: [] })],
    ['', sequence(0), 'this is no MessagePack \xc1'],
    ['', sequence(0), encode(null)],
    ['', sequence(0), encode({ ts: 1 })],
    ['', sequence(-5), encode({ ts: 1, events: [] })],
  ];
  const malformed = [
    null,
    7,
    { type: 'BlockStored' },
    { ...stored(), block_size: 0 },
    { ...stored(), block_size: -16 },
    { ...stored(), token_ids: [1, 2, 3] },
    { ...stored(), token_ids: PROMPT.map(String) },
    { ...stored(), block_hashes: [{}, []] },
    { type: 'BlockRemoved', block_hashes: 'all' },
    ['BlockStored', [1], null],
  ];
  const cleared = encode([1, [['AllBlocksCleared']], 0]);
  const known = async (): Promise<number> => (await query(router.url)).workers[0]!.reusableTokens;
  let number = 0;
  // A subscription takes a moment to arrive.
  await until(async () => {
    await events.send(['', sequence(number++), encode({ ts: 1, events: [stored()] })]);
    return (await known()) === 2 * BLOCK;
  });
  await events.send(['', sequence(number++), cleared]);
  for (const frames of nonsense) await events.send(frames);
  await events.send(['', sequence(number++), encode({ ts: 1, events: malformed })]);
  await until(async () => (await health(router.url)).unreadable_messages === nonsense.length + malformed.length);
  assert.equal(await known(), 0);
  await events.send(['', sequence(number++), encode({ ts: 1, events: [{ type: 'FutureEvent' }, stored()] })]);
  await until(async () => (await known()) === 2 * BLOCK);
  assert.equal((await health(router.url)).unreadable_messages, nonsense.length + malformed.length);
  await events.send(['', sequence(number++), encode([1, [['AllBlocksCleared']], 0])]);
  await until(async () => (await query(router.url)).workers[0]!.reusableTokens === 0);
});

test('a replay socket that sends nonsense or nothing leaves the engine’s blocks forgotten, not the router stuck', async (t) => {
  const good = await engine(t, (_, response) => void response.end('{}'));
  const events = await publisher(t);
  const replay = new Router({ linger: 0 });
  await replay.bind('tcp://127.0.0.1:0');
  t.after(() => replay.close());
  let numReplays = 0;
  void (async () => {
    for await (const [client] of replay) {
      numReplays++;
      await replay.send([client!, '', 'x', 'y']);
      await replay.send([client!, 'garbage']);
      await replay.send([client!, '', sequence(1), encode({ ts: 0, events: 'none' })]);
    }
  })().catch(() => undefined);
  const router = await route(t, { good }, {}, { good: `${events.address}|${replay.lastEndpoint}` });
  // Number 5 first: what came before is asked for, in vain.
  await until(async () => {
    await events.send(['', sequence(5), encode({ ts: 1, events: [stored()] })]);
    return numReplays > 0;
  });
  await until(async () => (await query(router.url)).workers[0]!.reusableTokens === 2 * BLOCK);
});

test('groups are told apart by what they hold, however an engine numbers them', async (t) => {
  const good = await engine(t, (_, response) => void response.end('{}'));
  const events = await publisher(t);
  const router = await route(t, { good }, {}, { good: events.address });
  const state = { ...stored(), group_idx: 0, kv_cache_spec_kind: 'mamba', block_hashes: [1] };
  const first = { ...state, token_ids: PROMPT.slice(0, BLOCK) };
  const attention = { ...stored(), group_idx: 3, kv_cache_spec_kind: 'full_attention' };
  let number = 0;
  await until(async () => {
    await events.send(['', sequence(number++), encode({ ts: 1, events: [attention, first] })]);
    const [score] = (await query(router.url)).workers;
    return score!.attentionTokens === 2 * BLOCK && score!.reusableTokens === BLOCK;
  });
  await events.send(['', sequence(number++), encode({ ts: 1, events: [{ ...removed(), group_idx: 0 }] })]);
  await until(async () => (await query(router.url)).workers[0]!.reusableTokens === 0);
  assert.equal((await query(router.url)).workers[0]!.attentionTokens, 2 * BLOCK);
});

test('addresses of version 6 work for the router, its engines and their events', async (t) => {
  const good = await engine(t, (_, response) => void response.end('{"ok":6}'), '::1');
  const events = await publisher(t, 'tcp://[::1]:0');
  const router = await route(t, { good }, { host: '::1' }, { good: events.address });
  assert.match(router.url, /^http:\/\/\[::1\]:\d+$/);
  assert.match(router.phases.join(), /routing 1 engine on http:\/\/\[::1\]:\d+\/v1/);
  assert.deepEqual(await (await complete(router.url, { prompt: PROMPT })).json(), { ok: 6 });
  let number = 0;
  await until(async () => {
    await events.send(['', sequence(number++), encode({ ts: 1, events: [stored()] })]);
    return (await query(router.url)).workers[0]!.reusableTokens === 2 * BLOCK;
  });
});

test('a port in use, an address that is none and an open host without a key are refused before anything is routed', async (t) => {
  const taken = await engine(t, (_, response) => void response.end());
  const port = Number(new URL(taken).port);
  const workers = `a=http://127.0.0.1:1|tcp://127.0.0.1:2`;
  await assert.rejects(runVerbInTest(manifest, 'route', { workers, port }), {
    code: 'TF-PREFIX-010',
    message: `listen: to listen on http://127.0.0.1:${port}, got EADDRINUSE. Choose another --port. TF-PREFIX-010`,
  });
  const free = await freePort();
  for (const [events, actual] of [
    ['tcp://nowhere', '"tcp://nowhere"'],
    ['tcp://127.0.0.1:2|carrier://pigeon', '"carrier://pigeon"'],
  ])
    await assert.rejects(runVerbInTest(manifest, 'route', { workers: `a=http://127.0.0.1:1|${events}`, port: free }), {
      code: 'TF-PREFIX-006',
      actual,
    });
  await assert.rejects(runVerbInTest(manifest, 'route', { workers, port: free, host: '0.0.0.0' }), {
    code: 'TF-PREFIX-011',
  });
  await assert.rejects(
    listen(() => new Response(), { host: '::1', port: Number(new URL(await engine(t, () => {}, '::1')).port) }),
    {
      code: 'TF-PREFIX-010',
      expected: /^to listen on http:\/\/\[::1\]:\d+$/,
    },
  );
});

interface Scores {
  readonly workers: readonly {
    readonly reusableTokens: number;
    readonly attentionTokens: number;
    readonly load: number;
  }[];
}

/** An HTTP server on a free port. @returns its address */
async function engine(t: TestContext, listener: RequestListener, host = '127.0.0.1'): Promise<string> {
  const server = createServer(listener).listen(0, host);
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return `http://${host === '::1' ? '[::1]' : host}:${port}`;
}

/** The verb `route` in front of engines, until the test ends. */
async function route(
  t: TestContext,
  engines: Readonly<Record<string, string>>,
  params: { readonly host?: string; readonly timeoutSec?: number; readonly apiKey?: string } = {},
  events: Readonly<Record<string, string>> = {},
): Promise<{ readonly url: string; readonly phases: readonly string[] }> {
  const port = await freePort();
  const workers = Object.entries(engines)
    .map(([name, url]) => `${name}=${url}|${events[name] ?? SILENT}`)
    .join(',');
  const abort = new AbortController();
  const phases: string[] = [];
  const isRouting = Promise.withResolvers<void>();
  const running = runVerbInTest(
    manifest,
    'route',
    { workers, port, blockTokens: BLOCK, ...params },
    {
      signal: abort.signal,
      onProgress: ({ phase }) => {
        phases.push(phase);
        isRouting.resolve();
      },
    },
  );
  t.after(async () => {
    abort.abort();
    await running;
  });
  await Promise.race([isRouting.promise, running]);
  return { url: `http://${params.host === '::1' ? '[::1]' : '127.0.0.1'}:${port}`, phases };
}

interface Events {
  readonly address: string;
  send(frames: readonly (string | Uint8Array)[]): Promise<void>;
}

async function publisher(t: TestContext, address = 'tcp://127.0.0.1:0'): Promise<Events> {
  const socket = new Publisher({ ipv6: true, linger: 0 });
  await socket.bind(address);
  t.after(() => socket.close());
  return { address: socket.lastEndpoint!, send: (frames) => socket.send(frames.map((frame) => Buffer.from(frame))) };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function stored() {
  return {
    type: 'BlockStored',
    block_hashes: [1, 2],
    parent_block_hash: null,
    token_ids: PROMPT,
    block_size: BLOCK,
    medium: 'GPU',
  };
}

function removed() {
  return { type: 'BlockRemoved', block_hashes: [1], medium: 'GPU' };
}

function sequence(number: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(number));
  return bytes;
}

function complete(url: string, body: object, signal?: AbortSignal): Promise<Response> {
  return fetch(`${url}/v1/completions`, { method: 'POST', body: JSON.stringify(body), ...(signal ? { signal } : {}) });
}

async function query(url: string): Promise<Scores> {
  const answer = await fetch(`${url}/query`, { method: 'POST', body: JSON.stringify({ token_ids: PROMPT }) });
  return (await answer.json()) as Scores;
}

async function health(
  url: string,
): Promise<{ readonly failing_workers: string[]; readonly unreadable_messages: number }> {
  return (await (await fetch(`${url}/health`)).json()) as Awaited<ReturnType<typeof health>>;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail('it did not come true');
}
