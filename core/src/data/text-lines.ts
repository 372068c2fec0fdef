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

/** All lines in order; an empty last line is not a line.
 *  @throws TF-DATA-011 for a line that is too long, TF-DATA-010 for bytes that are not UTF-8, and as openSource and gzip do */
export async function* readLines(input: SourceInput, options: LineOptions = {}): AsyncGenerator<TextLine> {
  for await (const { texts, firstNumber } of readLineBlocks(input, options, 'readLines')) {
    for (const [i, text] of texts.entries()) yield { text, number: firstNumber + i };
  }
}

export interface LineBlock {
  readonly fileName: string;
  readonly texts: readonly string[];
  /** 1-based number of the first line. */
  readonly firstNumber: number;
}

/** The same lines, as many at once as a chunk of the file completes; throws as readLines does. */
export async function* readLineBlocks(
  input: SourceInput,
  { maxLineBytes = DEFAULT_MAX_LINE_BYTES }: LineOptions,
  subject: string,
): AsyncGenerator<LineBlock> {
  await using opened = await openStream(input, subject);
  const fileName = opened.name;
  let pending: Uint8Array[] = [];
  let numPending = 0;
  let firstNumber = 1;
  const assertShort = (texts: readonly string[], numBytes: number) => {
    if (numBytes <= maxLineBytes) return;
    throw dataError('TF-DATA-011', {
      subject,
      expected: `lines of at most ${maxLineBytes} bytes`,
      actual: 'a longer one',
      location: `${fileName}:${firstNumber + texts.length}`,
      hints: ['Raise maxLineBytes if the file is right.'],
    });
  };
  const blockOf = (last: Uint8Array): LineBlock => {
    const bytes = numPending === 0 ? last : joinPending(pending, numPending, last);
    pending = [];
    numPending = 0;
    const texts = decodeLines(bytes, { subject, fileName, firstNumber });
    // UTF-8 takes at most three bytes a UTF-16 unit, so short texts need no count of their bytes.
    const longIndex = texts.findIndex((text) => text.length * 3 > maxLineBytes && byteLengthOf(text) > maxLineBytes);
    if (longIndex >= 0) assertShort(texts.slice(0, longIndex), byteLengthOf(texts[longIndex]));
    const block = { fileName, texts, firstNumber };
    firstNumber += texts.length;
    return block;
  };
  for await (const chunk of opened.chunks) {
    const end = chunk.lastIndexOf(LINE_FEED) + 1;
    if (end > 0) yield blockOf(chunk.subarray(0, end));
    if (end === chunk.length) continue;
    numPending += chunk.length - end;
    assertShort([], numPending);
    pending.push(chunk.slice(end));
  }
  if (numPending > 0) yield blockOf(new Uint8Array(0));
}

function byteLengthOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Splits whole lines. @param bytes  with or without a last line feed */
function decodeLines(
  bytes: Uint8Array,
  {
    subject,
    fileName,
    firstNumber,
  }: { readonly subject: string; readonly fileName: string; readonly firstNumber: number },
): string[] {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch (cause) {
    throw dataError('TF-DATA-010', {
      subject,
      expected: 'text in UTF-8',
      actual: 'other bytes',
      location: `${fileName}:${firstNumber + findFaultyLine(bytes)}`,
      hints: ['Convert the file to UTF-8.'],
      cause,
    });
  }
  const texts = text.split('\n');
  if (texts.at(-1) === '') texts.pop();
  for (let i = 0; i < texts.length; i++) if (texts[i].endsWith('\r')) texts[i] = texts[i].slice(0, -1);
  return texts;
}

/** 0-based line of the first bytes that are not UTF-8. */
function findFaultyLine(bytes: Uint8Array): number {
  for (let line = 0, start = 0; start < bytes.length; line++) {
    const feed = bytes.indexOf(LINE_FEED, start);
    const end = feed < 0 ? bytes.length : feed;
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(start, end));
    } catch {
      return line;
    }
    start = end + 1;
  }
  return 0;
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
