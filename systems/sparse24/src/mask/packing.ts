/** Masks as bytes: our mask file (two 2-bit places a block, as the hardware metadata), the packed bits of MaskLLM-style
 *  npz files (most significant bit first) and the bitmask of compressed-tensors (least significant bit first). */
import { sparseError } from '../sparse-errors.ts';
import type { Mask24 } from '../types.ts';
import { CODE_BITS, KEPT_FIRST, KEPT_SECOND } from './mask24.ts';

/** Two blocks a byte, low nibble first; a nibble holds first | second << 2. */
export function packCodes({ codes }: Mask24): Uint8Array {
  const packed = new Uint8Array(Math.ceil(codes.length / 2));
  for (let i = 0; i < codes.length; i++) {
    const nibble = KEPT_FIRST[codes[i]!]! | (KEPT_SECOND[codes[i]!]! << 2);
    packed[i >> 1] = packed[i >> 1]! | (i & 1 ? nibble << 4 : nibble);
  }
  return packed;
}

/** @throws TF-SPARSE-006 on a nibble that is no pair of places in order, or a length that does not fit */
export function unpackCodes(packed: Uint8Array, shape: readonly [number, number], location: string): Mask24 {
  const numBlocks = (shape[0] * shape[1]) / 4;
  const refuse = (expected: string, actual: string) =>
    sparseError('TF-SPARSE-006', { subject: 'unpackCodes', expected, actual, location });
  if (packed.length !== Math.ceil(numBlocks / 2))
    throw refuse(`${Math.ceil(numBlocks / 2)} bytes`, String(packed.length));
  const codes = new Uint8Array(numBlocks);
  for (let i = 0; i < numBlocks; i++) {
    const nibble = (packed[i >> 1]! >> (i & 1 ? 4 : 0)) & 15;
    const code = CODE_BITS.indexOf((1 << (nibble & 3)) | (1 << (nibble >> 2)));
    if (code < 0) throw refuse('two different places in every block', `nibble ${nibble} in block ${i}`);
    codes[i] = code;
  }
  return { shape, codes };
}

/** One bit a weight, eight to a byte. @param isMsbFirst  numpy.packbits order; else compressed-tensors' */
export function packBits({ codes }: Mask24, isMsbFirst: boolean): Uint8Array {
  const packed = new Uint8Array(Math.ceil(codes.length / 2));
  for (let i = 0; i < codes.length; i++) {
    const bits = CODE_BITS[codes[i]!]!;
    const shifted = i & 1 ? bits << 4 : bits;
    packed[i >> 1] = packed[i >> 1]! | shifted;
  }
  if (isMsbFirst) for (let i = 0; i < packed.length; i++) packed[i] = reversedByte(packed[i]!);
  return packed;
}

/** @throws TF-SPARSE-006 on a block that does not keep exactly two, or a length that does not fit */
export function unpackBits(packed: Uint8Array, shape: readonly [number, number], location: string): Mask24 {
  const numBlocks = (shape[0] * shape[1]) / 4;
  const refuse = (expected: string, actual: string) =>
    sparseError('TF-SPARSE-006', { subject: 'unpackBits', expected, actual, location });
  if (packed.length !== Math.ceil(numBlocks / 2))
    throw refuse(`${Math.ceil(numBlocks / 2)} bytes`, String(packed.length));
  const codes = new Uint8Array(numBlocks);
  for (let i = 0; i < numBlocks; i++) {
    const byte = reversedByte(packed[i >> 1]!);
    const bits = (i & 1 ? byte >> 4 : byte) & 15;
    const code = CODE_BITS.indexOf(bits);
    if (code < 0) throw refuse('exactly two kept weights in every block', `bits ${bits.toString(2)} in block ${i}`);
    codes[i] = code;
  }
  return { shape, codes };
}

/** The mask that masked weights show: their non-zeros, and where fewer than two are left, the first places.
 *  @throws TF-SPARSE-006 naming the first block with more than two non-zeros */
export function codesFromWeights(weights: Float32Array, location: string): Uint8Array {
  const codes = new Uint8Array(Math.floor(weights.length / 4));
  for (let block = 0; block < codes.length; block++) {
    let bits = 0;
    let count = 0;
    for (let i = 0; i < 4; i++) {
      if (weights[block * 4 + i] === 0) continue;
      bits |= 1 << i;
      count++;
    }
    for (let i = 0; i < 4 && count < 2; i++) {
      if (bits & (1 << i)) continue;
      bits |= 1 << i;
      count++;
    }
    if (count > 2) {
      throw sparseError('TF-SPARSE-006', {
        subject: 'codesFromWeights',
        expected: 'at most two non-zeros in every block',
        actual: `${count} in block ${block}`,
        location,
        hints: ['Is this the masked checkpoint, and masked along the inputs?'],
      });
    }
    codes[block] = CODE_BITS.indexOf(bits);
  }
  return codes;
}

function reversedByte(byte: number): number {
  let reversed = 0;
  for (let i = 0; i < 8; i++) if (byte & (1 << i)) reversed |= 128 >> i;
  return reversed;
}
