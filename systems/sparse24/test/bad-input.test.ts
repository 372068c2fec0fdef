import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { runVerbInTest } from '@tenfold/core/system/test-kit';
import { maskFolder, openModel } from '../src/index.ts';
import { documentsFromText } from '../src/model/text-windows.ts';
import { manifest } from '../src/manifest.ts';

const SHIPPED = fileURLToPath(new URL('../../../models/scrimshaw-11m', import.meta.url));

function copyOfModel(change: (folder: string) => void): string {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-bad-model-'));
  for (const file of readdirSync(SHIPPED)) copyFileSync(join(SHIPPED, file), join(folder, file));
  change(folder);
  return folder;
}

test('a missing shard is named, and nothing is left behind', async () => {
  const folder = copyOfModel((path) => unlinkSync(join(path, 'model-00002-of-00002.safetensors')));
  await assert.rejects(maskFolder(folder, `${folder}-out`), /model-00002-of-00002\.safetensors.*TF-DATA-\d+/s);
  await assert.rejects(openModel(folder), /model-00002-of-00002\.safetensors.*TF-DATA-\d+/s);
  assert.ok(!readdirSync(tmpdir()).some((name) => join(tmpdir(), name).startsWith(`${folder}-out`)));
  rmSync(folder, { recursive: true });
});

test('a tokenizer that knows more tokens than the embedding has rows is refused', async () => {
  const folder = copyOfModel((path) => {
    const file = join(path, 'tokenizer.json');
    const tokenizer = JSON.parse(readFileSync(file, 'utf8')) as { model: { vocab: Record<string, number> } };
    tokenizer.model.vocab['one too many'] = 5000;
    writeFileSync(file, JSON.stringify(tokenizer));
  });
  await assert.rejects(openModel(folder), /openModel: a tokenizer of at most 4096 tokens.*TF-SPARSE-004/s);
  rmSync(folder, { recursive: true });
});

test('empty documents are those between two separators; a heading at the start of a text has none before it', () => {
  assert.deepEqual(documentsFromText('\n = One = \n a \n = Two = \n b\n'), {
    documents: ['= One = \n a', '= Two = \n b'],
    numEmpty: 0,
  });
  assert.equal(documentsFromText('a<|endoftext|><|endoftext|>b<|endoftext|>').numEmpty, 1);
});

test('an empty calibration text and one shorter than a row say so', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-bad-text-'));
  writeFileSync(join(folder, 'empty.txt'), '');
  writeFileSync(join(folder, 'short.txt'), 'Call me Ishmael.');
  const prune = (text: string, more: object = {}) =>
    runVerbInTest(
      manifest,
      'prune',
      { model: SHIPPED, output: 'out', method: 'wanda', text, ...more },
      { workingFolder: folder },
    );
  await assert.rejects(prune('empty.txt'), /at least one document, got an empty text \(.*empty\.txt\).*TF-SPARSE-003/s);
  await assert.rejects(prune('short.txt'), /TF-SPARSE-003/);
  await assert.rejects(prune('short.txt', { resume: true }), /--checkpoint FILE with --resume.*TF-SPARSE-005/s);
  await assert.rejects(
    prune('short.txt', { method: 'sparsegpt-update' }),
    /leaves kept weights alone, got sparsegpt-update/,
  );
  assert.deepEqual(readdirSync(folder).toSorted(), ['empty.txt', 'short.txt']);
  rmSync(folder, { recursive: true });
});

test('a model that is not there, and a file that is no model, are named', async () => {
  await assert.rejects(
    openModel('/no/such/model'),
    /a model folder or a llama2\.c \.bin, got nothing there.*TF-SPARSE-004/s,
  );
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-bad-bin-'));
  writeFileSync(join(folder, 'weights.bin'), Buffer.alloc(40));
  await assert.rejects(openModel(join(folder, 'weights.bin')), /TF-SPARSE-008/);
  rmSync(folder, { recursive: true });
});
