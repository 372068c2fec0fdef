/** Writes GGUF version 3, the file format of llama.cpp: metadata, then tensors at multiples of 32 bytes, little-endian. */

/** Values as their types are written; numbers are u32 unless said otherwise. */
export type GgufValue =
  | { readonly type: 'u32' | 'i32' | 'f32'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'i32s'; readonly value: readonly number[] };

export interface GgufTensor {
  readonly name: string;
  /** Row-major; the file lists it fastest first. */
  readonly shape: readonly number[];
  /** f32 values, or the bits of f16 values. */
  readonly data: Float32Array | Uint16Array;
}

const MAGIC = 'GGUF';
const VERSION = 3;
const ALIGNMENT = 32;
const TYPE = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const;
const TENSOR_F32 = 0;
const TENSOR_F16 = 1;

export function writeGguf(
  metadata: readonly (readonly [key: string, value: GgufValue])[],
  tensors: readonly GgufTensor[],
): Uint8Array {
  const head = new ByteWriter();
  head.bytes(new TextEncoder().encode(MAGIC));
  head.u32(VERSION);
  head.u64(tensors.length);
  head.u64(metadata.length);
  for (const [key, value] of metadata) {
    head.string(key);
    writeValue(head, value);
  }
  let offset = 0;
  for (const { name, shape, data } of tensors) {
    head.string(name);
    head.u32(shape.length);
    for (const size of shape.toReversed()) head.u64(size);
    head.u32(data instanceof Float32Array ? TENSOR_F32 : TENSOR_F16);
    head.u64(offset);
    offset += aligned(data.byteLength);
  }
  const start = aligned(head.length);
  const file = new Uint8Array(start + offset);
  file.set(head.finish());
  let at = start;
  for (const { data } of tensors) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += aligned(data.byteLength);
  }
  return file;
}

function writeValue(head: ByteWriter, entry: GgufValue): void {
  if (entry.type === 'strings') {
    head.u32(TYPE.array);
    head.u32(TYPE.string);
    head.u64(entry.value.length);
    for (const text of entry.value) head.string(text);
    return;
  }
  if (entry.type === 'i32s') {
    head.u32(TYPE.array);
    head.u32(TYPE.i32);
    head.u64(entry.value.length);
    for (const number of entry.value) head.u32(number >>> 0);
    return;
  }
  head.u32(TYPE[entry.type]);
  if (entry.type === 'string') head.string(entry.value);
  else if (entry.type === 'bool') head.bytes(Uint8Array.of(entry.value ? 1 : 0));
  else if (entry.type === 'f32') head.bytes(new Uint8Array(Float32Array.of(entry.value).buffer));
  else head.u32(entry.value >>> 0);
}

function aligned(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

class ByteWriter {
  readonly #parts: Uint8Array[] = [];
  length = 0;

  bytes(part: Uint8Array): void {
    this.#parts.push(part);
    this.length += part.length;
  }

  u32(value: number): void {
    this.bytes(new Uint8Array(Uint32Array.of(value).buffer));
  }

  u64(value: number): void {
    this.bytes(new Uint8Array(BigUint64Array.of(BigInt(value)).buffer));
  }

  string(text: string): void {
    const encoded = new TextEncoder().encode(text);
    this.u64(encoded.length);
    this.bytes(encoded);
  }

  finish(): Uint8Array {
    return Buffer.concat(this.#parts);
  }
}
