/** Opens an engine with its tokenizer and a cache of a given size: the room's own on a model folder, llama.cpp on GGUF. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadTokenizer, type TextTokenizer } from '@tenfold/core/nn';
import { PrefixCache } from '../cache/prefix-cache.ts';
import type { PrefixCacheOptions } from '../cache/types.ts';
import { profileFromHfConfig, type HfConfig } from '../cost/hf-config.ts';
import { GenerationService } from './generation.ts';
import { HybridEngine } from './hybrid-engine.ts';
import { readHybridWeights } from './hybrid-weights.ts';
import { openLlamaEngine, type LlamaEngine } from './llama-engine.ts';
import type { EngineBackend } from './types.ts';

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

export interface OpenedService<Engine, State, Kv> {
  readonly engine: Engine;
  readonly tokenizer: TextTokenizer;
  readonly service: GenerationService<State, Kv>;
}

type ServiceOptions<Kv> = Partial<PrefixCacheOptions<Kv>> & {
  readonly capacityBytes: number;
  readonly clock: { nowMs(): number };
  readonly maxSequences?: number;
  readonly maxQueue?: number;
};

/** The room's own engine on a model folder, behind a cache. */
export async function openService(
  folder: string,
  options: ServiceOptions<Float32Array>,
): Promise<OpenedService<HybridEngine, Float32Array, Float32Array>> {
  const [engine, loaded] = await Promise.all([openHybridEngine(folder, options), loadTokenizer(folder)]);
  // The tokenizer refuses to decode nothing.
  const tokenizer: TextTokenizer = {
    ...loaded,
    decode: (ids, decodeOptions) => (ids.length === 0 ? '' : loaded.decode(ids, decodeOptions)),
  };
  return { engine, tokenizer, service: serviceOn(engine, options) };
}

/** llama.cpp on a GGUF file, behind a cache. */
export async function openLlamaService(
  path: string,
  options: ServiceOptions<undefined>,
): Promise<OpenedService<LlamaEngine, Uint8Array, undefined>> {
  const engine = await openLlamaEngine(path, options);
  return { engine, tokenizer: engine.tokenizer, service: serviceOn(engine, options) };
}

function serviceOn<State, Kv>(
  engine: EngineBackend<State, Kv>,
  options: ServiceOptions<Kv>,
): GenerationService<State, Kv> {
  const cache = new PrefixCache<State, Kv>({
    keepTokens: 1,
    ...options,
    profile: engine.profile,
    kvCodec: engine.kvCodec,
  });
  return new GenerationService(engine, cache, options);
}
