/** Folders of safetensors shards as transformers writes them: `model.safetensors.index.json` maps names to files. Node only. */
import { nearestNameHints } from '../base/index.ts';
import { dataError } from './data-errors.ts';
import type { SafetensorsEntry } from './safetensors-format.ts';
import type { SafetensorsReader } from './safetensors-reader.ts';

const INDEX_SUFFIX = '.safetensors.index.json';
const SINGLE_FILE = 'model.safetensors';
const PICKLE = /\.(bin|pt|pth|ckpt|pkl)$/;
const SUBJECT = 'readSafetensors';

/** Opens a folder: its index with all shards named there, else its one safetensors file. Must be closed.
 *  @param openFile  opens one shard
 *  @throws TF-DATA-001 if index, shards or files are missing, TF-DATA-004 if the index is damaged or leads out of the folder */
export async function openSafetensorsFolder(
  folder: string,
  openFile: (path: string) => Promise<SafetensorsReader>,
): Promise<SafetensorsReader> {
  const { readdir } = await import('node:fs/promises');
  const { join } = await import('node:path');
  const files = await readdir(folder);
  const indexFile = files.includes(`model${INDEX_SUFFIX}`)
    ? `model${INDEX_SUFFIX}`
    : files.find((file) => file.endsWith(INDEX_SUFFIX));
  if (indexFile === undefined) {
    const candidates = files.filter((file) => file.endsWith('.safetensors'));
    const only = candidates.includes(SINGLE_FILE) ? SINGLE_FILE : candidates.length === 1 ? candidates[0] : undefined;
    if (only !== undefined) return openFile(join(folder, only));
    const pickle = candidates.length === 0 ? files.find((file) => PICKLE.test(file)) : undefined;
    if (pickle !== undefined)
      throw dataError('TF-DATA-001', {
        subject: SUBJECT,
        expected: `${SINGLE_FILE} or model${INDEX_SUFFIX} in the folder`,
        actual: `${pickle}, a pickle, which could run code and is not read`,
        location: folder,
        hints: ['Save the model as safetensors: model.save_pretrained(folder, safe_serialization=True).'],
      });
    throw dataError('TF-DATA-001', {
      subject: SUBJECT,
      expected: `${SINGLE_FILE} or model${INDEX_SUFFIX} in the folder`,
      actual: candidates.length === 0 ? 'neither' : `${candidates.length} safetensors files without an index`,
      location: folder,
      hints: ['Name the file itself, or add the index.'],
    });
  }
  const weightMap = await readWeightMap(join(folder, indexFile), files);
  const shardNames = [...new Set(weightMap.values())];
  const shards = new Map<string, SafetensorsReader>();
  const close = async () => {
    for (const shard of shards.values()) await shard.close();
  };
  try {
    for (const shardName of shardNames) shards.set(shardName, await openFile(join(folder, shardName)));
    return readerFromShards(folder, weightMap, shards, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function readWeightMap(path: string, files: readonly string[]): Promise<Map<string, string>> {
  const { readFile } = await import('node:fs/promises');
  const fail = (expected: string, actual?: string, cause?: unknown) =>
    dataError('TF-DATA-004', { subject: SUBJECT, expected, actual, location: path, cause });
  let parsed: { weight_map?: unknown };
  try {
    parsed = JSON.parse(await readFile(path, 'utf8')) as { weight_map?: unknown };
  } catch (cause) {
    throw fail('an index that is JSON', 'text that is not', cause);
  }
  const { weight_map: raw } = parsed ?? {};
  if (typeof raw !== 'object' || raw === null) throw fail('an index with "weight_map"', typeof raw);
  const weightMap = new Map<string, string>();
  for (const [name, file] of Object.entries(raw)) {
    if (typeof file !== 'string' || /[/\\]|^\.\.?$/.test(file)) {
      throw fail(`tensor "${name}" to lie in a file of this folder`, JSON.stringify(file));
    }
    weightMap.set(name, file);
  }
  const missing = [...new Set(weightMap.values())].filter((file) => !files.includes(file));
  if (missing.length > 0) {
    throw dataError('TF-DATA-001', {
      subject: SUBJECT,
      expected: 'every shard that the index names',
      actual: `none called ${missing.join(', ')}`,
      location: path,
      hints: ['Copy the missing shards into the folder.'],
    });
  }
  return weightMap;
}

function readerFromShards(
  folder: string,
  weightMap: ReadonlyMap<string, string>,
  shards: ReadonlyMap<string, SafetensorsReader>,
  close: () => Promise<void>,
): SafetensorsReader {
  const entries = new Map<string, SafetensorsEntry>();
  for (const [shardName, shard] of shards) {
    for (const [name, entry] of shard.entries) if (weightMap.get(name) === shardName) entries.set(name, entry);
  }
  for (const [name, shardName] of weightMap) {
    if (entries.has(name)) continue;
    throw dataError('TF-DATA-007', {
      subject: SUBJECT,
      expected: `tensor "${name}" in ${shardName}, as the index says`,
      actual: 'none of that name',
      location: folder,
      hints: nearestNameHints(name, shards.get(shardName)!.entries.keys()),
    });
  }
  const shardOf = (name: string) => {
    const shardName = weightMap.get(name);
    if (shardName !== undefined) return shards.get(shardName)!;
    throw dataError('TF-DATA-007', {
      subject: SUBJECT,
      expected: `a tensor "${name}"`,
      actual: 'none of that name',
      location: folder,
      hints: nearestNameHints(name, weightMap.keys()),
    });
  };
  const reader: SafetensorsReader = {
    name: folder,
    metadata: Object.assign({}, ...[...shards.values()].map((shard) => shard.metadata)) as Record<string, string>,
    entries,
    read: async (name, options) => shardOf(name).read(name, options),
    readRange: async (name, start, end) => shardOf(name).readRange(name, start, end),
    async *[Symbol.asyncIterator]() {
      for (const name of entries.keys()) yield [name, await reader.read(name)] as const;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
  return reader;
}
