/** Snapshots of a cache on disk. The file is written beside the old one, synced and renamed, so that a crash at any moment
 *  leaves either the old snapshot or the new one. Every node carries a checksum: a damaged one is dropped with everything
 *  below it, and counted.
 *  Layout: magic, length of the header, header (JSON); then per node, parents first: length, FNV-1a of the body, body =
 *  [id, parent, flags, tokens, state bytes, kv bytes as u32 lengths], tokens (i32), state, kv. Little-endian. */
import { open, readFile, rename } from 'node:fs/promises';
import { fnv1a32Bytes } from '@tenfold/core/base';
import { prefixError } from '../prefix-errors.ts';
import type { ModelProfile } from '../types.ts';
import type { PrefixCache } from './prefix-cache.ts';

export interface BytesCodec<Value> {
  toBytes(value: Value): Uint8Array;
  fromBytes(bytes: Uint8Array): Value;
}

export interface SnapshotCodecs<State, Kv> {
  readonly state: BytesCodec<State>;
  readonly kv: BytesCodec<Kv>;
}

interface SnapshotHeader {
  readonly version: number;
  readonly profile: ModelProfile;
  readonly salts: readonly string[];
}

export interface RestoreOutcome {
  readonly restored: number;
  /** Damaged, or without their parents. */
  readonly dropped: number;
}

const MAGIC = 0x4e_41_4d_50;
const VERSION = 1;
const FIELDS = 6;
const WORD = 4;
const HAS_STATE = 1;

/** Writes the whole cache. Requests in flight are not part of it. */
export async function saveSnapshot<State, Kv>(
  cache: PrefixCache<State, Kv>,
  path: string,
  codecs: SnapshotCodecs<State, Kv>,
): Promise<void> {
  const header: SnapshotHeader = { version: VERSION, profile: cache.profile, salts: cache.salts };
  const headerBytes = new TextEncoder().encode(JSON.stringify(header));
  const parts: Uint8Array[] = [wordsOf([MAGIC, headerBytes.length, fnv1a32Bytes(headerBytes)]), headerBytes];
  for (const [index, salt] of cache.salts.entries()) {
    const root = cache.rootOf(salt)!;
    cache.tree.preorder(root, (node) => {
      const parent = cache.tree.parent[node]! === root ? -1 - index : cache.tree.parent[node]!;
      parts.push(...nodeParts(cache, node, parent, codecs));
    });
  }
  const temporary = `${path}.partial`;
  const file = await open(temporary, 'w');
  try {
    for (const part of parts) await file.writeFile(part);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

function nodeParts<State, Kv>(
  cache: PrefixCache<State, Kv>,
  node: number,
  parent: number,
  codecs: SnapshotCodecs<State, Kv>,
): Uint8Array[] {
  const { tree } = cache;
  const hasState = tree.hasState[node] === 1;
  const stateValue = cache.stateOf(node);
  const kvValue = cache.kvOf(node);
  const state = stateValue === undefined ? new Uint8Array(0) : codecs.state.toBytes(stateValue);
  const kv = kvValue === undefined ? new Uint8Array(0) : codecs.kv.toBytes(kvValue);
  const edge = tree.edgeOf(node).slice();
  const fields = wordsOf([node, parent, hasState ? HAS_STATE : 0, edge.length, state.length, kv.length]);
  const body = Buffer.concat([fields, new Uint8Array(edge.buffer), state, kv]);
  return [wordsOf([body.length, fnv1a32Bytes(body)]), body];
}

/** Fills an empty cache. What does not fit its capacity is left out.
 *  @throws TF-PREFIX-004 if the snapshot is of another model or version */
export async function restoreSnapshot<State, Kv>(
  cache: PrefixCache<State, Kv>,
  path: string,
  codecs: SnapshotCodecs<State, Kv>,
): Promise<RestoreOutcome> {
  const bytes = await readFile(path);
  const { header, end } = readHeader(bytes, path);
  assertSameModel(header, cache.profile, path);
  /** Whole token sequence and keys/values pieces of each restored node. */
  const paths = new Map<number, { readonly tokens: Int32Array; readonly kv: readonly Kv[]; readonly salt: string }>();
  for (const [index, salt] of header.salts.entries())
    paths.set(-1 - index, { tokens: new Int32Array(0), kv: [], salt });
  let [restored, dropped, at] = [0, 0, end];
  while (at + 2 * WORD <= bytes.length) {
    const [length, checksum] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + WORD)];
    const body = bytes.subarray(at + 2 * WORD, at + 2 * WORD + length);
    at += 2 * WORD + length;
    const isSound = body.length === length && length >= FIELDS * WORD && fnv1a32Bytes(body) === checksum;
    if (isSound && restoreNode(cache, body, paths, codecs)) restored++;
    else dropped++;
  }
  return { restored, dropped };
}

