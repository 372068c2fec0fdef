/** From tokens to text that can be streamed: whole characters only, cut at the first stop string. */
import type { TextTokenizer } from '@tenfold/core/nn';

const REPLACEMENT = '\uFFFD';

/** Collects the tokens of an answer. */
export class AnswerText {
  readonly tokens: number[] = [];
  readonly #tokenizer: Pick<TextTokenizer, 'decode'>;
  readonly #stops: readonly string[];
  #sent = 0;
  #text = '';

  constructor(tokenizer: Pick<TextTokenizer, 'decode'>, stops: readonly string[]) {
    this.#tokenizer = tokenizer;
    this.#stops = stops;
  }

  /** @returns what can be shown now, and whether a stop string was met */
  add(token: number): { readonly delta: string; readonly isStopped: boolean } {
    this.tokens.push(token);
    const decoded = this.#tokenizer.decode(this.tokens);
    const stopAt = this.#stops.map((stop) => decoded.indexOf(stop)).filter((at) => at >= 0);
    if (stopAt.length > 0) {
      this.#text = decoded.slice(0, Math.min(...stopAt));
      return { delta: this.#take(this.#text.length), isStopped: true };
    }
    this.#text = decoded;
    const held = decoded.endsWith(REPLACEMENT) ? 1 : longestStopStart(decoded, this.#stops);
    return { delta: this.#take(decoded.length - held), isStopped: false };
  }

  /** The rest, when the answer ends otherwise than by a stop string. */
  finish(): string {
    return this.#take(this.#text.length);
  }

  get text(): string {
    return this.#text;
  }

  #take(end: number): string {
    const delta = this.#text.slice(this.#sent, Math.max(this.#sent, end));
    this.#sent = Math.max(this.#sent, end);
    return delta;
  }
}

/** Length of the longest end of the text that could begin a stop string. */
function longestStopStart(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops)
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--)
      if (text.endsWith(stop.slice(0, length))) longest = length;
  return longest;
}

const MAX_REMEMBERED = 4096;

/** Tokens of the answers given lately, by their text: a conversation that comes back is tokenised as it was generated. */
export class AnswerMemory {
  readonly #tokensOf = new Map<string, readonly number[]>();

  remember(text: string, tokens: readonly number[]): void {
    this.#tokensOf.delete(text);
    this.#tokensOf.set(text, tokens);
    if (this.#tokensOf.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#tokensOf.keys()) {
      this.#tokensOf.delete(oldest);
      return;
    }
  }

  recall(text: string): readonly number[] | undefined {
    return this.#tokensOf.get(text);
  }
}
