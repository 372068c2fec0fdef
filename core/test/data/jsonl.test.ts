import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Diagnostic } from '../../src/base/index.ts';
import { createMemorySink, createSource, readJsonLines, readLines, writeJsonLines } from '../../src/data/index.ts';
import type { ByteSource, JsonLinesOptions, SourceInput } from '../../src/data/index.ts';
import { describeReader, utf8 } from './reader-conformance.ts';

const VALUES = [{ text: 'é\n', n: 1 }, [1, 2], null, 'last'];

async function readAll(input: SourceInput, options?: JsonLinesOptions): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const { value } of readJsonLines(input, options)) values.push(value);
  return values;
}

async function jsonLinesOf(values: readonly unknown[]): Promise<Uint8Array> {
  const sink = createMemorySink();
  await writeJsonLines(sink, values);
  return sink.bytes();
}

/** A source that streams single bytes, so that every line and letter is cut. */
function byteByByte(bytes: Uint8Array): ByteSource {
  const source = createSource({
    name: 'memory',
    byteLength: bytes.length,
    readInto: async (target, start) => target.set(bytes.subarray(start, start + target.length)),
    close: async () => {},
  });
  return {
    ...source,
    async *stream() {
      for (let i = 0; i < bytes.length; i++) yield bytes.slice(i, i + 1);
    },
  };
}

describeReader({
  name: 'readJsonLines',
  read: readAll,
  valid: await jsonLinesOf(VALUES),
  assertValue: (values) => assert.deepEqual(values, VALUES),
  isReadableCut: () => true, // text has no length: fewer lines are a valid file
  corruptions: [
    {
      title: 'a line that is not JSON',
      bytes: utf8('{"a": 1}\n\n{"a": \n'),
      message:
        'readJsonLines: a JSON value on the line, got {"a":  (file:3). ' +
        'Correct or remove the line; the last line of a cut file is incomplete. TF-DATA-010',
    },
    {
      title: 'bytes that are not UTF-8',
      bytes: Uint8Array.of(0x22, 0xff, 0x22, 0x0a),
      message: 'readJsonLines: text in UTF-8, got other bytes (file:1). Convert the file to UTF-8. TF-DATA-010',
    },
  ],
});

test('lines may be cut anywhere, end in CRLF, lack a last line end, and be packed by gzip', async () => {
  const bytes = utf8('"é"\r\n\r\n[1]\n{"a":"ü"}');
  const expected = ['é', [1], { a: 'ü' }];
  assert.deepEqual(await readAll(bytes), expected);
  assert.deepEqual(await readAll(byteByByte(bytes)), expected);
  assert.deepEqual(await readAll(new Uint8Array(gzipSync(bytes))), expected);
});

test('line numbers count blank lines, and a faulty line can be skipped and reported', async () => {
  const diagnostics: Diagnostic[] = [];
  const lineNumbers: number[] = [];
  const bytes = utf8('1\n\nx\n2\n');
  for await (const { lineNumber } of readJsonLines(bytes, { onInvalid: (d) => void diagnostics.push(d) })) {
    lineNumbers.push(lineNumber);
  }
  assert.deepEqual(lineNumbers, [1, 4]);
  assert.deepEqual(
    diagnostics.map(({ severity, code, location }) => [severity, code, location]),
    [['warning', 'TF-DATA-010', 'memory:3']],
  );
});

test('a line beyond the limit is refused before it is complete', async () => {
  let numRead = 0;
  const endless = byteByByte(new Uint8Array(1_000_000).fill(0x20));
  const counted: ByteSource = {
    ...endless,
    async *stream() {
      for await (const chunk of endless.stream()) {
        numRead += chunk.length;
        yield chunk;
      }
    },
  };
  await assert.rejects(() => readLines(counted, { maxLineBytes: 100 }).next(), {
    message:
      'readLines: lines of at most 100 bytes, got a longer one (memory:1). Raise maxLineBytes if the file is right. TF-DATA-011',
  });
  assert.equal(numRead, 101);
});

test('values that JSON lacks are not written', async () => {
  await assert.rejects(() => writeJsonLines(createMemorySink(), [1, undefined]), {
    message: 'writeJsonLines: values that JSON has, got undefined (value 2). TF-DATA-012',
  });
});
