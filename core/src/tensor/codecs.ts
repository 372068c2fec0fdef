/** Array conversions between the narrow floating formats and float32/float64: one tight loop per format. */
import { encodeFloat64, numberFromBits, SMALL_FLOATS, saturates } from './small-floats.ts';
import type { EncodeOptions, SmallFloatDtype } from './small-floats.ts';
import { tensorError } from './tensor-errors.ts';
import type { DtypeArrays } from './types.ts';

const F32_INFINITY_BITS = 0x7f800000;
const F32_MAGNITUDE_MASK = 0x7fffffff;
const BF16_QUIET_NAN = SMALL_FLOATS.bfloat16.nanBits;

/** Decodes bit patterns to float32, exactly.
 *  @param source  bit patterns
 *  @param target  at least as long as source; default: a new array
 *  @returns target
 *  Cost: O(N) time; float16 and the float8 formats look up a table of 2^16 or 2^8 values built on first use.   Mutates: target.
 *  @throws TF-TENSOR-001 if target is shorter than source */
export function decodeFloats(
  dtype: SmallFloatDtype,
  source: Uint16Array | Uint8Array,
  target: Float32Array = new Float32Array(source.length),
): Float32Array {
  assertFits('decodeFloats', source.length, target.length);
  const words = new Uint32Array(target.buffer, target.byteOffset, source.length);
  if (dtype === 'bfloat16') for (let i = 0; i < source.length; i++) words[i] = source[i] << 16;
  else {
    const table = decodeTable(dtype);
    for (let i = 0; i < source.length; i++) words[i] = table[source[i]];
  }
  return target;
}

/** Encodes float32 or float64 numbers, rounding once to nearest even.
 *  @param target  at least as long as source; default: a new array
 *  @returns target
 *  Cost: O(N).   Mutates: target.
 *  @throws TF-TENSOR-001 if target is shorter than source */
export function encodeFloats<D extends SmallFloatDtype>(
  dtype: D,
  source: Float32Array | Float64Array,
  target?: DtypeArrays[D],
  options: EncodeOptions = {},
): DtypeArrays[D] {
  const format = SMALL_FLOATS[dtype];
  const bits = target ?? (format.signShift === 15 ? new Uint16Array(source.length) : new Uint8Array(source.length));
  assertFits('encodeFloats', source.length, bits.length);
  if (source instanceof Float32Array) encodeFloat32Array(dtype, source, bits, saturates(dtype, options));
  else {
    const saturate = saturates(dtype, options);
    for (let i = 0; i < source.length; i++) bits[i] = encodeFloat64(format, source[i], saturate);
  }
  return bits as DtypeArrays[D];
}

function encodeFloat32Array(
  dtype: SmallFloatDtype,
  source: Float32Array,
  bits: Uint16Array | Uint8Array,
  saturate: boolean,
): void {
  const words = new Uint32Array(source.buffer, source.byteOffset, source.length);
  if (dtype === 'bfloat16') encodeBfloat16Words(words, bits);
  else encodeNarrowWords(dtype, words, bits, saturate);
}

/** bfloat16 is the upper half of a float32: adding 0x7fff plus the last kept bit rounds to nearest even, overflow included. */
function encodeBfloat16Words(words: Uint32Array, bits: Uint16Array | Uint8Array): void {
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    bits[i] =
      (word & F32_MAGNITUDE_MASK) > F32_INFINITY_BITS
        ? ((word >>> 16) & 0x8000) | BF16_QUIET_NAN
        : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
}

/** float16 and float8 from float32 words. Normal results: drop bits with the same rounding trick after moving the exponent's bias;
 *  subnormal results: shift the full significand by the distance to the smallest exponent. */
function encodeNarrowWords(
  dtype: SmallFloatDtype,
  words: Uint32Array,
  bits: Uint16Array | Uint8Array,
  saturate: boolean,
): void {
  const { mantissaBits, bias, signShift, maxBits, overflowBits, nanBits } = SMALL_FLOATS[dtype];
  const numDropped = 23 - mantissaBits;
  const halfLessOne = (1 << (numDropped - 1)) - 1;
  const biasShift = (127 - bias) << 23;
  const smallestNormalWord = (128 - bias) << 23;
  const overflow = saturate ? maxBits : overflowBits;
  const signDown = 31 - signShift;
  const signMask = 1 << signShift;
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    const magnitude = word & F32_MAGNITUDE_MASK;
    let result: number;
    if (magnitude >= smallestNormalWord) {
      if (magnitude > F32_INFINITY_BITS) result = nanBits;
      else {
        const rebased = magnitude - biasShift;
        result = (rebased + halfLessOne + ((rebased >>> numDropped) & 1)) >>> numDropped;
        if (result > maxBits) result = overflow;
      }
    } else {
      const exponent = magnitude >>> 23;
      const distance = numDropped + (128 - bias) - exponent; // bits of the 24-bit significand that fall away
      if (exponent === 0 || distance > 24) result = 0;
      else {
        const significand = 0x800000 | (magnitude & 0x7fffff);
        const kept = significand >>> distance;
        result = (significand + ((1 << (distance - 1)) - 1) + (kept & 1)) >>> distance;
      }
    }
    bits[i] = ((word >>> signDown) & signMask) | result;
  }
}

const decodeTables = new Map<SmallFloatDtype, Uint32Array>();

/** float32 words of every pattern of a format. */
function decodeTable(dtype: SmallFloatDtype): Uint32Array {
  let table = decodeTables.get(dtype);
  if (!table) {
    const values = Float32Array.from({ length: 2 << SMALL_FLOATS[dtype].signShift }, (_, bits) =>
      numberFromBits(dtype, bits),
    );
    decodeTables.set(dtype, (table = new Uint32Array(values.buffer)));
  }
  return table;
}

function assertFits(subject: string, needed: number, available: number): void {
  if (available >= needed) return;
  throw tensorError('TF-TENSOR-001', {
    subject,
    expected: `a target of at least ${needed} elements`,
    actual: `${available}`,
  });
}
