/** The chat template: every message is rendered and tokenised by itself, so that a longer conversation always starts with
 *  the tokens of the shorter one. Server and simulator use the same one. */

export type ChatRole = 'system' | 'user' | 'assistant' | 'tool';

export interface ChatMessage {
  readonly role: ChatRole;
  readonly content: string;
  /** What the model really generated; re-tokenising its text could differ and lose the prefix. */
  readonly tokens?: readonly number[];
}

export type Encode = (text: string) => readonly number[];

const END_OF_MESSAGE = '\n\n';

/** Text before the content of a message. */
export function headerOf(role: ChatRole): string {
  return `[${role}]\n`;
}

/** Tokens of one message, header and end included. */
export function encodeMessage(message: ChatMessage, encode: Encode): number[] {
  const content = message.tokens ?? encode(message.content);
  return [...encode(headerOf(message.role)), ...content, ...encode(END_OF_MESSAGE)];
}

/** Prompt of a chat: all messages, then the header of the answer. */
export function encodeChat(messages: readonly ChatMessage[], encode: Encode): Int32Array {
  const tokens = messages.flatMap((message) => encodeMessage(message, encode));
  tokens.push(...encode(headerOf('assistant')));
  return Int32Array.from(tokens);
}