function restoreNode<State, Kv>(
  cache: PrefixCache<State, Kv>,
  body: Buffer,
  paths: Map<number, { readonly tokens: Int32Array; readonly kv: readonly Kv[]; readonly salt: string }>,
  codecs: SnapshotCodecs<State, Kv>,
): boolean {
  const [node, parent, flags, count, stateBytes, kvBytes] = Array.from({ length: FIELDS }, (_, i) =>
    body.readInt32LE(i * WORD),
  ) as [number, number, number, number, number, number];
  const above = paths.get(parent);
  if (above === undefined) return false;
  let at = FIELDS * WORD;
  const take = (length: number): Uint8Array => body.subarray(at, (at += length));
  const edge = new Int32Array(Uint8Array.from(take(count * WORD)).buffer);
  const state = stateBytes > 0 ? codecs.state.fromBytes(take(stateBytes)) : undefined;
  const kv = kvBytes > 0 ? codecs.kv.fromBytes(take(kvBytes)) : undefined;
  const tokens = new Int32Array(above.tokens.length + edge.length);
  tokens.set(above.tokens);
  tokens.set(edge, above.tokens.length);
  const entry = { tokens, kv: kv === undefined ? above.kv : [...above.kv, kv], salt: above.salt };
  paths.set(node, entry);
  if (flags !== HAS_STATE) return true;
  return cache.adoptCheckpoint(tokens, entry.salt, state, entry.kv);
}

function readHeader(bytes: Buffer, path: string): { readonly header: SnapshotHeader; readonly end: number } {
  const start = 3 * WORD;
  const length = bytes.length >= start && bytes.readUInt32LE(0) === MAGIC ? bytes.readUInt32LE(WORD) : -1;
  const text = length < 0 ? undefined : bytes.subarray(start, start + length);
  if (text === undefined || text.length !== length || fnv1a32Bytes(text) !== bytes.readUInt32LE(2 * WORD))
    throw prefixError('TF-PREFIX-004', {
      subject: 'restoreSnapshot',
      expected: 'a snapshot of this cache',
      actual: 'another or a damaged file',
      location: path,
    });
  return { header: JSON.parse(text.toString()) as SnapshotHeader, end: start + length };
}

function assertSameModel(header: SnapshotHeader, profile: ModelProfile, path: string): void {
  const differs = (field: string, expected: unknown, actual: unknown): Error =>
    prefixError('TF-PREFIX-004', {
      subject: 'restoreSnapshot',
      expected: `${field} ${String(expected)}`,
      actual: String(actual),
      location: path,
    });
  if (header.version !== VERSION) throw differs('version', VERSION, header.version);
  for (const field of [
    'name',
    'stateBytes',
    'stateBytesPerToken',
    'kvBytesPerToken',
    'linearFlops',
    'quadraticFlops',
  ] as const)
    if (header.profile[field] !== profile[field]) throw differs(field, profile[field], header.profile[field]);
}

function wordsOf(values: readonly number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(values).buffer);
}
