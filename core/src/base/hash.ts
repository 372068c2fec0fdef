/** Small non-cryptographic hashes (32-bit) and a stable content hash.
 *  fmix32: finaliser of MurmurHash3 (Appleby, public domain). fnv1a32: Fowler-Noll-Vo. */

const FNV_OFFSET_32 = 0x811c9dc5;
const FNV_PRIME_32 = 0x01000193;

const textEncoder = new TextEncoder();

/** 32-bit FNV-1a over the UTF-8 bytes of a text. @returns unsigned 32-bit integer */
export function fnv1a32(text: string): number {
  return fnv1a32Bytes(textEncoder.encode(text));
}

/** 32-bit FNV-1a over bytes. @returns unsigned 32-bit integer */
export function fnv1a32Bytes(bytes: Uint8Array): number {
  let hash = FNV_OFFSET_32;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, FNV_PRIME_32);
  return hash >>> 0;
}

/** MurmurHash3 finaliser: a bijection of 32-bit integers. @returns unsigned 32-bit integer */
export function fmix32(x: number): number {
  x ^= x >>> 16;
  x = Math.imul(x, 0x85ebca6b);
  x ^= x >>> 13;
  x = Math.imul(x, 0xc2b2ae35);
  x ^= x >>> 16;
  return x >>> 0;
}

/** Second, independent finaliser (shifts 12/15/16 after adding the golden ratio). @returns unsigned 32-bit integer */
export function fmix32Second(x: number): number {
  x = (x + 0x9e3779b9) | 0;
  x ^= x >>> 16;
  x = Math.imul(x, 0x2c1b3c6d);
  x ^= x >>> 12;
  x = Math.imul(x, 0x297a2d39);
  x ^= x >>> 15;
  return x >>> 0;
}
