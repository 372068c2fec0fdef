import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { streamMasked, type MaskedRange } from '../src/io/mask-stream.ts';

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
