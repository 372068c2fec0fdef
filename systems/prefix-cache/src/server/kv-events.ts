/** KV events as vLLM, SGLang and their routers speak them: blocks of tokens with chained hashes, stored and removed.
 *  Attention blocks (group 0) follow the tree's tokens; recurrent states (group 1) are announced at block borders only,
 *  since a state serves no shorter prefix. */
import { decode, encode } from '@msgpack/msgpack';
import { extendHash, PREFIX_SEED } from '../cache/prefix-hashes.ts';

export const ATTENTION_GROUP = 0;
export const STATE_GROUP = 1;

/** Engines hash in their own ways: 32- or 64-bit numbers, or bytes. */
export type BlockHash = number | bigint | Uint8Array;

export interface BlockStored {
  readonly type: 'BlockStored';
  readonly block_hashes: readonly BlockHash[];
  readonly parent_block_hash: BlockHash | null;
  readonly token_ids: readonly number[];
  readonly block_size: number;
  readonly lora_id: null;
  readonly medium: string;
  readonly group_idx: number;
  readonly kv_cache_spec_kind: string;
}

export interface BlockRemoved {
  readonly type: 'BlockRemoved';
  readonly block_hashes: readonly BlockHash[];
  readonly medium: string;
  readonly group_idx: number;
}

export type KvEvent = BlockStored | BlockRemoved | { readonly type: 'AllBlocksCleared' };

export interface KvEventBatch {
  readonly ts: number;
  readonly events: readonly KvEvent[];
}

/** A batch as an engine sent it. */
export interface ReadBatch extends KvEventBatch {
  /** Events of a known type that lack a field or hold a wrong one; they are left out. */
  readonly numMalformed: number;
}

const MEDIUM = 'CPU';
const KIND_OF_GROUP = ['full_attention', 'mamba'];

/** A hash as a key: equal bytes are equal keys. */
export function hashKeyOf(hash: BlockHash): string | number {
  if (typeof hash === 'number') return hash;
  return typeof hash === 'bigint' ? hash.toString(16) : Buffer.from(hash).toString('hex');
}

/** The key of a hash that came as JSON: a number, its decimal digits (64 bits are more than a JSON number holds), 0x and
 *  hexadecimal digits, or the hexadecimal digits of bytes. */
export function hashKeyFromJson(hash: string | number): string | number {
  if (typeof hash === 'number') return hash;
  if (!/^(\d{1,20}|0x[0-9a-f]+)$/i.test(hash)) return hash.toLowerCase();
  const value = BigInt(hash);
  return hashKeyOf(value <= MAX_PLAIN_HASH ? Number(value) : value);
}

/** MessagePack reads up to here as plain numbers. */
const MAX_PLAIN_HASH = 0xffff_ffffn;

/** Hashes of the full blocks of a prefix, each over all tokens up to its end. */
export function blockHashes(tokens: Int32Array, blockSize: number): number[] {
  const hashes: number[] = [];
  let hash = PREFIX_SEED;
  for (let i = 0; i < tokens.length; i++) {
    hash = extendHash(hash, tokens[i]!);
    if ((i + 1) % blockSize === 0) hashes.push(hash);
  }
  return hashes;
}

/** Blocks [from, hashes.length) of a prefix as one event, or none. */
export function storedEvent(
  tokens: Int32Array,
  from: number,
  blockSize: number,
  group: number,
): BlockStored | undefined {
  const hashes = blockHashes(tokens, blockSize);
  if (from >= hashes.length) return undefined;
  return {
    type: 'BlockStored',
    block_hashes: hashes.slice(from),
    parent_block_hash: from === 0 ? null : hashes[from - 1]!,
    token_ids: [...tokens.subarray(from * blockSize, hashes.length * blockSize)],
    block_size: blockSize,
    lora_id: null,
    medium: MEDIUM,
    group_idx: group,
    kv_cache_spec_kind: KIND_OF_GROUP[group]!,
  };
}

