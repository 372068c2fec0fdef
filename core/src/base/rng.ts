/** Counter-based random numbers: value i of stream s depends on (s, i) alone, so any slice can be made
 *  on its own, in any order, bit-identical in TypeScript, Python and on GPUs (integers and one multiply).
 *
 *  h = fmix32(i ^ s), g = fmix32Second(h); for i ≥ 2³² the high word is mixed first.
 *  normal: (sum of the four 16-bit halves of h and g − 131070) · σ / 37837.2 in f64, rounded once to f32
 *  (Irwin-Hall of order 4: mean 0, variance 1, kurtosis 2.70, range ±3.46).
 *  uniform: h · 2⁻³². Integers: h mod n.  Source: TTrace (arXiv 2506.09280) needs a consistent generator; this one is ours. */
import { fmix32, fmix32Second, fnv1a32 } from './hash.ts';

/** Sum of four uniform 16-bit integers: mean 4·65535/2, standard deviation 37837.2. */
const IRWIN_HALL_MEAN = 131070;
const IRWIN_HALL_STD = 37837.2;
const TWO_POW_32 = 2 ** 32;

/** Stream id of a named tensor or purpose under a seed. @returns unsigned 32-bit integer */
export function streamFromId(id: string, seed: number): number {
  return (fnv1a32(id) ^ seed) >>> 0;
}

/** First hash word of counter i in a stream. @param index non-negative integer below 2⁵³ */
export function counterHash(stream: number, index: number): number {
  if (index < TWO_POW_32) return fmix32(index ^ stream);
  const high = Math.floor(index / TWO_POW_32);
  return fmix32((index >>> 0) ^ fmix32(high ^ stream));
}

/** Standard normal (Irwin-Hall 4) scaled by σ, as f64 before rounding to f32. */
export function normalAt(stream: number, index: number, sigma = 1): number {
  const h = counterHash(stream, index);
  const g = fmix32Second(h);
  const sum = (h >>> 16) + (h & 0xffff) + (g >>> 16) + (g & 0xffff) - IRWIN_HALL_MEAN;
  return (sum * sigma) / IRWIN_HALL_STD;
}

/** Uniform in [0, 1). */
export function uniformAt(stream: number, index: number): number {
  return counterHash(stream, index) / TWO_POW_32;
}

/** Integer in [0, n); n ≤ 2³². */
export function integerAt(stream: number, index: number, n: number): number {
  return counterHash(stream, index) % n;
}

/** A sequential reader of one counter stream, for code that wants "the next number". */
export interface Rng {
  readonly seed: number;
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Standard normal (Irwin-Hall 4). */
  normal(): number;
  /** Integer in [0, n). */
  integer(n: number): number;
  /** Fisher-Yates in place; returns its argument. */
  shuffle<T extends { length: number; [index: number]: unknown }>(items: T): T;
  /** An independent generator named by purpose; does not advance this one. */
  fork(purpose: string): Rng;
}

/** Creates a generator. @param seed any integer @param purpose names the stream */
export function createRng(seed: number, purpose = ''): Rng {
  // Mixed, so that neighbouring seeds do not read the same block of counters in another order.
  const stream = fmix32(fmix32Second(seed) ^ fnv1a32(purpose));
  let index = 0;
  const rng: Rng = {
    seed,
    uniform: () => uniformAt(stream, index++),
    normal: () => normalAt(stream, index++),
    integer: (n) => integerAt(stream, index++, n),
    shuffle(items) {
      for (let i = items.length - 1; i > 0; i--) {
        const j = rng.integer(i + 1);
        const swapped = items[i];
        items[i] = items[j];
        items[j] = swapped;
      }
      return items;
    },
    fork: (childPurpose) => createRng(seed, `${purpose}/${childPurpose}`),
  };
  return rng;
}
