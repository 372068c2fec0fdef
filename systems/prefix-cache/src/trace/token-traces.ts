/** Traces that carry token ids, hashes of blocks or only lengths. One reader a format; each takes parsed lines. */
import type { Trace, TraceRequest } from '../types.ts';
import { createTimedTrace, malformed, numberField, tokensField, type Fields } from './request-builder.ts';

export interface NumberedLine {
  readonly value: Fields;
  readonly location: string;
}

const MOONCAKE_BLOCK_TOKENS = 512;
const BAILIAN_BLOCK_TOKENS = 16;
const MS_PER_SEC = 1000;
/** Above every vocabulary. */
const PLACEHOLDER_START = 1 << 24;

/** Marconi JSONL: session_id, turn_id, ts, input_tokens, output_tokens. */
export function readMarconi(name: string, lines: readonly NumberedLine[]): Trace {
  const requests = lines.map(({ value, location }): TraceRequest => {
    const input = tokensField(value, 'input_tokens', location);
    const output = tokensField(value, 'output_tokens', location);
    return {
      session: numberField(value, 'session_id', location),
      turn: numberField(value, 'turn_id', location),
      timeSec: numberField(value, 'ts', location),
      input,
      output,
      inputTokens: input.length,
      outputTokens: output.length,
    };
  });
  return createTimedTrace({ name, symbolTokens: 1, hasOpaqueOutputs: false }, requests);
}

/** The requests of a token trace as Marconi JSONL, one a line. Placeholder tokens (negative) become ids of their own. */
export function marconiLines(requests: readonly TraceRequest[]): string {
  const idOf = (token: number): number => (token >= 0 ? token : PLACEHOLDER_START - token);
  const lines = requests.map(({ session, turn, timeSec, input, output }) =>
    JSON.stringify({
      session_id: session,
      turn_id: turn,
      ts: timeSec,
      num_input_tokens: input.length,
      num_output_tokens: output.length,
      input_tokens: Array.from(input, idOf),
      output_tokens: Array.from(output, idOf),
    }),
  );
  return `${lines.join('\n')}\n`;
}

/** Mooncake JSONL: timestamp (ms), input_length, output_length, hash_ids of 512-token blocks. */
export function readMooncake(name: string, lines: readonly NumberedLine[]): Trace {
  return readHashed(name, lines, MOONCAKE_BLOCK_TOKENS, MS_PER_SEC);
}

/** Qwen-Bailian JSONL: as Mooncake with 16-token blocks, seconds, chat_id and turn. */
export function readBailian(name: string, lines: readonly NumberedLine[]): Trace {
  return readHashed(name, lines, BAILIAN_BLOCK_TOKENS, 1);
}

function readHashed(name: string, lines: readonly NumberedLine[], symbolTokens: number, perSec: number): Trace {
  const requests = lines.map(({ value, location }, index): TraceRequest => {
    const input = tokensField(value, 'hash_ids', location);
    const inputTokens = numberField(value, 'input_length', location, 1);
    if (Math.ceil(inputTokens / symbolTokens) !== input.length)
      throw malformed(`hash_ids to cover ${inputTokens} tokens in blocks of ${symbolTokens}`, input.length, location);
    return {
      session: typeof value['chat_id'] === 'number' ? value['chat_id'] : index,
      turn: typeof value['turn'] === 'number' ? value['turn'] : 0,
      timeSec: numberField(value, 'timestamp', location) / perSec,
      input,
      output: new Int32Array(0),
      inputTokens,
      outputTokens: numberField(value, 'output_length', location),
    };
  });
  return createTimedTrace({ name, symbolTokens, hasOpaqueOutputs: true }, requests);
}

/** Traces of lengths alone (Azure, BurstGPT): every request has tokens of its own, except that the turns of a session
 *  continue each other. They serve load studies; what sessions share is not in the file. */
export function readLengths(
  name: string,
  rows: readonly {
    readonly timeSec: number;
    readonly inputTokens: number;
    readonly outputTokens: number;
    readonly session?: number;
  }[],
): Trace {
  let next = 0;
  const fresh = (count: number): Int32Array => Int32Array.from({ length: count }, () => next++);
  const historyOf = new Map<number, { tokens: Int32Array; turn: number }>();
  const requests = rows.map(({ timeSec, inputTokens, outputTokens, session }, index): TraceRequest => {
    const history = session === undefined ? undefined : historyOf.get(session);
    const known = history === undefined ? new Int32Array(0) : history.tokens.subarray(0, inputTokens);
    const input = joined(known, fresh(inputTokens - known.length));
    const output = fresh(outputTokens);
    const turn = history === undefined ? 0 : history.turn + 1;
    if (session !== undefined) historyOf.set(session, { tokens: joined(input, output), turn });
    return { session: session ?? index, turn, timeSec, input, output, inputTokens, outputTokens };
  });
  return createTimedTrace({ name, symbolTokens: 1, hasOpaqueOutputs: false, hasLengthsOnly: true }, requests);
}

function joined(a: Int32Array, b: Int32Array): Int32Array {
  const both = new Int32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