export function removedEvent(
  tokens: Int32Array,
  from: number,
  blockSize: number,
  group: number,
): BlockRemoved | undefined {
  const hashes = blockHashes(tokens, blockSize).slice(from);
  return hashes.length === 0
    ? undefined
    : { type: 'BlockRemoved', block_hashes: hashes, medium: MEDIUM, group_idx: group };
}

/** MessagePack of a batch, as maps with a type tag. */
export function encodeBatch({ ts, events }: KvEventBatch): Uint8Array {
  return encode({ ts, events, data_parallel_rank: 0 });
}

/** Reads both encodings: maps with a type tag, and the older positional arrays. Unknown events are left out.
 *  @throws if the bytes are no batch at all */
export function decodeBatch(bytes: Uint8Array): ReadBatch {
  // Numbers of 64 bits would lose digits as doubles.
  const raw = decode(bytes, { useBigInt64: true }) as { ts: number; events: unknown } | [number, unknown] | null;
  const [ts, list] = Array.isArray(raw) ? raw : [raw?.ts, raw?.events];
  if (!Array.isArray(list)) throw new TypeError('no list of events');
  const events: KvEvent[] = [];
  let numMalformed = 0;
  for (const fields of list as unknown[]) {
    const read = eventFrom(Array.isArray(fields) ? fieldsByPlace(fields) : fields);
    if (read === 'malformed') numMalformed++;
    else if (read !== undefined) events.push(read);
  }
  return { ts: Number(ts), events, numMalformed };
}

/** The older encoding: [type, hashes, parent or medium, tokens, block size, lora, medium]. */
function fieldsByPlace([type, hashes, second, tokens, blockSize, , medium]: readonly unknown[]): object {
  if (type === 'BlockRemoved') return { type, block_hashes: hashes, medium: second };
  return { type, block_hashes: hashes, parent_block_hash: second, token_ids: tokens, block_size: blockSize, medium };
}

type RawFields = { readonly [Field in keyof BlockStored]?: unknown };

function eventFrom(raw: unknown): KvEvent | 'malformed' | undefined {
  if (typeof raw !== 'object' || raw === null) return 'malformed';
  const fields = raw as RawFields;
  const type = fields.type as KvEvent['type'] | undefined;
  if (type === 'AllBlocksCleared') return { type };
  if (type !== 'BlockStored' && type !== 'BlockRemoved') return undefined;
  const hashes = fields.block_hashes;
  if (!Array.isArray(hashes) || !hashes.every(isHash)) return 'malformed';
  const group = Number(fields.group_idx ?? ATTENTION_GROUP);
  const medium = String(fields.medium ?? MEDIUM);
  if (type === 'BlockRemoved') return { type, block_hashes: hashes, medium, group_idx: group };
  const parent = fields.parent_block_hash ?? null;
  const size = Number(fields.block_size);
  const tokens = fields.token_ids;
  if (
    !(Number.isInteger(size) && size > 0 && Array.isArray(tokens)) ||
    tokens.length !== hashes.length * size ||
    !(parent === null || isHash(parent))
  )
    return 'malformed';
  const ids = typeof tokens[0] === 'bigint' ? tokens.map(Number) : (tokens as number[]);
  for (const id of ids) if (!Number.isInteger(id)) return 'malformed';
  return {
    type,
    block_hashes: hashes,
    parent_block_hash: parent,
    token_ids: ids,
    block_size: size,
    lora_id: null,
    medium,
    group_idx: group,
    // Without a word the first group is attention, the second states, as this room's server numbers them.
    kv_cache_spec_kind:
      typeof fields.kv_cache_spec_kind === 'string'
        ? fields.kv_cache_spec_kind
        : (KIND_OF_GROUP[group] ?? KIND_OF_GROUP[0]!),
  };
}

function isHash(hash: unknown): hash is BlockHash {
  return Number.isInteger(hash) || typeof hash === 'bigint' || hash instanceof Uint8Array;
}
