/** The four narrow floating formats: one table of bit layouts and the scalar conversions.
 *
 *  value = (−1)^s · 2^(e − bias) · (1 + m / 2^M) for e > 0, and (−1)^s · 2^(1 − bias) · m / 2^M for e = 0.
 *  Encoding rounds a float64 once, to nearest with ties to even; a float32 is a float64, so it rounds once too.
 *  Sources: IEEE 754-2019 (binary16); Micikevicius et al. 2022, FP8 Formats for Deep Learning (arXiv 2209.05433). */
import type { Dtype } from './types.ts';

export type SmallFloatDtype = 'float16' | 'bfloat16' | 'float8e4m3fn' | 'float8e5m2';

export interface SmallFloatFormat {
  readonly mantissaBits: number;
  readonly bias: number;
  /** Where the sign bit stands; also the total number of bits less one. */
  readonly signShift: number;
  /** Pattern of the largest finite value. */
  readonly maxBits: number;
  /** Pattern that an overflow gets when it does not saturate: infinity, or NaN where the format has none. */
  readonly overflowBits: number;
  readonly hasInfinity: boolean;
  readonly nanBits: number;
}

export interface EncodeOptions {
  /** True: the two float8 formats clamp values beyond the range and infinities to the largest finite value, as ONNX Cast does by default.
   *  False: they become infinity (e5m2) or NaN (e4m3fn), as in PyTorch. float16 and bfloat16 always overflow to infinity. Default true. */
  readonly saturate?: boolean;
}

export const SMALL_FLOATS = {
  float16: {
    mantissaBits: 10,
    bias: 15,
    signShift: 15,
    maxBits: 0x7bff,
    overflowBits: 0x7c00,
    hasInfinity: true,
    nanBits: 0x7e00,
  },
  bfloat16: {
    mantissaBits: 7,
    bias: 127,
    signShift: 15,
    maxBits: 0x7f7f,
    overflowBits: 0x7f80,
    hasInfinity: true,
    nanBits: 0x7fc0,
  },
  float8e4m3fn: {
    mantissaBits: 3,
    bias: 7,
    signShift: 7,
    maxBits: 0x7e,
    overflowBits: 0x7f,
    hasInfinity: false,
    nanBits: 0x7f,
  },
  float8e5m2: {
    mantissaBits: 2,
    bias: 15,
    signShift: 7,
    maxBits: 0x7b,
    overflowBits: 0x7c,
    hasInfinity: true,
    nanBits: 0x7f,
  },
} as const satisfies Readonly<Record<SmallFloatDtype, SmallFloatFormat>>;

const F64_BIAS = 1023;
const F64_EXPONENT_MASK = 0x7ff;
/** Mantissa bits of a float64 that stand in its high word. */
const F64_HIGH_MANTISSA_BITS = 20;

const float64Scratch = new Float64Array(1);
const wordScratch = new Uint32Array(float64Scratch.buffer);

/** Whether the dtype is one of the four narrow floating formats. */
export function isSmallFloat(dtype: Dtype): dtype is SmallFloatDtype {
  return dtype in SMALL_FLOATS;
}

/** The bit pattern of a number in a narrow format, rounded once to nearest even. The sign of zero and of NaN is kept. */
export function bitsFromNumber(dtype: SmallFloatDtype, value: number, options: EncodeOptions = {}): number {
  return encodeFloat64(SMALL_FLOATS[dtype], value, saturates(dtype, options));
}

/** The exact value of a bit pattern. Every value of the four formats is a float32. */
export function numberFromBits(dtype: SmallFloatDtype, bits: number): number {
  const { mantissaBits, bias, signShift, hasInfinity, overflowBits, nanBits } = SMALL_FLOATS[dtype];
  const sign = (bits >>> signShift) & 1 ? -1 : 1;
  const magnitude = bits & ((1 << signShift) - 1);
  if (hasInfinity && magnitude === overflowBits) return sign * Infinity;
  if (hasInfinity ? magnitude > overflowBits : magnitude === nanBits) return NaN;
  const exponent = magnitude >>> mantissaBits;
  const mantissa = magnitude & ((1 << mantissaBits) - 1);
  if (exponent === 0) return sign * mantissa * 2 ** (1 - bias - mantissaBits);
  return sign * ((1 << mantissaBits) + mantissa) * 2 ** (exponent - bias - mantissaBits);
}

/** Whether overflow clamps in this format under these options. */
export function saturates(dtype: SmallFloatDtype, { saturate = true }: EncodeOptions): boolean {
  return saturate && SMALL_FLOATS[dtype].signShift === 7;
}

/** Rounds a float64 to a format. Invariant: `sig` holds the top 21 bits of the significand, `isSticky` whether anything is below. */
export function encodeFloat64(format: SmallFloatFormat, value: number, saturate: boolean): number {
  float64Scratch[0] = value;
  const high = wordScratch[1];
  const low = wordScratch[0];
  const sign = (high >>> 31) << format.signShift;
  const biasedExponent = (high >>> F64_HIGH_MANTISSA_BITS) & F64_EXPONENT_MASK;
  if (biasedExponent === F64_EXPONENT_MASK) {
    if ((high & 0xfffff) !== 0 || low !== 0) return sign | format.nanBits;
    return sign | (saturate ? format.maxBits : format.overflowBits);
  }
  if (biasedExponent === 0) return sign; // below 2^-1022: less than half of any format's smallest value
  const targetExponent = biasedExponent - F64_BIAS + format.bias;
  const sig = (1 << F64_HIGH_MANTISSA_BITS) | (high & 0xfffff);
  const isSticky = low !== 0;
  let numDropped = F64_HIGH_MANTISSA_BITS - format.mantissaBits;
  if (targetExponent < 1) numDropped += 1 - targetExponent;
  if (numDropped > F64_HIGH_MANTISSA_BITS + 1) return sign;
  const kept = sig >>> numDropped;
  const rest = sig & ((1 << numDropped) - 1);
  const half = 1 << (numDropped - 1);
  const roundsUp = rest > half || (rest === half && (isSticky || (kept & 1) === 1));
  // For normal numbers `kept` carries the hidden bit, which adds one to the exponent field; a mantissa carry does the same.
  const exponentField = targetExponent < 1 ? 0 : (targetExponent - 1) << format.mantissaBits;
  const magnitude = exponentField + kept + (roundsUp ? 1 : 0);
  if (magnitude > format.maxBits) return sign | (saturate ? format.maxBits : format.overflowBits);
  return sign | magnitude;
}
