/** A router in front of several engines: it follows their KV events and sends each request to the engine that can reuse
 *  most of it; if that one does not answer, to the next. It needs the engines' tokenizer and template. */
import type { TextTokenizer } from '@tenfold/core/nn';
import { Hono, type Context, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { z } from 'zod';
import type { ShadowStanding } from '../sim/adaptive.ts';
import { hashKeyFromJson } from '../server/kv-events.ts';
import type { BlockIndex, WorkerScore } from './block-index.ts';
import { askEngine, isBusy, passedHeaders } from './engine-request.ts';
import { routedPrompt } from './routed-prompt.ts';

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
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Until an engine's answer begins; then the next engine is asked. Default 5 minutes. */
  readonly timeoutMs?: number;
  /** Bearer token that every request except /health must carry; absent: none. It is passed on to the engines. */
  readonly apiKey?: string;
  readonly shadow?: RouterShadow;
  /** Told about every request that an engine answered. */
  readonly onRouted?: (worker: string) => void;
}

/** The bodies of Mooncake's Conductor. */
const hashesSchema = z.object({ block_hash: z.array(z.union([z.string(), z.int()])) });

const STATUS_UNREACHABLE = 502;
/** The client has gone; nobody reads this. */
const STATUS_CLIENT_CLOSED = 499;
const MAX_BODY_BYTES = 64 * 2 ** 20;
const DEFAULT_TIMEOUT_MS = 300_000;
/** An engine that failed is asked last for this long, lest every request waits for it. */
const FAILED_MS = 5000;

export function createRouterApp(index: BlockIndex, workers: readonly RoutedWorker[], options: RouterOptions): Hono {
  const { tokenizer, fetch: send = fetch, shadow, nowMs, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const app = new Hono();
  const encode = (text: string): number[] => tokenizer.encode(text, { specialTokens: false });
  const urlOf = new Map(workers.map(({ name, url }) => [name, url]));
  const failedUntilMs = new Map<string, number>();
  for (const { name } of workers) index.addWorker(name);

  /** Tokens of a request, or an answer that says what is wrong with it. */
  const readTokens = (text: string, context: Context): Int32Array | Response =>
    routedPrompt(text, encode) ??
    errorAnswer(context, 400, 'The body has to be a JSON request with messages or a prompt.');

  /** Names in order, those that failed lately last. */
  const healthyFirst = (names: readonly string[]): string[] => {
    const hasFailed = (name: string): boolean => (failedUntilMs.get(name) ?? 0) > nowMs();
    return [...names.filter((name) => !hasFailed(name)), ...names.filter(hasFailed)];
  };

  /** Asks the engines in order until one answers and is not busy; if all are busy, the last word counts. */
  const forward = async (
    context: Context,
    names: readonly string[],
    request: { readonly method: 'GET' | 'POST'; readonly body?: string },
    onAsk: (name: string) => () => void,
  ): Promise<Response> => {
    const { signal } = context.req.raw;
    const ordered = healthyFirst(names);
    for (const [at, name] of ordered.entries()) {
      const release = onAsk(name);
      try {
        const answer = await askEngine(send, {
          ...request,
          url: urlOf.get(name)! + context.req.path,
          headers: forwardedHeaders(context),
          signal,
          timeoutMs,
        });
        const isLast = at === ordered.length - 1;
        if (isBusy(answer.status)) failedUntilMs.set(name, nowMs() + FAILED_MS);
        else failedUntilMs.delete(name);
        if (isBusy(answer.status) && !isLast) {
          release();
          await answer.body?.cancel();
          continue;
        }
        options.onRouted?.(name);
        return new Response(
          answer.body === null ? releasedBody(release) : whenRead(answer.body, { done: release, cut: cutOf(context) }),
          {
            status: answer.status,
            headers: passedHeaders(answer, name),
          },
        );
      } catch {
        release();
        if (signal.aborted) return new Response(null, { status: STATUS_CLIENT_CLOSED });
        failedUntilMs.set(name, nowMs() + FAILED_MS);
      }
    }
    return errorAnswer(context, STATUS_UNREACHABLE, `None of ${workers.length} engines answers.`);
  };

  if (options.apiKey !== undefined) app.use(requireKey(options.apiKey));
  app.use(
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: (context) => errorAnswer(context, 413, `A body has at most ${MAX_BODY_BYTES} bytes.`),
    }),
  );
  app.get('/health', (context) =>
    context.json({
      status: 'ok',
      workers: workers.length,
      failing_workers: workers.flatMap(({ name }) => ((failedUntilMs.get(name) ?? 0) > nowMs() ? [name] : [])),
      unplaced_events: index.numUnplaced,
      unreadable_messages: index.numUnreadable,
    }),
  );
  app.get('/v1/models', (context) =>
    forward(
      context,
      workers.map(({ name }) => name),
      { method: 'GET' },
      () => () => undefined,
    ),
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
      const scores = index.rank(tokens);
      const loadOf = new Map(scores.map(({ worker, reusableTokens }) => [worker, tokens.length - reusableTokens]));
      return forward(
        context,
        scores.map(({ worker }) => worker).filter((worker) => urlOf.has(worker)),
        { method: 'POST', body: text },
        (name) => {
          index.addLoad(name, loadOf.get(name)!);
          return () => index.addLoad(name, -loadOf.get(name)!);
        },
      );
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

function requireKey(key: string): MiddlewareHandler {
  return async (context, next) => {
    if (context.req.path === '/health' || context.req.header('authorization') === `Bearer ${key}`) return next();
    return errorAnswer(context, 401, 'A valid API key is needed.');
  };
}

function releasedBody(release: () => void): null {
  release();
  return null;
}

/** Cuts the connection to the client, the only sign that half an answer is no whole one; absent outside a server. */
function cutOf(context: Context): (() => void) | undefined {
  const { outgoing } = (context.env ?? {}) as { readonly outgoing?: { destroy(): void } };
  return outgoing && (() => outgoing.destroy());
}

/** The same stream.
 *  @param on.done  called once, when it ends, fails or is given up
 *  @param on.cut  called when it fails; without it the stream fails itself */
function whenRead(
  body: ReadableStream<Uint8Array>,
  on: { readonly done: () => void; readonly cut: (() => void) | undefined },
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let isDone = false;
  const finish = (): void => {
    if (!isDone) on.done();
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
        if (on.cut === undefined) return controller.error(error);
        on.cut();
        controller.close();
      }
    },
    cancel(reason) {
      finish();
      return reader.cancel(reason);
    },
  });
}
