/** Optional vectors: where words find nothing, an OpenAI-compatible endpoint may say which of the candidates mean the same
 *  as the clause. They open the door to evidence in other words; its time is checked as that of any other. */
import { temporalError } from '../temporal-errors.ts';
import type { Clause, Scored } from './candidates.ts';

export interface VectorConfig {
  /** Base address, like http://127.0.0.1:8080/v1. */
  readonly url: string;
  readonly model: string;
  readonly apiKey?: string;
  /** Least cosine of clause and evidence, default 0.6. */
  readonly minCosine?: number;
  /** Default 20,000. */
  readonly timeoutMs?: number;
}

const MAX_TEXTS = 64;
const DEFAULT_MIN_COSINE = 0.6;
const DEFAULT_TIMEOUT_MS = 20_000;

/** Candidates near the clause in meaning, nearest first, their cosine as coverage.
 *  @throws TF-TEMPORAL-013 if the endpoint gives no usable vectors */
export async function nearInMeaning(
  clause: Clause,
  scored: readonly Scored[],
  config: VectorConfig,
): Promise<Scored[]> {
  const items = scored.slice(0, MAX_TEXTS);
  if (items.length === 0) return [];
  const [query, ...vectors] = await vectorsOf([clause.text, ...items.map((item) => item.evidence.text)], config);
  return items
    .map((item, index) => ({
      ...item,
      coverage: cosine(query!, vectors[index]!),
      score: cosine(query!, vectors[index]!),
    }))
    .filter((item) => item.coverage >= (config.minCosine ?? DEFAULT_MIN_COSINE))
    .toSorted((a, b) => b.score - a.score || a.evidence.id - b.evidence.id);
}

async function vectorsOf(texts: readonly string[], config: VectorConfig): Promise<readonly (readonly number[])[]> {
  const { url, model, apiKey, timeoutMs = DEFAULT_TIMEOUT_MS } = config;
  try {
    const response = await fetch(`${url.replace(/\/$/, '')}/embeddings`, {
      method: 'POST',
      signal: AbortSignal.timeout(timeoutMs),
      headers: { 'content-type': 'application/json', ...(apiKey ? { authorization: `Bearer ${apiKey}` } : {}) },
      body: JSON.stringify({ model, input: texts }),
    });
    if (!response.ok) throw new Error(`status ${response.status}`);
    const { data } = (await response.json()) as { data: { index: number; embedding: number[] }[] };
    const vectors = data.toSorted((a, b) => a.index - b.index).map((row) => row.embedding);
    const width = vectors[0]?.length ?? 0;
    if (vectors.length !== texts.length || width === 0 || vectors.some((vector) => vector.length !== width))
      throw new TypeError(`${vectors.length} vectors for ${texts.length} texts`);
    return vectors;
  } catch (cause) {
    throw temporalError('TF-TEMPORAL-013', {
      subject: 'nearInMeaning',
      expected: 'a vector for each text',
      actual: cause instanceof Error ? cause.message : 'no reply',
      location: url,
      cause,
    });
  }
}

function cosine(a: readonly number[], b: readonly number[]): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let k = 0; k < a.length; k++) {
    dot += a[k]! * b[k]!;
    aa += a[k]! * a[k]!;
    bb += b[k]! * b[k]!;
  }
  return aa > 0 && bb > 0 ? dot / Math.sqrt(aa * bb) : 0;
}
