/** The conformance suite of readers: what every reader of core/data must do with whole, cut, damaged and lying files. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { countOpen, createRng, TenfoldError } from '../../src/base/index.ts';
import { sourceFromBytes } from '../../src/data/index.ts';
import type { SourceInput } from '../../src/data/index.ts';

export interface Corruption {
  /** Completes "a file with …". */
  readonly title: string;
  readonly bytes: Uint8Array;
  /** The whole error text; the file is called `file`. */
  readonly message: string;
}

export interface ReaderCase<Value> {
  /** The reader, e.g. `readNpy`. */
  readonly name: string;
  readonly read: (input: SourceInput) => Promise<Value>;
  /** A small whole file. */
  readonly valid: Uint8Array;
  readonly assertValue: (value: Value) => void;
  /** A file cut after this many bytes may still be whole (text formats lose only their last rows). Default: no cut file may be read. */
  readonly isReadableCut?: (numBytes: number) => boolean;
  /** Bytes that a cut or damaged small file may cost beyond twice its size: tables and buffers of the library used. Default 1 MiB. */
  readonly slackBytes?: number;
  readonly corruptions: readonly Corruption[];
}

const DEFAULT_SLACK_BYTES = 1 << 20;
const NUM_DAMAGED = 300;

/** Registers the suite for one reader. */
export function describeReader<Value>(reader: ReaderCase<Value>): void {
  const { name, read, valid, assertValue } = reader;

  test(`${name} reads a whole file from bytes, blob, open source and path, and leaves nothing open`, async () => {
    assertValue(await read(valid));
    assertValue(await read(new Blob([Uint8Array.from(valid)])));
    assertValue(await read(sourceFromBytes(valid, 'file')));
    await withFile(valid, async (path) => {
      const numOpen = countOpen('byte source');
      assertValue(await read(path));
      assert.equal(countOpen('byte source'), numOpen);
    });
  });

  test(`${name} refuses a file cut at any byte with one clear error, and leaves nothing open`, async () => {
    for (let numBytes = 0; numBytes < valid.length; numBytes++) {
      const outcome = await attempt(reader, valid.subarray(0, numBytes));
      if (outcome === 'read')
        assert.ok(reader.isReadableCut?.(numBytes), `cut at ${numBytes} of ${valid.length} was read`);
    }
    await withFile(valid.subarray(0, Math.floor(valid.length / 3)), async (path) => {
      const numOpen = countOpen('byte source');
      await read(path).catch((error: unknown) => assert.ok(error instanceof TenfoldError));
      assert.equal(countOpen('byte source'), numOpen);
    });
  });

  test(`${name} never crashes, hangs or over-allocates on damaged bytes`, async () => {
    const rng = createRng(11, name);
    for (let i = 0; i < NUM_DAMAGED; i++) {
      const damaged = Uint8Array.from(valid);
      const numFlips = 1 + rng.integer(3);
      for (let flip = 0; flip < numFlips; flip++) {
        damaged[rng.integer(damaged.length)] = i % 3 === 0 ? 0xff : rng.integer(256);
      }
      await attempt(reader, damaged);
    }
  });

  for (const { title, bytes, message } of reader.corruptions) {
    test(`${name} explains a file with ${title}`, async () => {
      await assert.rejects(() => read(sourceFromBytes(bytes, 'file')), { message });
      await attempt(reader, bytes);
    });
  }
}

/** Reads and asserts that the outcome is a value or a TF-DATA error, at bounded cost. */
async function attempt<Value>(reader: ReaderCase<Value>, bytes: Uint8Array): Promise<'read' | 'refused'> {
  const before = process.memoryUsage().arrayBuffers;
  try {
    await reader.read(sourceFromBytes(bytes, 'file'));
    return 'read';
  } catch (error) {
    if (!(error instanceof TenfoldError) || !error.code.startsWith('TF-DATA-')) throw error;
    return 'refused';
  } finally {
    const allocated = process.memoryUsage().arrayBuffers - before;
    const allowed = 2 * bytes.length + (reader.slackBytes ?? DEFAULT_SLACK_BYTES);
    assert.ok(allocated <= allowed, `${allocated} bytes allocated for a file of ${bytes.length}`);
  }
}

/** Runs with a temporary file that holds the bytes. */
export async function withFile<T>(bytes: Uint8Array, use: (path: string) => Promise<T>): Promise<T> {
  return withFolder(async (folder) => {
    const path = join(folder, 'file');
    writeFileSync(path, bytes);
    return use(path);
  });
}

/** Runs with a temporary folder. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A copy with bytes replaced from a position on. */
export function withBytes(bytes: Uint8Array, at: number, ...replacement: number[]): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy.set(replacement, at);
  return copy;
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
