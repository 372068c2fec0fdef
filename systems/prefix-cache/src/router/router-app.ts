/** A router in front of several engines: it follows their KV events and sends each request to the engine that can reuse
 *  most of it; if that one does not answer, to the next. It needs the engines' tokenizer and template. */
import type { TextTokenizer } from '@tenfold/core/nn';
import { Hono, type Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { z } from 'zod';
import type { ShadowStanding } from '../sim/adaptive.ts';
import { encodeChat, type ChatMessage } from '../trace/chat-template.ts';
import { hashKeyFromJson } from '../server/kv-events.ts';
import type { BlockIndex, WorkerScore } from './block-index.ts';

export interface RoutedWorker {
  readonly name: string;
  /** Base address, like http://127.0.0.1:8001. */
  readonly url: string;
}

/** Shadow mode: what caches of other policies would have reused of the prompts that pass. */
export interface RouterShadow {
  observe(prompt: Int32Array): void;
  standings(): readonly ShadowStanding[];
}

export interface RouterOptions {
  readonly tokenizer: TextTokenizer;
  readonly fetch?: typeof fetch;
  readonly shadow?: RouterShadow;
  /** Told about every request that an engine answered. */
  readonly onRouted?: (worker: string) => void;
}

interface RoutedBody {
  readonly messages?: ChatMessage[];
  readonly prompt?: string | number[];
  readonly token_ids?: number[];
}

/** The bodies of Mooncake's Conductor. */
const hashesSchema = z.object({ block_hash: z.array(z.union([z.string(), z.int()])) });

const STATUS_UNREACHABLE = 502;

export function createRouterApp(index: BlockIndex, workers: readonly RoutedWorker[], options: RouterOptions): Hono {
  const { tokenizer, fetch: send = fetch, shadow } = options;
  const app = new Hono();
  const encode = (text: string): number[] => tokenizer.encode(text, { specialTokens: false });
  for (const { name } of workers) index.addWorker(name);

  /** Tokens of a request, or an answer that says what is wrong with it. */
  const readTokens = (text: string, context: Context): Int32Array | Response => {
    try {
      const body = JSON.parse(text) as RoutedBody;
      const { messages, prompt = body.token_ids } = body;
      if (messages !== undefined) return encodeChat(messages, encode);
      if (prompt !== undefined) return Int32Array.from(typeof prompt === 'string' ? encode(prompt) : prompt);
    } catch {
      return errorAnswer(context, 400, 'The body is not a JSON request with messages or a prompt.');
    }
    return errorAnswer(context, 400, 'The request needs messages or a prompt.');
  };

  app.get('/health', (context) =>
    context.json({ status: 'ok', workers: workers.length, unplaced_events: index.numUnplaced }),
  );
  app.get('/shadow', (context) => context.json({ policies: shadow?.standings() ?? [] }));
  app.post('/query', async (context) => {
    const tokens = readTokens(await context.req.text(), context);
    if (tokens instanceof Response) return tokens;
    const scores = index.rank(tokens);
    return context.json({ workers: scores, data: conductorData(scores) });
  });
  app.post('/query_by_hash', async (context) => {
    const body = hashesSchema.safeParse(await context.req.json().catch(() => undefined));
    if (!body.success) return errorAnswer(context, 400, 'The request needs block_hash, a list of hashes.');
    return context.json({ data: conductorData(index.matchHashes(body.data.block_hash.map(hashKeyFromJson))) });
  });
  for (const path of ['/v1/chat/completions', '/v1/completions'] as const)
    app.post(path, async (context) => {
      const text = await context.req.text();
      const tokens = readTokens(text, context);
      if (tokens instanceof Response) return tokens;
      shadow?.observe(tokens);
      for (const { worker, reusableTokens } of index.rank(tokens)) {
        const { name, url } = workers.find((entry) => entry.name === worker)!;
        const load = tokens.length - reusableTokens;
        index.addLoad(name, load);
        const release = (): void => index.addLoad(name, -load);
        try {
          const answer = await send(url + path, {
            method: 'POST',
            body: text,
            headers: forwardedHeaders(context),
            signal: context.req.raw.signal,
          });
          const headers = new Headers(answer.headers);
          headers.set('x-tenfold-worker', name);
          options.onRouted?.(name);
          return new Response(answer.body === null ? null : whenRead(answer.body, release), {
            status: answer.status,
            headers,
          });
        } catch (error) {
          release();
          if (context.req.raw.signal.aborted) throw error;
        }
      }
      return errorAnswer(context, STATUS_UNREACHABLE, `None of ${workers.length} engines answers.`);
    });
  return app;
}

/** Scores as Conductor gives them. `matched_tokens` are those that can be reused: on a hybrid, up to a state. */
function conductorData(scores: readonly WorkerScore[]): object {
  return Object.fromEntries(
    scores.map(({ worker, reusableTokens, attentionTokens }) => [
      worker,
      { matched_tokens: reusableTokens, L1: { dp0: attentionTokens }, L2: 0, L3: 0 },
    ]),
  );
}

function forwardedHeaders(context: Context): Record<string, string> {
  const key = context.req.header('authorization');
  return { 'content-type': 'application/json', ...(key === undefined ? {} : { authorization: key }) };
}

function errorAnswer(context: Context, status: ContentfulStatusCode, message: string): Response {
  const type = status === STATUS_UNREACHABLE ? 'server_error' : 'invalid_request_error';
  return context.json({ error: { message, type, param: null, code: null } }, status);
}

/** The same stream; `done` is called once, when it ends, fails or is given up. */
function whenRead(body: ReadableStream<Uint8Array>, done: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let isDone = false;
  const finish = (): void => {
    if (!isDone) done();
    isDone = true;
  };
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done: isEnd, value } = await reader.read();
        if (!isEnd) return controller.enqueue(value);
        finish();
        controller.close();
      } catch (error) {
        finish();
        controller.error(error);
      }
    },
    cancel(reason) {
      finish();
      return reader.cancel(reason);
    },
  });
}
