import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRng } from '../../src/base/index.ts';
import { readOnnx } from '../../src/graph/index.ts';
import { run } from '../../src/nn/lab/train-digits.ts';
import type { VerbContext } from '../../src/system/index.ts';

interface DigitsValue {
  readonly accuracy: number;
  readonly reloadError: number;
  readonly webError: number;
  readonly checkpoint?: string;
  readonly onnx?: string;
}

test('a short training on digits reloads to the same bits and exports to the same logits', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-digits-'));
  try {
    const phases = new Set<string>();
    const context: VerbContext = {
      seed: 1,
      rng: createRng(1),
      clock: { nowMs: () => performance.now() },
      signal: new AbortController().signal,
      dataFolder: undefined,
      cacheFolder: folder,
      workingFolder: folder,
      progress: ({ phase }) => void phases.add(phase),
      metric: () => undefined,
      warn: () => undefined,
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
