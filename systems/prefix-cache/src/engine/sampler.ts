/** Choosing the next token: greedy at temperature 0, otherwise nucleus sampling from a seeded stream. */
import type { Rng } from '@tenfold/core/base';

export interface SamplingOptions {
  /** 0 is greedy. */
  readonly temperature: number;
  /** Share of probability kept, in (0, 1]. */
  readonly topP: number;
}

/** @param logits  [vocabulary] f32 */
export function sampleToken(logits: Float32Array, { temperature, topP }: SamplingOptions, rng: Rng): number {
  if (temperature === 0) return argMax(logits);
  const most = logits[argMax(logits)]!;
  const weights = Float64Array.from(logits, (value) => Math.exp((value - most) / temperature));
  const order = Array.from(weights.keys()).sort((a, b) => weights[b]! - weights[a]! || a - b);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let kept = 0;
  let size = 0;
  while (size < order.length && (size === 0 || kept < topP * total)) kept += weights[order[size++]!]!;
  let point = rng.uniform() * kept;
  for (let i = 0; i < size; i++) {
    point -= weights[order[i]!]!;
    if (point < 0) return order[i]!;
  }
  return order[size - 1]!;
}

/** Natural logarithm of the probability of a token. */
export function logProbability(logits: Float32Array, token: number): number {
  const most = logits[argMax(logits)]!;
  let sum = 0;
  for (const value of logits) sum += Math.exp(value - most);
  return logits[token]! - most - Math.log(sum);
}

function argMax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
