/** HTTP API of the room: questions as JSON, and the chat-completions form that chat clients speak.
 *  Listens on 127.0.0.1 alone; bodies are limited; nothing of the file system is served. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { TenfoldError } from '@tenfold/core/base';
import { ask, type AskOptions, type QaContext } from './answer/ask.ts';
import { MODES, type AnswerResult, type Mode } from './answer/types.ts';
import { SOURCES } from './store/types.ts';
import { timelineOf } from './timeline.ts';
import { continueQuestion } from './understand/followup.ts';

const MAX_BODY_BYTES = 1 << 20;
const MODEL_NAME = 'temporal-qa';

interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

export function createQaServer(context: QaContext): Server {
  return createServer((request, response) => {
    handle(context, request).then(
      ({ status, body }) => send(response, status, body),
      (error: unknown) => {
        const isInput = error instanceof TenfoldError && (error.kind === 'usage' || error.kind === 'input');
        send(response, isInput ? 400 : 500, {
          error: error instanceof TenfoldError ? error.toJSON() : { message: 'internal fault' },
        });
      },
    );
  });
}

async function handle(context: QaContext, request: IncomingMessage): Promise<{ status: number; body: unknown }> {
  const address = new URL(request.url ?? '/', 'http://localhost');
  const path = address.pathname;
  if (request.method === 'GET' && path === '/v1/models')
    return { status: 200, body: { object: 'list', data: [{ id: MODEL_NAME, object: 'model', owned_by: 'tenfold' }] } };
  if (request.method === 'GET' && path === '/timeline') {
    const value = (key: string) => address.searchParams.get(key) ?? '';
    const days = value('from') && value('to') ? { from: value('from'), to: value('to') } : undefined;
    return { status: 200, body: await timelineOf(context.store, value('name'), days) };
  }
  if (request.method !== 'POST' || (path !== '/answer' && path !== '/v1/chat/completions'))
    return {
      status: 404,
      body: { error: { message: 'POST /answer, POST /v1/chat/completions, GET /timeline?name=…' } },
    };
  const text = await readBody(request);
  if (text === undefined) return { status: 413, body: { error: { message: `at most ${MAX_BODY_BYTES} bytes` } } };
  let body: Record<string, unknown>;
  try {
    body = JSON.parse(text) as Record<string, unknown>;
    if (typeof body !== 'object' || body === null) throw new TypeError('no object');
  } catch {
    return { status: 400, body: { error: { message: 'the body must be a JSON object' } } };
  }
  const options = optionsOf(body);
  if (path === '/answer') {
    const history = Array.isArray(body['history']) ? body['history'].map(String) : [];
    const question = continueQuestion(String(body['question'] ?? ''), history, context.linker);
    return { status: 200, body: await ask(context, question, options) };
  }
  const messages = (Array.isArray(body['messages']) ? body['messages'] : []) as ChatMessage[];
  const turns = messages
    .filter((message) => message.role === 'user' || message.role === 'assistant')
    .map((message) => firstLine(String(message.content)));
  const question = continueQuestion(turns.at(-1) ?? '', turns.slice(0, -1), context.linker);
  const result = await ask(context, question, options);
  return {
    status: 200,
    body: {
      id: `temporal-qa-${result.answers.length}-${question.length}`,
      object: 'chat.completion',
      model: MODEL_NAME,
      choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: chatText(result) } }],
      usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
      tenfold: result,
    },
  };
}

/** First line the answer, then the cited evidence. */
export function chatText(result: AnswerResult): string {
  const [top] = result.answers;
  if (!top) return `I cannot answer: ${result.abstained?.message ?? 'nothing was found.'}`;
  const cited = top.support.map(
    (item, index) =>
      `[${index + 1}] ${item.evidence.text} (${item.evidence.doc.replace(/^.*\//, '')}, ${item.evidence.locator}; ${item.why})`,
  );
  return [top.label, ...cited].join('\n');
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!.trim();
}

function optionsOf(body: Readonly<Record<string, unknown>>): AskOptions {
  const mode = MODES.find((known) => known === body['mode']) as Mode | undefined;
  return {
    ...(mode ? { mode } : {}),
    ...(typeof body['asOf'] === 'string' ? { asOf: body['asOf'] } : {}),
    ...(typeof body['refDate'] === 'string' ? { refDate: body['refDate'] } : {}),
    ...(Array.isArray(body['sources'])
      ? { sources: SOURCES.filter((source) => (body['sources'] as unknown[]).includes(source)) }
      : {}),
  };
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += (chunk as Buffer).length;
    if (length > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(body));
}
