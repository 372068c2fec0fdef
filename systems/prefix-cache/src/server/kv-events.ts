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

/** Reads both encodings: maps with a type tag, and the older positional arrays. Unknown events are left out. */
export function decodeBatch(bytes: Uint8Array): KvEventBatch {
  // Numbers of 64 bits would lose digits as doubles.
  const raw = decode(bytes, { useBigInt64: true }) as { ts: number; events: unknown[] } | [number, unknown[]];
  const [ts, events] = Array.isArray(raw) ? raw : [raw.ts, raw.events];
  return { ts, events: events.map(eventFrom).filter((event) => event !== undefined) };
}

function eventFrom(raw: unknown): KvEvent | undefined {
  if (!Array.isArray(raw)) {
    const event = raw as KvEvent & { group_idx?: number };
    return event.type === 'AllBlocksCleared' ? event : { ...event, group_idx: event.group_idx ?? ATTENTION_GROUP };
  }
  const [type, hashes, second, tokens, blockSize, , medium = MEDIUM] = raw as [
    string,
    BlockHash[],
    unknown,
    number[],
    number,
    unknown,
    string?,
  ];
  if (type === 'AllBlocksCleared') return { type };
  if (type === 'BlockRemoved')
    return { type, block_hashes: hashes, medium: String(second ?? MEDIUM), group_idx: ATTENTION_GROUP };
  if (type !== 'BlockStored') return undefined;
  return {
    type,
    block_hashes: hashes,
    parent_block_hash: second as BlockHash | null,
    token_ids: tokens,
    block_size: blockSize,
    lora_id: null,
    medium,
    group_idx: ATTENTION_GROUP,
    kv_cache_spec_kind: KIND_OF_GROUP[ATTENTION_GROUP]!,
  };
}
