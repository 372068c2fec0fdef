import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import {
  buildInference,
  i64,
  llama,
  loadLlamaFolder,
  loadNemotronHFolder,
  loadTokenizer,
  nemotronH,
} from '../../src/nn/index.ts';
import type { Model } from '../../src/nn/index.ts';
import { openBackend } from '../../src/runtime/index.ts';
import type { StateValues } from '../../src/runtime/index.ts';

const models = join(dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url))))), 'models');
const skipOf = (name: string) =>
  existsSync(join(models, name, 'config.json')) ? false : `models/${name} is not part of this checkout`;

const TEXT =
  'It was a dark night, and the wind was blowing from the sea. The captain looked at the men, and said that they would have to wait until the morning before they could go on.';

/** Mean −log p of each next token, in nats. */
async function textLoss(folder: string, model: Model, parameters: StateValues, vocabulary: number): Promise<number> {
  const tokenizer = await loadTokenizer(folder);
  const ids = tokenizer.encode(TEXT, { specialTokens: false });
  assert.equal(tokenizer.decode(ids).trim(), TEXT);
  const length = ids.length - 1;
  const { graph } = buildInference({ model, inputs: { tokens: i64(1, length) }, outputs: ['logits'] });
  await using session = await (await openBackend('cpu')).createSession(graph, parameters);
  const tokens = BigInt64Array.from(ids.slice(0, length), BigInt);
  const { logits } = await session.run({ tokens: { dtype: 'int64', shape: [1, length], data: tokens } });
  let sum = 0;
  for (let i = 0; i < length; i++) {
    const row = (logits.data as Float32Array).subarray(i * vocabulary, (i + 1) * vocabulary);
    const largest = row.reduce((a, b) => Math.max(a, b));
    const logSum = largest + Math.log(row.reduce((total, x) => total + Math.exp(x - largest), 0));
    sum += logSum - row[ids[i + 1]];
  }
  return sum / length;
}

test('a Llama trained in PyTorch predicts English here', { skip: skipOf('scrimshaw-11m') }, async () => {
  const folder = join(models, 'scrimshaw-11m');
  const { config, parameters } = await loadLlamaFolder(folder);
  const loss = await textLoss(folder, llama(config), parameters, config.vocab_size);
  assert.ok(loss > 1 && loss < 4.5, `${loss} nats a token; chance is ${Math.log(config.vocab_size)}`);
});

test('a Nemotron-H hybrid trained in PyTorch predicts English here', { skip: skipOf('hyb-7m') }, async () => {
  const folder = join(models, 'hyb-7m');
  const { config, parameters } = await loadNemotronHFolder(folder);
  const loss = await textLoss(folder, nemotronH(config), parameters, config.vocab_size);
  assert.ok(loss > 1 && loss < 4.5, `${loss} nats a token; chance is ${Math.log(config.vocab_size)}`);
});
