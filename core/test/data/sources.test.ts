import assert from 'node:assert/strict';
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { countOpen, createRng } from '../../src/base/index.ts';
import {
  createMemorySink,
  gunzipSource,
  openFileSource,
  openSafetensors,
  openSource,
  sourceFromBlob,
  sourceFromBytes,
  withSink,
  writeSafetensors,
} from '../../src/data/index.ts';
import type { ByteSource } from '../../src/data/index.ts';
import { createTensor } from '../../src/tensor/index.ts';
import { withFile, withFolder } from './reader-conformance.ts';

const rng = createRng(8, 'sources');
const BYTES = Uint8Array.from({ length: 700_001 }, () => rng.integer(256));

const SOURCES: Record<string, (use: (source: ByteSource) => Promise<void>) => Promise<void>> = {
  memory: (use) => use(sourceFromBytes(BYTES)),
  blob: (use) => use(sourceFromBlob(new Blob([BYTES]))),
  file: (use) =>
    withFile(BYTES, async (path) => {
      await using source = await openFileSource(path);
      await use(source);
    }),
};

for (const [name, withSourceOf] of Object.entries(SOURCES)) {
  test(`a ${name} source reads any range, streams in order and refuses what lies outside`, async () => {
    await withSourceOf(async (source) => {
      assert.equal(source.byteLength, BYTES.length);
      for (const [start, end] of [
        [0, 0],
        [5, 17],
        [699_990, 700_001],
        [0, BYTES.length],
      ]) {
        assert.deepEqual(Buffer.compare(await source.read(start, end), BYTES.subarray(start, end)), 0);
        const target = new Uint8Array(end - start + 2).fill(7);
        await source.readInto(target.subarray(1, -1), start);
        assert.deepEqual([target[0], target.at(-1)], [7, 7]);
        assert.equal(Buffer.compare(target.subarray(1, -1), BYTES.subarray(start, end)), 0);
      }
      const chunks: Uint8Array[] = [];
      for await (const chunk of source.stream(3)) chunks.push(Uint8Array.from(chunk));
      assert.ok(chunks.length > 1);
      assert.equal(Buffer.compare(Buffer.concat(chunks), BYTES.subarray(3)), 0);
      for (const [start, end] of [
        [-1, 5],
        [5, 4],
        [0, BYTES.length + 1],
        [NaN, 5],
      ]) {
        await assert.rejects(() => source.read(start, end), /TF-DATA-003$/);
      }
      await assert.rejects(() => source.readInto(new Uint8Array(2), BYTES.length - 1), {
        message: `readBytes: the range needs bytes 700000-700002 but the file ends at 700001 (${source.name}). The file looks truncated; copy it again. TF-DATA-003`,
      });
    });
  });
}

test('a file that is closed, a folder and a file that shrinks give clear errors', async () => {
  await withFile(BYTES, async (path) => {
    const numOpen = countOpen('byte source');
    const source = await openFileSource(path);
    truncateSync(path, 100);
    await assert.rejects(() => source.read(50, 200), {
      message: `readBytes: the range needs bytes 50-200 but the file ends at 100 (${path}). The file looks truncated; copy it again. TF-DATA-003`,
    });
    await source.close();
    await source.close();
    assert.equal(countOpen('byte source'), numOpen);
    await assert.rejects(() => source.read(0, 10), {
      message: `openFile: a readable file, got a source that was closed (${path}). TF-DATA-001`,
    });
  });
  await withFolder(async (folder) => {
    await assert.rejects(() => openFileSource(folder), {
      message: `openFile: a readable file, got a folder (${folder}). TF-DATA-001`,
    });
  });
});

test('a source that was open before stays open', async () => {
  await withFile(BYTES, async (path) => {
    await using source = await openFileSource(path);
    await (await openSource(source)).close();
    assert.equal((await source.read(0, 3)).length, 3);
  });
});

