/** The transformer training step that the spine bench measures: 4 layers, width 256, 4 heads, T = 256, B = 4, V = 512. */
import { adamW, createTrainer, crossEntropy, gpt, i64 } from '../src/nn/index.ts';
import type { Trainer } from '../src/nn/index.ts';
import type { BackendName, SessionOptions } from '../src/runtime/index.ts';
import type { Tensor } from '../src/tensor/index.ts';

export interface TransformerSize {
  readonly vocabulary: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly batch: number;
  readonly length: number;
}

export const SMALL: TransformerSize = { vocabulary: 512, width: 256, layers: 4, heads: 4, batch: 4, length: 256 };
export const LARGE: TransformerSize = { vocabulary: 8192, width: 1024, layers: 8, heads: 16, batch: 4, length: 512 };

/** Tokens without meaning but with structure, and the same one place further on. */
export function syntheticTokens({
  vocabulary,
  batch,
  length,
}: Pick<TransformerSize, 'vocabulary' | 'batch' | 'length'>) {
  const at = (i: number): bigint => BigInt((i * 31 + ((i * i) % 17)) % vocabulary);
  const shape = [batch, length];
  const make = (offset: number): Tensor<'int64'> => ({
    dtype: 'int64',
    shape,
    data: BigInt64Array.from({ length: batch * length }, (_, i) => at(i + offset)),
  });
  return { tokens: make(0), targets: make(1) };
}

export async function createSmallTransformer(
  options: {
    size?: TransformerSize;
    backend?: BackendName;
    computeDtype?: 'float32' | 'float16';
    session?: SessionOptions;
  } = {},
): Promise<{ trainer: Trainer; step: () => Promise<number> }> {
  const { size = SMALL, backend = 'cpu', computeDtype = 'float32', session = {} } = options;
  const trainer = await createTrainer({
    model: gpt({ ...size, context: size.length }),
    inputs: { tokens: i64(size.batch, size.length), targets: i64(size.batch, size.length) },
    loss: ({ g, outputs, inputs }) => crossEntropy(g, outputs['logits'], inputs['targets']),
    optimizer: adamW({ learningRate: 1e-3 }),
    backend,
    computeDtype,
    ...(computeDtype === 'float16' ? { lossScale: 1024 } : {}),
    session,
  });
  const feeds = syntheticTokens(size);
  return { trainer, step: async () => (await trainer.step(feeds)).loss };
}
