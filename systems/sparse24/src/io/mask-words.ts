/** Masking stored bytes in place, whatever the float type: the order of magnitudes is the order of the bits without sign,
 *  so 16- and 32-bit floats are compared as integers and kept weights keep their bits. */
import { sparseError } from '../sparse-errors.ts';
import { KEPT_FIRST, KEPT_SECOND } from '../mask/mask24.ts';
import { createMaskMemory, type MaskMemory } from './mask-kernels.ts';
import { CHUNK_BYTES, STREAM_BYTES } from './mask-stream.ts';

export type StoredDtype = 'float32' | 'float16' | 'bfloat16';

export const SIGNLESS: Readonly<Record<StoredDtype, number>> = {
  float32: 0x7fffffff,
  float16: 0x7fff,
  bfloat16: 0x7fff,
};
/** Bits without sign from here on are infinities and NaN. */
const FIRST_NOT_FINITE: Readonly<Record<StoredDtype, number>> = {
  float32: 0x7f800000,
  float16: 0x7c00,
  bfloat16: 0x7f80,
};

const PAIR_BYTES = 32;

/** Memory for a stream's chunks, the packed places of one, and a block at the end. */
export function createStreamMemory(): MaskMemory {
  return createMaskMemory(STREAM_BYTES + CHUNK_BYTES / 16 + PAIR_BYTES);
}

export type Words = Uint16Array | Uint32Array;

export function wordsOf(bytes: Uint8Array, dtype: StoredDtype): Words {
  return dtype === 'float32'
    ? new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
    : new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
}

/** Zeroes the two smallest of every four and notes what stayed, two places a block, two blocks a byte; of two equal ones
 *  the earlier stays.   Mutates: bytes, which lie in the memory.
 *  @param packed  [⌈blocks / 2⌉] written
 *  @throws TF-SPARSE-002 naming a weight that is not finite */
export function maskByMagnitude(
  memory: MaskMemory,
  bytes: Uint8Array,
  dtype: StoredDtype,
  packed: Uint8Array,
  location: { readonly name: string; readonly start: number },
): void {
  const width = dtype === 'float32' ? 4 : 2;
  const { buffer, byteOffset, length } = memory.bytes;
  const packedAt = byteOffset + STREAM_BYTES;
  const tail = new Uint8Array(buffer, byteOffset + length - PAIR_BYTES, PAIR_BYTES);
  const whole = bytes.length - (bytes.length % (8 * width));
  let largest = memory.mask(width, bytes.byteOffset, whole / width, packedAt);
  if (whole < bytes.length) {
    // A single block at the end, with an empty one behind it.
    tail.fill(0).set(bytes.subarray(whole));
    largest = Math.max(largest, memory.mask(width, tail.byteOffset, 8, packedAt + whole / (8 * width)));
    bytes.set(tail.subarray(0, bytes.length - whole), whole);
  }
  packed.set(new Uint8Array(buffer, packedAt, packed.length));
  if (whole < bytes.length) packed[packed.length - 1]! &= 15;
  if (largest >= FIRST_NOT_FINITE[dtype]) throw notFinite(wordsOf(bytes, dtype), dtype, location);
}

/** Zeroes what the mask leaves out.  Mutates: words. */
export function maskByCodes(words: Words, codes: Uint8Array): void {
  for (let block = 0, at = 0; block < codes.length; block++, at += 4) {
    const first = at + KEPT_FIRST[codes[block]!]!;
    const second = at + KEPT_SECOND[codes[block]!]!;
    const [low, high] = [words[first]!, words[second]!];
    words[at] = words[at + 1] = words[at + 2] = words[at + 3] = 0;
    words[first] = low;
    words[second] = high;
  }
}

function notFinite(
  words: Words,
  dtype: StoredDtype,
  { name, start }: { readonly name: string; readonly start: number },
): Error {
  const at = words.findIndex((word: number) => (word & SIGNLESS[dtype]) >= FIRST_NOT_FINITE[dtype]);
  return sparseError('TF-SPARSE-002', {
    subject: 'mask',
    expected: 'finite weights',
    actual: 'NaN or infinity',
    location: `tensor "${name}", element ${start + at}`,
  });
}
