/** Perplexity: mean cross-entropy of every next token over windows of one length, exponentiated.
 *  Protocol of the released code: text tokenised once, windows that do not overlap, context − 1 targets each. */
import { throwIfCancelled } from '@tenfold/core/base';
import { buildInference, i64, llama } from '@tenfold/core/nn';
import { openBackend, type Session, type StateValues } from '@tenfold/core/runtime';
import type { LoadedModel } from '../types.ts';

export interface Evaluator {
  /** exp of the mean nats per target. @param parameters  replaces weights by name; others are the model's own */
  perplexity(parameters: StateValues, options?: { readonly signal?: AbortSignal }): Promise<number>;
  readonly numTargets: number;
  dispose(): Promise<void>;
}

/** @param windows  token rows of one length ≥ 2; a shorter row is padded behind its end and the padding not counted */
export async function createEvaluator(
  model: LoadedModel,
  windows: readonly (readonly number[])[],
  backend: 'cpu' | 'reference' = 'cpu',
): Promise<Evaluator> {
  const context = Math.max(...windows.map((window) => window.length));
  const { graph } = buildInference({
    model: llama(model.config),
    inputs: { tokens: i64(1, context) },
    outputs: ['logits'],
  });
  const engine = await openBackend(backend);
  const known = new Set(graph.states.map(({ name }) => name));
  const session = await engine.createSession(
    graph,
    Object.fromEntries([...known].map((name) => [name, model.parameters[name]!])),
  );
  const numTargets = windows.reduce((sum, window) => sum + window.length - 1, 0);
  return {
    numTargets,
    async perplexity(parameters, { signal } = {}) {
      for (const [name, value] of Object.entries(parameters))
        if (known.has(name)) await session.writeState(name, value);
      let nats = 0;
      for (const window of windows) {
        throwIfCancelled(signal, 'perplexity');
        nats += await windowNats(session, window, context, model.config.vocab_size);
      }
      return Math.exp(nats / numTargets);
    },
    dispose: () => session.dispose(),
  };
}

/** Sum of −ln p(next token) over a window. */
async function windowNats(
  session: Session,
  window: readonly number[],
  context: number,
  vocabSize: number,
): Promise<number> {
  const tokens = new BigInt64Array(context);
  window.forEach((id, index) => (tokens[index] = BigInt(id)));
  const { logits } = await session.run({ tokens: { dtype: 'int64', shape: [1, context], data: tokens } });
  const data = logits!.data as Float32Array;
  let nats = 0;
  for (let position = 0; position + 1 < window.length; position++) {
    const row = position * vocabSize;
    let max = Number.NEGATIVE_INFINITY;
    for (let i = row; i < row + vocabSize; i++) if (data[i]! > max) max = data[i]!;
    let sum = 0;
    for (let i = row; i < row + vocabSize; i++) sum += Math.exp(data[i]! - max);
    nats += max + Math.log(sum) - data[row + window[position + 1]!]!;
  }
  return nats;
}
