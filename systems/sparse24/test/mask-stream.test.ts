import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { streamMasked, type MaskedRange } from '../src/io/mask-stream.ts';
import { createStreamMemory, maskByMagnitude } from '../src/io/mask-words.ts';

const MIB = 2 ** 20;

function inFolder(): { source: string; target: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-stream-'));
  const remove = (): void => rmSync(folder, { recursive: true });
  return { source: join(folder, 'source'), target: join(folder, 'target'), remove };
}

const fill = (start: number, end: number, value: number, ended: number[]): MaskedRange => ({
  start,
  end,
  mask: (bytes) => void bytes.fill(value),
  done: async () => void ended.push(value),
});

test('ranges are masked, all else is copied, whatever lies in one chunk or over several', async () => {
  const { source, target, remove } = inFolder();
  for (const size of [0, 100, 9 * MIB, 40 * MIB + 12]) {
    const bytes = Buffer.alloc(size, 7);
    writeFileSync(source, bytes);
    rmSync(target, { force: true });
    const [a, b] = [Math.floor(size / 4), Math.floor(size / 2)];
    const ended: number[] = [];
    await streamMasked(source, target, size === 0 ? [] : [fill(b, size - 3, 2, ended), fill(4, a, 1, ended)]);
    if (size > 0) bytes.fill(1, 4, a).fill(2, b, size - 3);
    assert.ok(readFileSync(target).equals(bytes), `${size} bytes`);
    assert.deepEqual(ended, size === 0 ? [] : [1, 2]);
  }
  remove();
});

test('a file that ends before its header says so, and one that cannot be masked stops the stream', async () => {
  const { source, target, remove } = inFolder();
  writeFileSync(source, Buffer.alloc(100));
  await assert.rejects(
    streamMasked(source, target, [fill(0, 200, 1, [])]),
    /mask: 200 bytes, got the file ends at 100 \(.*source\).*TF-SPARSE-011/,
  );
  rmSync(target);
  writeFileSync(source, Buffer.alloc(20 * MIB));
  const broken = new Error('not finite');
  const range: MaskedRange = {
    start: 0,
    end: 20 * MIB,
    mask: (_bytes, at) => {
      if (at > 0) throw broken;
    },
    done: async () => {},
  };
  await assert.rejects(streamMasked(source, target, [range]), broken);
  remove();
});

test('stored floats are masked as by looking at each block, whatever the type, the ties and the last block', () => {
  const memory = createStreamMemory();
  const rng = createRng(3, 'words');
  for (const dtype of ['float32', 'float16', 'bfloat16'] as const) {
    for (const numWords of [4, 8, 12, 4096, 20_004]) {
      const words = dtype === 'float32' ? new Uint32Array(numWords) : new Uint16Array(numWords);
      const [sign, most] = dtype === 'float32' ? [2 ** 31, 0x7f800000] : [2 ** 15, 0x7c00];
      for (let i = 0; i < numWords; i++) words[i] = rng.integer(2) * sign + rng.integer(rng.integer(2) ? 3 : most);
      const kept: number[] = [];
      const expected = words.map((word, i) => {
        const block = [...words.subarray(i & ~3, (i & ~3) + 4)].map((other) => other % sign);
        const order = [0, 1, 2, 3].toSorted((a, b) => block[b]! - block[a]! || a - b);
        const isKept = order.indexOf(i & 3) < 2;
        if (isKept) kept.push(i & 3);
        return isKept ? word : 0;
      });
      const bytes = memory.bytes.subarray(24, 24 + words.byteLength);
      bytes.set(new Uint8Array(words.buffer));
      const packed = new Uint8Array(Math.ceil(numWords / 8));
      maskByMagnitude(memory, bytes, dtype, packed, { name: 'w', start: 0 });
      assert.deepEqual(bytes, new Uint8Array(expected.buffer), `${dtype}, ${numWords} words`);
      const places = [...packed].flatMap((byte) => [byte & 3, (byte >> 2) & 3, (byte >> 4) & 3, byte >> 6]);
      assert.deepEqual(places.slice(0, kept.length), kept);
    }
  }
});
