/** Text that the model itself writes: calibration for a model whose training text is not at hand.
 *  All rows go in step, so one batch serves them; keys and values are kept between steps. */
import { throwIfCancelled, type Rng } from '@tenfold/core/base';
import { buildInference, cacheMask, f32, i64, llama } from '@tenfold/core/nn';
import { openBackend } from '@tenfold/core/runtime';
import type { Tensor } from '@tenfold/core/tensor';
import type { LoadedModel } from '../types.ts';

/** @param options.temperature  > 0, default 1; 0 takes the most likely token
 *  @returns numRows rows of `length` token ids, each beginning with the start token */
export async function sampleRows(
  model: LoadedModel,
  options: {
    readonly numRows: number;
    readonly length: number;
    readonly rng: Rng;
    readonly temperature?: number;
    readonly signal?: AbortSignal;
  },
): Promise<number[][]> {
  const { numRows, length, rng, temperature = 1, signal } = options;
  const { config } = model;
  const heads = config.num_key_value_heads;
  const width = config.head_dim ?? config.hidden_size / config.num_attention_heads;
  const capacity = length;
  const cacheShape = [numRows, heads, capacity, width];
  const inputs: Record<string, ReturnType<typeof f32>> = {
    tokens: i64(numRows, 1),
    positions: i64(1),
    mask: f32(1, capacity + 1),
  };
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    for (const part of ['k', 'v']) inputs[`past.${layer}.${part}`] = f32(...cacheShape);
  }
  const { graph } = buildInference({ model: llama(config), inputs });
  const engine = await openBackend('cpu');
  await using session = await engine.createSession(
    graph,
    Object.fromEntries(graph.states.map(({ name }) => [name, model.parameters[name]!])),
  );
  const cache = Object.fromEntries(
    Object.keys(inputs)
      .filter((name) => name.startsWith('past.'))
      .map((name) => [
        name,
        { dtype: 'float32' as const, shape: cacheShape, data: new Float32Array(numRows * heads * capacity * width) },
      ]),
  );
  const rows = Array.from({ length: numRows }, () => [model.tokenizer.startId]);
  for (let position = 0; position + 1 < length; position++) {
    throwIfCancelled(signal, 'sampleRows');
    const outputs = await session.run({
      ...cache,
      tokens: { dtype: 'int64', shape: [numRows, 1], data: BigInt64Array.from(rows, (row) => BigInt(row[position]!)) },
      positions: { dtype: 'int64', shape: [1], data: BigInt64Array.of(BigInt(position)) },
      mask: {
        dtype: 'float32',
        shape: [1, capacity + 1],
        data: cacheMask({ length: 1, capacity, pastLength: position }),
      },
    });
    for (const [name, kept] of Object.entries(cache)) {
      const present = outputs[name.replace('past', 'present')] as Tensor<'float32'>;
      for (let i = 0; i < numRows * heads; i++)
        kept.data.set(present.data.subarray(i * width, (i + 1) * width), (i * capacity + position) * width);
    }
    const logits = outputs['logits'] as Tensor<'float32'>;
    rows.forEach((row, index) =>
      row.push(
        drawToken(logits.data.subarray(index * config.vocab_size, (index + 1) * config.vocab_size), temperature, rng),
      ),
    );
  }
  return rows;
}

function drawToken(logits: Float32Array, temperature: number, rng: Rng): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
  if (temperature === 0) return best;
  const max = logits[best]!;
  let total = 0;
  for (let i = 0; i < logits.length; i++) total += Math.exp((logits[i]! - max) / temperature);
  let rest = rng.uniform() * total;
  for (let i = 0; i < logits.length; i++) {
    rest -= Math.exp((logits[i]! - max) / temperature);
    if (rest <= 0) return i;
  }
  return best;
}