test('gzip is undone by its first bytes, others pass untouched, and a bomb is stopped', async () => {
  const packed = sourceFromBytes(new Uint8Array(gzipSync(BYTES)));
  const unpacked = await gunzipSource(packed, 'test');
  assert.equal(Buffer.compare(await unpacked.read(0, unpacked.byteLength), BYTES), 0);
  const plain = sourceFromBytes(BYTES.with(0, 0));
  assert.equal(await gunzipSource(plain, 'test'), plain);
  const bomb = sourceFromBytes(new Uint8Array(gzipSync(new Uint8Array(10_000_000))), 'bomb.gz');
  await assert.rejects(() => gunzipSource(bomb, 'test', { maxBytes: 1000 }), {
    message:
      'test: at most 1000 bytes after decompression, got more (bomb.gz). Raise maxBytes if the file is right. TF-DATA-011',
  });
});

test('a sink writes small and large pieces in order, and nothing at all if the writer fails', async () => {
  await withFolder(async (folder) => {
    const path = join(folder, 'out.bin');
    await withSink(path, {}, async (sink) => {
      const piece = BYTES.slice(0, 10);
      await sink.write(piece);
      piece.fill(0); // the sink has its own copy
      await sink.write(BYTES.subarray(10, 600_000));
      await sink.write(BYTES.subarray(600_000));
      for (let i = 0; i < 3; i++) await sink.write(BYTES);
      assert.equal(sink.byteLength, 4 * BYTES.length);
    });
    assert.equal(Buffer.compare(readFileSync(path), Buffer.concat([BYTES, BYTES, BYTES, BYTES])), 0);
    const failing = withSink(path, { force: true }, async (sink) => {
      await sink.write(BYTES);
      throw new Error('stop');
    });
    await assert.rejects(failing, { message: 'stop' });
    assert.equal(readFileSync(path).length, 4 * BYTES.length);
    assert.deepEqual(readdirSync(folder), ['out.bin']);
    const absent = join(folder, 'no', 'out.bin');
    await assert.rejects(() => withSink(absent, {}, async () => {}), {
      message: `writeFile: a place that can be written, got ENOENT (${absent}). Check that the folder exists, is writable and has room. TF-DATA-001`,
    });
  });
});

test('one tensor of a safetensors file costs its header and its own bytes, a range only the range', async () => {
  const sink = createMemorySink();
  const names = ['a', 'b', 'c'];
  await writeSafetensors(
    sink,
    names.map((name) => [name, createTensor('float32', [1000])] as const),
  );
  const inner = sourceFromBytes(sink.bytes());
  let numRead = 0;
  const counting: ByteSource = {
    ...inner,
    read: (start, end) => {
      numRead += end - start;
      return inner.read(start, end);
    },
    readInto: (target, start) => {
      numRead += target.length;
      return inner.readInto(target, start);
    },
  };
  await using reader = await openSafetensors(counting);
  const headerBytes = inner.byteLength - 12_000;
  assert.equal(numRead, headerBytes);
  await reader.read('b');
  assert.equal(numRead, headerBytes + 4000);
  await reader.readRange('c', 10, 20);
  assert.equal(numRead, headerBytes + 4040);
});

test('no file of tensor or data loads a Node module or an optional package before it is used, so that browsers can import them', () => {
  const source = fileURLToPath(new URL('../../src', import.meta.url));
  let numFiles = 0;
  for (const folder of ['tensor', 'data']) {
    for (const file of readdirSync(join(source, folder))) {
      numFiles++;
      const text = readFileSync(join(source, folder, file), 'utf8');
      const imports = text.matchAll(/^import (?!type\b)[^;]*?from '([^']+)'/gm);
      for (const [, name] of imports) assert.match(name, /^\.{1,2}\//, `${folder}/${file} imports ${name}`);
    }
  }
  assert.ok(numFiles > 30);
});

test('a file that appears while another is written is not replaced', async () => {
  await withFolder(async (folder) => {
    const path = join(folder, 'out.bin');
    const racing = withSink(path, {}, async (sink) => {
      await sink.write(BYTES);
      writeFileSync(path, 'theirs');
    });
    await assert.rejects(racing, /TF-DATA-008$/);
    assert.equal(readFileSync(path, 'utf8'), 'theirs');
  });
});
