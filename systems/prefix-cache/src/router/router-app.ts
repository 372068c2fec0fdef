/** A router in front of several engines: it follows their KV events and sends each request to the engine that can reuse
 *  most of it. It hashes prompts as the engines of this room do, so it needs their tokenizer and template. */
import type { TextTokenizer } from '@tenfold/core/nn';
import { Hono } from 'hono';
import { decodeBatch } from '../server/kv-events.ts';
import { encodeChat, type ChatMessage } from '../trace/chat-template.ts';
import type { BlockIndex } from './block-index.ts';

export interface RoutedWorker {
  readonly name: string;
  /** Base address, like http://127.0.0.1:8001. */
  readonly url: string;
}

export function createRouterApp(
  index: BlockIndex,
  workers: readonly RoutedWorker[],
  { tokenizer, fetch: send = fetch }: { readonly tokenizer: TextTokenizer; readonly fetch?: typeof fetch },
): Hono {
  const app = new Hono();
  const encode = (text: string): number[] => tokenizer.encode(text, { specialTokens: false });
  for (const { name } of workers) index.addWorker(name);
  const tokensOf = (body: { messages?: ChatMessage[]; prompt?: string | number[] }): Int32Array => {
    if (body.messages !== undefined) return encodeChat(body.messages, encode);
    return Int32Array.from(typeof body.prompt === 'string' ? encode(body.prompt) : (body.prompt ?? []));
  };
  app.post('/query', async (context) => {
    const scores = index.rank(tokensOf(await context.req.json()));
    return context.json({ workers: scores });
  });
  for (const path of ['/v1/chat/completions', '/v1/completions'] as const)
    app.post(path, async (context) => {
      const text = await context.req.text();
      const tokens = tokensOf(JSON.parse(text) as { messages?: ChatMessage[]; prompt?: string | number[] });
      const [best] = index.rank(tokens);
      const worker = workers.find(({ name }) => name === best!.worker)!;
      const load = tokens.length - best!.reusableTokens;
      index.addLoad(worker.name, load);
      try {
        const answer = await send(worker.url + path, {
          method: 'POST',
          body: text,
          headers: { 'content-type': 'application/json' },
          signal: context.req.raw.signal,
        });
        const headers = new Headers(answer.headers);
        headers.set('x-tenfold-worker', worker.name);
        return new Response(answer.body, { status: answer.status, headers });
      } finally {
        index.addLoad(worker.name, -load);
      }
    });
  return app;
}

/** Follows a worker's events; a gap is filled from its replay socket, or the worker's blocks are forgotten. */
export async function followWorker(
  index: BlockIndex,
  worker: string,
  endpoints: { readonly events: string; readonly replay?: string },
  signal: AbortSignal,
): Promise<void> {
  const { Subscriber, Dealer } = await import('zeromq');
  using subscriber = asDisposable(new Subscriber());
  subscriber.socket.connect(endpoints.events);
  subscriber.socket.subscribe();
  signal.addEventListener('abort', () => subscriber.socket.close(), { once: true });
  const replayFrom = async (missing: number): Promise<void> => {
    using dealer = asDisposable(new Dealer({ receiveTimeout: 2000 }));
    dealer.socket.connect(endpoints.replay!);
    const start = Buffer.alloc(8);
    start.writeBigUInt64BE(BigInt(missing));
    await dealer.socket.send(['', start]);
    for (;;) {
      const frames = await dealer.socket.receive();
      const [sequence, payload] = frames.slice(-2);
      const number = Number(Buffer.from(sequence!).readBigInt64BE());
      if (number < 0) return;
      index.apply(worker, number, decodeBatch(payload!).events);
    }
  };
  try {
    for await (const [, sequence, payload] of subscriber.socket) {
      const number = Number(Buffer.from(sequence!).readBigInt64BE());
      const { events } = decodeBatch(payload!);
      const missing = index.apply(worker, number, events);
      if (missing === undefined) continue;
      if (endpoints.replay === undefined) index.reset(worker, number);
      else await replayFrom(missing);
      if (index.apply(worker, number, events) !== undefined) {
        index.reset(worker, number);
        index.apply(worker, number, events);
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function asDisposable<Socket extends { close(): void }>(socket: Socket): Disposable & { readonly socket: Socket } {
  return { socket, [Symbol.dispose]: () => socket.close() };
}
