/** JSON Lines: one JSON value a line, streamed. */
import type { Diagnostic, ErrorDetails } from '../base/index.ts';
import { dataError } from './data-errors.ts';
import { withSink } from './file-sink.ts';
import { readLineBlocks } from './text-lines.ts';
import type { LineOptions } from './text-lines.ts';
import type { SinkOutput, SourceInput, WriteOptions } from './types.ts';

export interface JsonLine {
  readonly value: unknown;
  /** 1-based. */
  readonly lineNumber: number;
}

export interface JsonLinesOptions extends LineOptions {
  /** Called for a line that is not JSON, which is then skipped. Default: the reader throws. */
  readonly onInvalid?: (diagnostic: Diagnostic) => void;
}

const SUBJECT = 'readJsonLines';

/** Values in order; blank lines are skipped. Memory is bounded by the longest line.
 *  @throws TF-DATA-010 with the line that is not JSON, TF-DATA-011 for a line that is too long */
export async function* readJsonLines(input: SourceInput, options: JsonLinesOptions = {}): AsyncGenerator<JsonLine> {
  for await (const { fileName, texts, firstNumber } of readLineBlocks(input, options, SUBJECT)) {
    for (let i = 0; i < texts.length; i++) {
      const lineNumber = firstNumber + i;
      const parsed = parseLine(texts[i], `${fileName}:${lineNumber}`);
      if (parsed === undefined) continue;
      if ('value' in parsed) yield { value: parsed.value, lineNumber };
      else if (options.onInvalid) options.onInvalid({ ...parsed, severity: 'warning', code: 'TF-DATA-010' });
      else throw dataError('TF-DATA-010', parsed);
    }
  }
}

/** The value, what is wrong, or undefined for a blank line. */
function parseLine(text: string, location: string): { readonly value: unknown } | ErrorDetails | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (cause) {
    if (text.trim() === '') return undefined;
    return {
      subject: SUBJECT,
      expected: 'a JSON value on the line',
      actual: text.length > 60 ? `${text.slice(0, 60)}…` : text,
      location,
      hints: ['Correct or remove the line; the last line of a cut file is incomplete.'],
      cause,
    };
  }
}

/** Writes one value a line. @throws TF-DATA-012 for a value that JSON lacks (undefined, function) */
export async function writeJsonLines(
  output: SinkOutput,
  values: Iterable<unknown> | AsyncIterable<unknown>,
  options: WriteOptions = {},
): Promise<void> {
  const encoder = new TextEncoder();
  await withSink(output, options, async (sink) => {
    let numLines = 0;
    for await (const value of values) {
      const text = JSON.stringify(value) as string | undefined;
      numLines++;
      if (text === undefined) {
        throw dataError('TF-DATA-012', {
          subject: 'writeJsonLines',
          expected: 'values that JSON has',
          actual: typeof value,
          location: `value ${numLines}`,
        });
      }
      await sink.write(encoder.encode(`${text}\n`));
    }
  });
}
