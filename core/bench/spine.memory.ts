/** Child of the spine bench: runs a training step in a process of its own and prints its peak memory as one JSON line.
 *  Usage: spine.memory.ts small|llama100m [plain] */
import { adamW, createTrainer, crossEntropy, i64, llama } from '../src/nn/index.ts';
import type { TrainerOptions } from '../src/nn/index.ts';
import { createSmallTransformer, syntheticTokens } from './spine.transformer.ts';

/** 12 layers of width 768 with a vocabulary of 32,000: 109 million parameters. */
const LLAMA_100M = {
  vocab_size: 32_000,
  hidden_size: 768,
  intermediate_size: 2048,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  num_key_value_heads: 12,
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  tie_word_embeddings: true,
};
const LENGTH = 512;

const [which, mode] = process.argv.slice(2);
const result = which === 'llama100m' ? await llamaStep(mode !== 'plain') : await smallStep();
console.log(JSON.stringify({ ...result, peakBytes: process.resourceUsage().maxRSS * 1024 }));

async function smallStep() {
  const { trainer, step } = await createSmallTransformer();
  for (let i = 0; i < 3; i++) await step();
  const { parameterCount } = trainer;
  await trainer.dispose();
  return { parameterCount, stepSec: NaN };
}

async function llamaStep(isCheckpointed: boolean) {
  const options: TrainerOptions = {
    model: llama(LLAMA_100M),
    inputs: { tokens: i64(1, LENGTH), targets: i64(1, LENGTH) },
    loss: ({ g, outputs, inputs }) => crossEntropy(g, outputs['logits'], inputs['targets']),
    optimizer: adamW({ learningRate: 1e-4 }),
    isCheckpointed,
    session: { memoryArena: false },
  };
  await using trainer = await createTrainer(options);
  const feeds = syntheticTokens({ vocabulary: LLAMA_100M.vocab_size, batch: 1, length: LENGTH });
  await trainer.step(feeds);
  const start = performance.now();
  const { loss } = await trainer.step(feeds);
  return { parameterCount: trainer.parameterCount, loss, stepSec: (performance.now() - start) / 1e3 };
}
