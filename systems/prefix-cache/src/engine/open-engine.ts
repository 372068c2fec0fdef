/** Opens the room's own engine on a model folder, with its tokenizer and a cache of a given size. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadTokenizer, type TextTokenizer } from '@tenfold/core/nn';
import { PrefixCache } from '../cache/prefix-cache.ts';
import type { PrefixCacheOptions } from '../cache/types.ts';
import { profileFromHfConfig, type HfConfig } from '../cost/hf-config.ts';
import { GenerationService } from './generation.ts';
import { HybridEngine } from './hybrid-engine.ts';
import { readHybridWeights } from './hybrid-weights.ts';

/** The engine keeps all states in f32. */
const FORMAT = { kvBytes: 4, recurrentBytes: 4, convBytes: 4 };

/** @throws TF-PREFIX-007 if the folder is no model of this layout */
export async function openHybridEngine(
  folder: string,
  options: { readonly maxSequences?: number } = {},
): Promise<HybridEngine> {
  const weights = await readHybridWeights(folder);
  const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as HfConfig;
  const name = folder.split(/[/\\]/).findLast((part) => part !== '') ?? 'hybrid';
  return new HybridEngine(weights, profileFromHfConfig(config, name, FORMAT), options);
}

export interface OpenedService {
  readonly engine: HybridEngine;
  readonly tokenizer: TextTokenizer;
  readonly service: GenerationService<Float32Array, Float32Array>;
}

export async function openService(
  folder: string,
  options: Partial<PrefixCacheOptions<Float32Array>> & {
    readonly capacityBytes: number;
    readonly clock: { nowMs(): number };
    readonly maxSequences?: number;
    readonly maxQueue?: number;
  },
): Promise<OpenedService> {
  const [engine, loaded] = await Promise.all([openHybridEngine(folder, options), loadTokenizer(folder)]);
  // The tokenizer refuses to decode nothing.
  const tokenizer: TextTokenizer = {
    ...loaded,
    decode: (ids, decodeOptions) => (ids.length === 0 ? '' : loaded.decode(ids, decodeOptions)),
  };
  const cache = new PrefixCache<Float32Array, Float32Array>({
    keepTokens: 1,
    ...options,
    profile: engine.profile,
    kvCodec: engine.kvCodec,
  });
  return { engine, tokenizer, service: new GenerationService(engine, cache, options) };
}
