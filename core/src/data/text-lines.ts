/** Lines of UTF-8 text, streamed from plain or gzip files; memory is bounded by the longest line. */
import { dataError } from './data-errors.ts';
import { openStream } from './open-stream.ts';
import type { SourceInput } from './types.ts';

export interface TextLine {
  /** Without its line end (LF or CRLF). */
  readonly text: string;
  /** 1-based. */
  readonly number: number;
}

export interface LineOptions {
  /** Longest line that is accepted. Default 64 MiB. */
  readonly maxLineBytes?: number;
}

const DEFAULT_MAX_LINE_BYTES = 1 << 26;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** All lines in order; an empty last line is not a line.
 *  @throws TF-DATA-011 for a line that is too long, TF-DATA-010 for bytes that are not UTF-8, and as openSource and gzip do */
export async function* readLines(
  input: SourceInput,
  options: LineOptions = {},
  subject = 'readLines',
): AsyncGenerator<TextLine> {
  const { maxLineBytes = DEFAULT_MAX_LINE_BYTES } = options;
  await using opened = await openStream(input, subject);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let pending: Uint8Array[] = [];
  let numPending = 0;
  let number = 0;
  const complete = (last: Uint8Array): TextLine => {
    number++;
    let bytes = numPending === 0 ? last : joinPending(pending, numPending, last);
    pending = [];
    numPending = 0;
    if (bytes.at(-1) === CARRIAGE_RETURN) bytes = bytes.subarray(0, -1);
    try {
      return { text: decoder.decode(bytes), number };
    } catch (cause) {
      throw dataError('TF-DATA-010', {
        subject,
        expected: 'text in UTF-8',
        actual: 'other bytes',
        location: `${opened.name}:${number}`,
        hints: ['Convert the file to UTF-8.'],
        cause,
      });
    }
  };
  const assertShort = (numBytes: number) => {
    if (numBytes <= maxLineBytes) return;
    throw dataError('TF-DATA-011', {
      subject,
      expected: `lines of at most ${maxLineBytes} bytes`,
      actual: 'a longer one',
      location: `${opened.name}:${number + 1}`,
      hints: ['Raise maxLineBytes if the file is right.'],
    });
  };
  for await (const chunk of opened.chunks) {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, start);
      if (end < 0) break;
      assertShort(numPending + end - start);
      yield complete(chunk.subarray(start, end));
      start = end + 1;
    }
    if (start === chunk.length) continue;
    numPending += chunk.length - start;
    assertShort(numPending);
    pending.push(chunk.slice(start));
  }
  if (numPending > 0) yield complete(new Uint8Array(0));
}

function joinPending(pending: readonly Uint8Array[], numPending: number, last: Uint8Array): Uint8Array {
  const joined = new Uint8Array(numPending + last.length);
  let at = 0;
  for (const part of pending) {
    joined.set(part, at);
    at += part.length;
  }
  joined.set(last, at);
  return joined;
}
