/** The tokens of an OpenAI request as far as they can be read: a router passes on what it does not understand, and a
 *  prompt it cannot read merely shares nothing. */
import { encodeChat, type ChatMessage, type ChatRole, type Encode } from '../trace/chat-template.ts';

interface RawMessage {
  readonly role?: unknown;
  readonly content?: unknown;
  readonly tool_calls?: unknown;
}

const ROLES: Readonly<Record<string, ChatRole>> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  assistant: 'assistant',
  tool: 'tool',
  function: 'tool',
};

/** @returns undefined if the text is no JSON object with messages or a prompt
 *  Of several prompts in one request the first counts. Cost: O(text). */
export function routedPrompt(text: string, encode: Encode): Int32Array | undefined {
  let body: { readonly messages?: unknown; readonly prompt?: unknown; readonly token_ids?: unknown };
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    return undefined;
  }
  if (typeof body !== 'object' || body === null) return undefined;
  if (body.messages !== undefined) {
    const messages = plainMessages(body.messages);
    return messages && encodeChat(messages, encode);
  }
  const prompt = body.prompt ?? body.token_ids;
  const isBatch = Array.isArray(prompt) && (typeof prompt[0] === 'string' || Array.isArray(prompt[0]));
  return promptTokens(isBatch ? prompt[0] : prompt, encode);
}

function promptTokens(prompt: unknown, encode: Encode): Int32Array | undefined {
  if (typeof prompt === 'string') return Int32Array.from(encode(prompt));
  if (!Array.isArray(prompt) || !prompt.every((token) => Number.isInteger(token))) return undefined;
  return Int32Array.from(prompt as number[]);
}

function plainMessages(raw: unknown): ChatMessage[] | undefined {
  if (!Array.isArray(raw) || raw.length === 0) return undefined;
  const messages: ChatMessage[] = [];
  for (const message of raw as (RawMessage | null)[]) {
    const role = ROLES[String(message?.role)];
    if (!message || role === undefined) return undefined;
    const calls = message.tool_calls === undefined ? '' : JSON.stringify(message.tool_calls);
    messages.push({ role, content: plainText(message.content) + calls });
  }
  return messages;
}

/** Text parts joined; pictures and sounds have no tokens here. */
function plainText(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return (content as ({ readonly text?: unknown } | null)[])
    .map((part) => (typeof part?.text === 'string' ? part.text : ''))
    .join('');
}
