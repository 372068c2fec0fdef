/** The OpenAI-compatible HTTP interface: chat, completions, models, metrics, and the cache's own endpoints. */
import { TenfoldError } from '@tenfold/core/base';
import type { TextTokenizer } from '@tenfold/core/nn';
import { Hono, type Context, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { streamSSE } from 'hono/streaming';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { z } from 'zod';
import type { Generation, GenerationOptions, GenerationService } from '../engine/generation.ts';
import { encodeMessage, headerOf, type ChatMessage } from '../trace/chat-template.ts';
import type { ShadowStanding } from '../sim/adaptive.ts';
import { AnswerMemory, AnswerText } from './answers.ts';
import { metricsText, TtftHistogram } from './metrics.ts';
import {
  chatSchema,
  completionSchema,
  maxTokensOf,
  stopsOf,
  type ChatBody,
  type CompletionBody,
} from './openai-schema.ts';
import { viewCache, viewTree } from './tree-view.ts';

export interface ServerOptions {
  readonly tokenizer: TextTokenizer;
  readonly model: string;
  /** Seconds since 1970, for `created`. */
  readonly now: () => number;
  /** What other policies would have given on this server's traffic. */
  readonly standings?: () => { readonly policies: readonly ShadowStanding[]; readonly numObserved: number };
  /** Bearer token that every request except /health must carry; absent: none. */
  readonly apiKey?: string;
  /** Told about every finished request. */
  readonly onRequest?: (prompt: Int32Array, generation: Generation) => void;
}

interface Prompt {
  readonly tokens: Int32Array;
  readonly breakpoints: readonly number[];
}

interface ApiError {
  readonly status: ContentfulStatusCode;
  readonly message: string;
  readonly code: string;
  readonly param?: string;
}

const MS_PER_SEC = 1000;
const RETRY_AFTER_SEC = '1';

export function createApp<State, Kv>(service: GenerationService<State, Kv>, options: ServerOptions): Hono {
  const { tokenizer, model, now } = options;
  const { backend, cache } = service;
  const app = new Hono();
  const memory = new AnswerMemory();
  const ttft = new TtftHistogram();
  let nextId = 1;
  const encode = (text: string): number[] => tokenizer.encode(text, { specialTokens: false });

  if (options.apiKey !== undefined) app.use(requireKey(options.apiKey));
  app.use(bodyLimit({ maxSize: MAX_BODY_BYTES, onError: (context) => errorAnswer(context, TOO_LARGE) }));
  app.get('/health', (context) => context.json({ status: 'ok' }));
  app.get('/v1/models', (context) =>
    context.json({ object: 'list', data: [{ id: model, object: 'model', created: 0, owned_by: 'tenfold' }] }),
  );
  app.get('/metrics', (context) =>
    context.text(
      metricsText(cache, { ttft, numWaiting: service.numWaiting, numTuned: options.standings?.().numObserved }),
    ),
  );
  app.get('/cache/stats', (context) => context.json(viewCache(cache)));
  app.get('/cache/tree', (context) =>
    context.json({ ...viewCache(cache), nodes: viewTree(cache, (tokens) => tokenizer.decode(tokens)) }),
  );
  app.get('/cache/what-if', (context) => context.json({ policies: options.standings?.().policies ?? [] }));
  app.post('/cache/flush', (context) => {
    cache.clear();
    return context.json(viewCache(cache));
  });
  app.post(
    '/cache/pin',
    withBody(pinSchema, (context, body) => {
      const until = body.ttl_seconds === undefined ? Infinity : now() + body.ttl_seconds;
      const tokens = promptOf(body.prompt).tokens;
      const pinned = body.unpin
        ? cache.unpin(tokens, { salt: body.cache_salt })
        : cache.pin(tokens, { salt: body.cache_salt, until });
      return context.json({ pinned_tokens: pinned });
    }),
  );
  app.post(
    '/cache/explain',
    withBody(explainSchema, (context, body) => {
      const prompt = body.messages === undefined ? promptOf(body.prompt ?? '') : chatPrompt(body.messages);
      const match = cache.lookup(prompt.tokens, { salt: body.cache_salt });
      return context.json({
        prompt_tokens: prompt.tokens.length,
        cached_tokens: match.reusedTokens,
        known_tokens: match.sharedTokens,
        reason: match.missReason,
        explanation: EXPLANATIONS[match.missReason],
      });
    }),
  );
  app.post(
    '/tokenize',
    withBody(z.object({ text: z.string() }), (context, { text }) => context.json({ tokens: encode(text) })),
  );

  app.post(
    '/v1/chat/completions',
    withBody(chatSchema, (context, body) => {
      const prompt = chatPrompt(body.messages);
      return answer(context, body, prompt, {
        id: `chatcmpl-${nextId++}`,
        object: 'chat.completion',
        wantsLogProbabilities: body.logprobs === true,
        choice: (text, finish, logprobs) => ({
          index: 0,
          message: { role: 'assistant', content: text, refusal: null },
          logprobs,
          finish_reason: finish,
        }),
        chunk: (delta, finish, logprobs) => ({
          index: 0,
          delta: delta === undefined ? {} : { role: 'assistant', content: delta },
          logprobs,
          finish_reason: finish,
        }),
        logprobsOf: (tokens) => ({
          content: tokens.map(({ token, logprob }) => ({
            token,
            logprob,
            bytes: [...new TextEncoder().encode(token)],
            top_logprobs: [],
          })),
        }),
      });
    }),
  );
  app.post(
    '/v1/completions',
    withBody(completionSchema, (context, body) =>
      answer(context, body, promptOf(body.prompt), {
        id: `cmpl-${nextId++}`,
        object: 'text_completion',
        wantsLogProbabilities: typeof body.logprobs === 'number',
        choice: (text, finish, logprobs) => ({ index: 0, text, logprobs, finish_reason: finish }),
        chunk: (delta, finish, logprobs) => ({ index: 0, text: delta ?? '', logprobs, finish_reason: finish }),
        logprobsOf: (tokens) => ({
          tokens: tokens.map(({ token }) => token),
          token_logprobs: tokens.map(({ logprob }) => logprob),
        }),
      }),
    ),
  );
  app.notFound((context) =>
    errorAnswer(context, { status: 404, message: `No such path: ${context.req.path}`, code: 'not_found' }),
  );
  app.onError((error, context) => errorAnswer(context, apiErrorFrom(error)));
  return app;

  function promptOf(prompt: string | readonly number[]): Prompt {
    // Checked before they are cut to 32 bits, which would make a token of any number.
    const ids = typeof prompt === 'string' ? encode(prompt) : prompt;
    for (const token of ids)
      if (token < 0 || token >= backend.vocabulary)
        throw new RequestError({
          status: 400,
          message: `Token ids go from 0 to ${backend.vocabulary - 1}, got ${token}.`,
          code: 'invalid_token',
          param: 'prompt',
        });
    return { tokens: Int32Array.from(ids), breakpoints: [] };
  }

  function chatPrompt(messages: ChatBody['messages']): Prompt {
    const tokens: number[] = [];
    const breakpoints: number[] = [];
    for (const message of messages) {
      tokens.push(...encodeMessage(plainMessage(message), encode));
      if (message.cache_control !== undefined) breakpoints.push(tokens.length);
    }
    tokens.push(...encode(headerOf('assistant')));
    return { tokens: Int32Array.from(tokens), breakpoints };
  }

  function plainMessage({ role, content, tool_calls: calls }: ChatBody['messages'][number]): ChatMessage {
    const text = typeof content === 'string' ? content : (content ?? []).map((part) => part.text).join('');
    const whole = calls === undefined ? text : text + JSON.stringify(calls);
    return {
      role: role === 'developer' ? 'system' : role,
      content: whole,
      tokens: role === 'assistant' ? memory.recall(whole) : undefined,
    };
  }

  async function answer(
    context: Context,
    body: ChatBody | CompletionBody,
    prompt: Prompt,
    shape: AnswerShape,
  ): Promise<Response> {
    if (body.model !== model)
      throw new RequestError({
        status: 404,
        message: `The model ${JSON.stringify(body.model)} does not exist; this server has ${JSON.stringify(model)}.`,
        code: 'model_not_found',
        param: 'model',
      });
    const maxTokens = maxTokensOf(body);
    if (prompt.tokens.length === 0)
      throw new RequestError({ status: 400, message: 'The prompt is empty.', code: 'invalid_prompt', param: 'prompt' });
    if (prompt.tokens.length + maxTokens > backend.maxTokens)
      throw new RequestError({
        status: 400,
        message: `This model's context is ${backend.maxTokens} tokens; ${prompt.tokens.length} in the prompt and ${maxTokens} in the answer are more.`,
        code: 'context_length_exceeded',
        param: 'messages' in body ? 'messages' : 'prompt',
      });
    if (service.isFull)
      throw new RequestError({ status: 429, message: 'Too many requests are waiting.', code: 'queue_full' });
    const text = new AnswerText(tokenizer, stopsOf(body));
    const logprobs: { token: string; logprob: number }[] = [];
    const head = { id: shape.id, object: shape.object, created: Math.floor(now()), model };
    const generationOptions = (onDelta: (delta: string) => void): GenerationOptions => ({
      maxTokens,
      temperature: body.temperature ?? 0,
      topP: body.top_p ?? 1,
      seed: body.seed ?? 0,
      salt: body.cache_salt ?? '',
      breakpoints: prompt.breakpoints,
      isCached: body.cache_prompt ?? true,
      signal: context.req.raw.signal,
      wantsLogProbabilities: shape.wantsLogProbabilities,
      onToken(token, logprob) {
        const { delta, isStopped } = text.add(token);
        if (shape.wantsLogProbabilities) logprobs.push({ token: tokenizer.decode([token]), logprob });
        if (delta !== '') onDelta(delta);
        return isStopped;
      },
    });
    const finish = (generation: Generation): void => {
      // Text that a stop string cut is tokenised anew when it comes back.
      if (tokenizer.decode(generation.tokens) === text.text) memory.remember(text.text, generation.tokens);
      ttft.observe(generation.ttftMs / MS_PER_SEC, generation.cachedTokens > 0);
      options.onRequest?.(prompt.tokens, generation);
    };
    if (body.stream !== true) {
      const generation = await service.generate(
        prompt.tokens,
        generationOptions(() => undefined),
      );
      text.finish();
      finish(generation);
      const shown = shape.wantsLogProbabilities ? shape.logprobsOf(logprobs) : null;
      return context.json({
        ...head,
        choices: [shape.choice(text.text, generation.finishReason, shown)],
        usage: usageOf(generation),
      });
    }
    const chunkHead = { ...head, object: shape.object === 'chat.completion' ? 'chat.completion.chunk' : shape.object };
    return streamSSE(context, async (stream) => {
      const send = (data: object | string): Promise<void> =>
        stream.writeSSE({ data: typeof data === 'string' ? data : JSON.stringify(data) });
      const abort = new AbortController();
      stream.onAbort(() => abort.abort());
      let sending = Promise.resolve();
      const queue = (data: object): void => void (sending = sending.then(() => send(data)));
      try {
        // A piece of text carries the log-probabilities of the tokens since the one before.
        const newLogprobs = (): object | null =>
          shape.wantsLogProbabilities && logprobs.length > 0 ? shape.logprobsOf(logprobs.splice(0)) : null;
        const sendPiece = (delta: string | undefined, finishReason: string | null): void =>
          queue({ ...chunkHead, choices: [shape.chunk(delta, finishReason, newLogprobs())] });
        const streamed = generationOptions((delta) => sendPiece(delta, null));
        const generation = await service.generate(prompt.tokens, {
          ...streamed,
          signal: AbortSignal.any([abort.signal, context.req.raw.signal]),
        });
        const rest = text.finish();
        finish(generation);
        if (rest !== '') sendPiece(rest, null);
        sendPiece(undefined, generation.finishReason);
        if (body.stream_options?.include_usage === true)
          queue({ ...chunkHead, choices: [], usage: usageOf(generation) });
      } catch (error) {
        if (!abort.signal.aborted) queue({ error: errorBody(apiErrorFrom(error)) });
      }
      await sending;
      await send('[DONE]');
    });
  }
}

const MAX_BODY_BYTES = 16 * 2 ** 20;
const TOO_LARGE: ApiError = {
  status: 413,
  message: `A body has at most ${MAX_BODY_BYTES} bytes.`,
  code: 'request_too_large',
};

/** Answers 401 like OpenAI unless the request carries the key. Health checks need none. */
function requireKey(key: string): MiddlewareHandler {
  return async (context, next) => {
    if (context.req.path === '/health' || context.req.header('authorization') === `Bearer ${key}`) return next();
    return errorAnswer(context, { status: 401, message: 'A valid API key is needed.', code: 'invalid_api_key' });
  };
}

interface AnswerShape {
  readonly id: string;
  readonly object: 'chat.completion' | 'text_completion';
  readonly wantsLogProbabilities: boolean;
  readonly choice: (text: string, finish: string, logprobs: object | null) => object;
  readonly chunk: (delta: string | undefined, finish: string | null, logprobs: object | null) => object;
  readonly logprobsOf: (tokens: readonly { readonly token: string; readonly logprob: number }[]) => object;
}

const salt = z.string().optional();
const promptSchema = z.union([z.string(), z.array(z.int())]);
const pinSchema = z.object({
  prompt: promptSchema,
  cache_salt: salt,
  ttl_seconds: z.number().positive().optional(),
  unpin: z.boolean().default(false),
});
const explainSchema = z.object({
  prompt: promptSchema.optional(),
  messages: chatSchema.shape.messages.optional(),
  cache_salt: salt,
});

const EXPLANATIONS = {
  hit: 'A checkpoint of this prefix is kept and would be used.',
  no_shared_prefix: 'No request so far began like this one.',
  first_occurrence:
    'Other requests began like this one, but no checkpoint stands there yet; this request would plan one.',
  state_evicted: 'There was a checkpoint of this prefix; it was evicted to make room.',
  below_min: 'The shared prefix is shorter than the least length of a checkpoint.',
  unaligned: 'The shared prefix is shorter than the alignment of checkpoints.',
  salt: 'The prefix is kept, but for another cache_salt.',
  disabled: 'The request asked not to use the cache.',
} as const;

class RequestError extends Error {
  readonly api: ApiError;

  constructor(api: ApiError) {
    super(api.message);
    this.api = api;
  }
}

/** Reads and checks a JSON body; answers 400 like OpenAI if it is not right. */
function withBody<Schema extends z.ZodType>(
  schema: Schema,
  handle: (context: Context, body: z.output<Schema>) => Response | Promise<Response>,
): (context: Context) => Promise<Response> {
  return async (context) => {
    let json: unknown;
    try {
      json = await context.req.json();
    } catch {
      throw new RequestError({ status: 400, message: 'The body is not JSON.', code: 'invalid_json' });
    }
    const parsed = schema.safeParse(json);
    if (parsed.success) return handle(context, parsed.data);
    const issue = parsed.error.issues[0]!;
    const param = issue.path.join('.');
    throw new RequestError({
      status: 400,
      message: `${param === '' ? 'body' : param}: ${issue.message}`,
      code: 'invalid_type',
      param,
    });
  };
}

function apiErrorFrom(error: unknown): ApiError {
  if (error instanceof RequestError) return error.api;
  if (error instanceof TenfoldError && error.kind === 'input')
    return { status: 400, message: error.message, code: error.code };
  return { status: 500, message: error instanceof Error ? error.message : String(error), code: 'internal_error' };
}

function errorBody({ status, message, code, param }: ApiError): object {
  const type = status === 429 ? 'rate_limit_error' : status >= 500 ? 'server_error' : 'invalid_request_error';
  return { message, type, param: param ?? null, code };
}

function errorAnswer(context: Context, error: ApiError): Response {
  if (error.status === 429) context.header('Retry-After', RETRY_AFTER_SEC);
  return context.json({ error: errorBody(error) }, error.status);
}

function usageOf({ promptTokens, cachedTokens, tokens }: Generation): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: tokens.length,
    total_tokens: promptTokens + tokens.length,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}
