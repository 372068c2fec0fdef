import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildTrainStep, initialStates, sgd } from '../../src/nn/index.ts';
import { openBackend } from '../../src/runtime/index.ts';
import { feedsFor, MODEL_CASES } from '../nn/model-cases.ts';

test('a graph compiled before is loaded from the folder, computes the same bits, and a damaged file is made anew', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-cache-'));
  try {
    const modelCase = MODEL_CASES.find(({ name }) => name === 'gpt')!;
    const step = buildTrainStep({ ...modelCase, optimizer: sgd({ learningRate: 0.1 }) });
    const backend = await openBackend('cpu');
    const update = async (cacheFolder?: string) => {
      const options = cacheFolder === undefined ? {} : { cacheFolder };
      await using session = await backend.createSession(step.graph, initialStates(step.states), options);
      const rate = { dtype: 'float32' as const, shape: [], data: Float32Array.of(0.1) };
      await session.run({ ...feedsFor(modelCase), 'optimizer.rate': rate });
      return session.readState('wte.weight');
    };
    const plain = await update();
    assert.deepEqual(await update(folder), plain);
    const [file, ...others] = readdirSync(folder);
    assert.deepEqual(others, []);
    assert.match(file, /^[0-9a-f]{32}\.onnx$/);
    assert.deepEqual(await update(folder), plain);
    writeFileSync(join(folder, file), 'damaged');
    assert.deepEqual(await update(folder), plain);
    assert.deepEqual(readdirSync(folder), [file]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
