/** Bodies of the OpenAI-compatible endpoints, as far as they are understood; other fields are ignored. */
import { z } from 'zod';

const MAX_STOPS = 4;
const DEFAULT_MAX_TOKENS = 64;

const contentPart = z.object({ type: z.literal('text'), text: z.string() }).loose();

export const chatMessageSchema = z.object({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: z.union([z.string(), z.array(contentPart), z.null()]).optional(),
  tool_calls: z.array(z.unknown()).optional(),
  /** Keeps a checkpoint at the end of this message. */
  cache_control: z
    .object({ type: z.literal('ephemeral') })
    .loose()
    .optional(),
});

/** An empty one would end every answer before it begins. */
const stopString = z.string().min(1);

const common = {
  model: z.string(),
  max_tokens: z.int().min(0).nullish(),
  max_completion_tokens: z.int().min(0).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  seed: z.int().nullish(),
  stop: z.union([stopString, z.array(stopString).max(MAX_STOPS)]).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().optional() }).loose().nullish(),
  n: z.literal(1).nullish(),
  user: z.string().nullish(),
  /** Tenant: other salts share nothing. */
  cache_salt: z.string().nullish(),
  prompt_cache_key: z.string().nullish(),
  /** False: neither reads nor fills the cache. */
  cache_prompt: z.boolean().nullish(),
};

export const chatSchema = z.object({
  ...common,
  messages: z.array(chatMessageSchema).min(1),
  logprobs: z.boolean().nullish(),
});

export const completionSchema = z.object({
  ...common,
  prompt: z.union([z.string(), z.array(z.int()).min(1)]),
  logprobs: z.int().min(0).max(5).nullish(),
  echo: z.literal(false).nullish(),
});

export type ChatBody = z.output<typeof chatSchema>;
export type CompletionBody = z.output<typeof completionSchema>;

export function maxTokensOf(body: ChatBody | CompletionBody): number {
  return body.max_completion_tokens ?? body.max_tokens ?? DEFAULT_MAX_TOKENS;
}

export function stopsOf(body: ChatBody | CompletionBody): readonly string[] {
  return typeof body.stop === 'string' ? [body.stop] : (body.stop ?? []);
}
