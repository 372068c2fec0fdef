/** ask: one turn of a chat on the room's own model, with a cache that stays on disk between calls. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { bytesFromText, formatDuration, makeFolder } from '@tenfold/core/base';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { restoreSnapshot, saveSnapshot } from '../cache/snapshot.ts';
import { openService } from '../engine/open-engine.ts';
import { viewNodes } from '../sim/playback.ts';
import { viewCache } from '../server/tree-view.ts';
import { encodeChat, type ChatMessage } from '../trace/chat-template.ts';
import { malformed } from '../trace/request-builder.ts';
import { MODEL_FOLDER } from './trace-source.ts';

interface AskParams {
  readonly question: string;
  readonly history: string;
  readonly system: string;
  readonly maxTokens: number;
  readonly capacity: string;
  readonly verify: boolean;
  readonly forget: boolean;
}

export async function run(params: AskParams, context: VerbContext): Promise<VerbResult> {
  context.progress({ phase: 'loading the model' });
  const capacityBytes = bytesFromText(params.capacity);
  const { engine, tokenizer, service } = await openService(MODEL_FOLDER, { capacityBytes, clock: context.clock });
  const codecs = { state: engine.stateCodec, kv: engine.kvBytes };
  makeFolder(context.cacheFolder);
  const path = join(context.cacheFolder, 'prefix-cache-chat.bin');
  if (params.forget) await rm(path, { force: true });
  if (existsSync(path)) await restoreSnapshot(service.cache, path, codecs);
  const messages: ChatMessage[] = [
    { role: 'system', content: params.system },
    ...readHistory(params.history),
    { role: 'user', content: params.question },
  ];
  const encode = (text: string): number[] => tokenizer.encode(text, { specialTokens: false });
  const prompt = encodeChat(messages, encode);
  const explained = service.cache.lookup(prompt);
  context.progress({ phase: 'answering' });
  const options = { maxTokens: params.maxTokens, signal: context.signal };
  const answer = await service.generate(prompt, options);
  const fresh = params.verify ? await service.generate(prompt, { ...options, isCached: false }) : undefined;
  await saveSnapshot(service.cache, path, codecs);
  const isByteEqual = fresh === undefined ? undefined : fresh.tokens.join() === answer.tokens.join();
  const text = tokenizer.decode([...answer.tokens]);
  const verified =
    fresh === undefined
      ? ''
      : isByteEqual === true
        ? ` Computed without the cache it is the same, after ${formatDuration(fresh.ttftMs)}.`
        : ' Computed without the cache it differs.';
  return {
    ok: isByteEqual !== false,
    value: {
      text,
      history: [...messages.slice(1), { role: 'assistant', content: text, tokens: answer.tokens }],
      promptTokens: prompt.length,
      cachedTokens: answer.cachedTokens,
      missReason: explained.missReason,
      ttftMs: answer.ttftMs,
      uncachedTtftMs: fresh?.ttftMs,
      isByteEqual,
      cachedText: tokenizer.decode([...prompt.subarray(0, answer.cachedTokens)]),
      newText: tokenizer.decode([...prompt.subarray(answer.cachedTokens)]),
      cache: viewCache(service.cache),
      tree: viewNodes(service.cache, service.cache.counters.requests),
    },
    report: {
      title: 'Chat with a prefix cache',
      verdict: {
        tone: isByteEqual === false ? 'bad' : 'good',
        text: `${answer.cachedTokens} of ${prompt.length} prompt tokens came from the cache; first token after ${formatDuration(answer.ttftMs)}.${verified}`,
      },
      blocks: [{ kind: 'code', text, caption: 'Answer (7.5 million parameters that have read Moby-Dick)' }],
    },
  };
}

const historySchema = z.array(
  z.object({
    role: z.enum(['system', 'user', 'assistant', 'tool']),
    content: z.string(),
    tokens: z.array(z.int().min(0)).optional(),
  }),
);

function readHistory(text: string): ChatMessage[] {
  if (text === '') return [];
  try {
    const list = historySchema.safeParse(JSON.parse(text));
    if (list.success) return list.data;
  } catch {
    // Falls through to the same complaint.
  }
  throw malformed('a JSON list of messages with role and content', text.slice(0, 40), '--history');
}
