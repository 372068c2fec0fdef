/** Traces that carry text: agent trajectories, prompts, and the room's own recordings. A tokenizer turns them into tokens. */
import type { Trace, TraceRequest } from '../types.ts';
import { encodeChat, encodeMessage, type ChatMessage, type ChatRole, type Encode } from './chat-template.ts';
import { createTrace, malformed, numberField, type Fields } from './request-builder.ts';
import type { NumberedLine } from './token-traces.ts';

/** A conversation; every assistant message is the answer to a request with all messages before it. */
export interface Conversation {
  readonly session: number;
  readonly messages: readonly ChatMessage[];
  /** Arrival of each request, in seconds; one per assistant message. */
  readonly timesSec: readonly number[];
}

const ROLES: readonly string[] = ['system', 'user', 'assistant', 'tool'];
const MS_PER_SEC = 1000;

/** One request per assistant message: the template's prompt, then the answer's tokens. */
export function requestsOfConversation({ session, messages, timesSec }: Conversation, encode: Encode): TraceRequest[] {
  const requests: TraceRequest[] = [];
  for (const [index, message] of messages.entries()) {
    if (message.role !== 'assistant') continue;
    const input = encodeChat(messages.slice(0, index), encode);
    const output = Int32Array.from(message.tokens ?? encode(message.content));
    requests.push({
      session,
      turn: requests.length,
      timeSec: timesSec[requests.length] ?? 0,
      input,
      output,
      inputTokens: input.length,
      outputTokens: output.length,
    });
  }
  return requests;
}

/** The room's own recordings: one conversation a line. */
export function readConversations(name: string, lines: readonly NumberedLine[], encode: Encode): Trace {
  const requests = lines.flatMap(({ value, location }) => {
    const { messages, timesSec } = value as unknown as Conversation;
    if (!Array.isArray(messages) || !Array.isArray(timesSec)) throw malformed('messages and timesSec', value, location);
    return requestsOfConversation({ session: numberField(value, 'session', location), messages, timesSec }, encode);
  });
  return createTrace({ name, symbolTokens: 1, hasOpaqueOutputs: false }, requests);
}

/** SWE-agent trajectories (`history` of role and content). Sessions start `1 / sessionsPerSec` apart; a turn follows the
 *  one before after `turnSec`, as in the paper's set-up without its random part. */
export function readSweAgent(
  name: string,
  files: readonly NumberedLine[],
  encode: Encode,
  { sessionsPerSec = 0.5, turnSec = 7.5 }: { readonly sessionsPerSec?: number; readonly turnSec?: number } = {},
): Trace {
  const requests = files.flatMap(({ value, location }, session) => {
    const history = value['history'];
    if (!Array.isArray(history)) throw malformed('a list "history"', history, location);
    const messages = (history as readonly Fields[]).map((entry): ChatMessage => {
      const role = String(entry['role']);
      if (!ROLES.includes(role)) throw malformed(`a role among ${ROLES.join(', ')}`, role, location);
      const calls =
        entry['tool_calls'] === undefined || entry['tool_calls'] === null ? '' : JSON.stringify(entry['tool_calls']);
      const { content } = entry;
      return {
        role: role as ChatRole,
        content: (typeof content === 'string' ? content : JSON.stringify(content ?? '')) + calls,
      };
    });
    const timesSec = messages.map((_, turn) => session / sessionsPerSec + turn * turnSec);
    return requestsOfConversation({ session, messages, timesSec }, encode);
  });
  return createTrace({ name, symbolTokens: 1, hasOpaqueOutputs: false }, requests);
}

/** AIBrix workloads: `{timestamp (ms), requests: [{prompt, "Output Length"}]}` a line. */
export function readAibrix(name: string, lines: readonly NumberedLine[], encode: Encode): Trace {
  let opaque = -1;
  const requests = lines.flatMap(({ value, location }) => {
    const list = value['requests'];
    if (!Array.isArray(list)) throw malformed('a list "requests"', list, location);
    return (list as readonly Fields[]).map((entry): TraceRequest => {
      if (typeof entry['prompt'] !== 'string') throw malformed('a prompt text', entry['prompt'], location);
      const input = Int32Array.from(encodeMessage({ role: 'user', content: entry['prompt'] }, encode));
      const outputTokens = numberField(entry, 'Output Length', location);
      const output = Int32Array.from({ length: outputTokens }, () => opaque--);
      const timeSec = numberField(value, 'timestamp', location) / MS_PER_SEC;
      return { session: 0, turn: 0, timeSec, input, output, inputTokens: input.length, outputTokens };
    });
  });
  return createTrace({ name, symbolTokens: 1, hasOpaqueOutputs: true }, requests);
}
