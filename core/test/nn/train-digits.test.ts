import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRng } from '../../src/base/index.ts';
import { readOnnx } from '../../src/graph/index.ts';
import { gatherRows, tokenWindows } from '../../src/nn/index.ts';
import { run } from '../../src/nn/lab/train-digits.ts';
import type { VerbContext } from '../../src/system/index.ts';

interface DigitsValue {
  readonly accuracy: number;
  readonly reloadError: number | null;
  readonly webError: number;
  readonly checkpoint?: string;
  readonly onnx?: string;
}

const contextIn = (folder: string): VerbContext => ({
  seed: 1,
  rng: createRng(1),
  clock: { nowMs: () => performance.now() },
  signal: new AbortController().signal,
  dataFolder: undefined,
  cacheFolder: folder,
  workingFolder: folder,
  progress: () => undefined,
  metric: () => undefined,
  warn: () => undefined,
});

test('a short training on digits reloads to the same bits and exports to the same logits', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-digits-'));
  try {
    const phases = new Set<string>();
    const context: VerbContext = {
      ...contextIn(folder),
      progress: ({ phase }) => void phases.add(phase),
    };
    const params = {
      epochs: 2,
      batch: 64,
      out: 'digits',
      maxItems: 1500,
      minAccuracy: 0.6,
      force: false,
      dryRun: false,
    };
    const { ok, value } = await run(params, context);
    const { accuracy, reloadError, webError, checkpoint, onnx } = value as DigitsValue;
    assert.ok(ok && accuracy > 0.6, `accuracy ${accuracy}`);
    assert.equal(reloadError, 0);
    assert.ok(webError < 1e-3, `web differs by ${webError}`);
    assert.ok(existsSync(checkpoint!));
    assert.deepEqual(
      [...phases],
      ['reading digits', 'training', 'saving and loading', 'running the ONNX file in onnxruntime-web'],
    );
    const { graph } = readOnnx(new Uint8Array(readFileSync(onnx!)));
    assert.ok(graph.nodes.some(({ op }) => op === 'Conv'));
    await assert.rejects(
      run(params, context),
      /digits\.safetensors/,
      'an existing file is not overwritten without force',
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a dry run shows no difference of a reload that did not happen, and says what fell short', async () => {
  const params = { epochs: 1, batch: 16, out: '', maxItems: 48, minAccuracy: 1, force: false, dryRun: true };
  const { ok, value, report } = await run(params, contextIn(tmpdir()));
  assert.equal(ok, false);
  assert.equal((value as unknown as DigitsValue).reloadError, null);
  const labels = report!.blocks
    .flatMap((block) => (block.kind === 'figures' ? block.figures : []))
    .map(({ label }) => label);
  assert.ok(!labels.some((label) => label.includes('reload')), labels.join('; '));
  assert.match(report!.verdict.text, /after 3 updates in .* s: below the 100\.00 % asked for\.$/);
});

test('fewer digits than a batch are refused, not tested untrained', async () => {
  const params = { epochs: 1, batch: 64, out: '', maxItems: 20, minAccuracy: 0, force: false, dryRun: true };
  await assert.rejects(run(params, contextIn(tmpdir())), {
    message:
      'createBatchOrder: rows for at least one batch, got 20 rows and batches of 64. Use smaller batches. TF-NN-001',
  });
});

test('rows and windows that the data lack are refused, not filled with zeros', () => {
  const x = { dtype: 'float32' as const, shape: [2, 3], data: new Float32Array(6).fill(1) };
  assert.deepEqual([...gatherRows(x, [1]).data], [1, 1, 1]);
  for (const row of [2, -1, NaN]) {
    assert.throws(() => gatherRows(x, [0, row]), {
      message: `gatherRows: rows 0 to 1, got row ${row}. Ask for rows that the tensor has. TF-NN-001`,
    });
  }
  assert.throws(() => tokenWindows([1, 2, 3], { batch: 1, length: 3, seed: 0, step: 0 }), {
    message: 'tokenWindows: more than 3 tokens, got 3. Use shorter windows, or a longer text. TF-NN-001',
  });
});
