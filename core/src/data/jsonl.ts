/** JSON Lines: one JSON value a line, streamed. */
import type { Diagnostic } from '../base/index.ts';
import { dataError } from './data-errors.ts';
import { withSink } from './file-sink.ts';
import { readLines } from './text-lines.ts';
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
  const name = typeof input === 'string' ? input : 'name' in input ? String(input.name) : 'memory';
  for await (const { text, number: lineNumber } of readLines(input, options, SUBJECT)) {
    if (text.trim() === '') continue;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
      const details = {
        subject: SUBJECT,
        expected: 'a JSON value on the line',
        actual: shown,
        location: `${name}:${lineNumber}`,
        hints: ['Correct or remove the line; the last line of a cut file is incomplete.'],
        cause,
      };
      if (!options.onInvalid) throw dataError('TF-DATA-010', details);
      options.onInvalid({ ...details, severity: 'warning', code: 'TF-DATA-010' });
      continue;
    }
    yield { value, lineNumber };
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
