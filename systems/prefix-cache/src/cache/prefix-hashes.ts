/** Rolling hashes of prefixes, a count-min sketch over them, and a memory of prefixes whose state was evicted. */
import { fmix32 } from '@tenfold/core/base';

export const PREFIX_SEED = 0x2545f491;
const SKETCH_ROWS = 4;
const SKETCH_WIDTH = 1 << 14;
const SKETCH_SALTS = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f];
/** Counters are halved after this many additions, so that old traffic fades. */
const SKETCH_AGE = SKETCH_WIDTH * 8;
const GHOSTS = 4096;
const FILTER_BITS = 1 << 17;

/** Hash of a prefix extended by one token. */
export function extendHash(hash: number, token: number): number {
  return fmix32(Math.imul(hash ^ token, 0x01000193) ^ PREFIX_SEED);
}

/** Hash of tokens[0..end). */
export function hashOfPrefix(tokens: Int32Array, end = tokens.length): number {
  let hash = PREFIX_SEED;
  for (let i = 0; i < end; i++) hash = extendHash(hash, tokens[i]!);
  return hash;
}

/** Counts how often prefixes at multiples of `gridTokens` were seen; never under-estimates. */
export class PrefixSketch {
  readonly gridTokens: number;
  readonly #counts = new Uint16Array(SKETCH_ROWS * SKETCH_WIDTH);
  #additions = 0;

  constructor(gridTokens: number) {
    this.gridTokens = gridTokens;
  }

  /** Counts the prefixes of a request. @returns length of the longest that was seen before, 0 if none */
  observe(tokens: Int32Array): number {
    let hash = PREFIX_SEED;
    let longest = 0;
    for (let i = 0; i < tokens.length; i++) {
      hash = extendHash(hash, tokens[i]!);
      if ((i + 1) % this.gridTokens !== 0) continue;
      if (this.#add(hash) > 0) longest = i + 1;
    }
    return longest;
  }

  /** @returns the estimate before the addition */
  #add(hash: number): number {
    let estimate = Infinity;
    for (let row = 0; row < SKETCH_ROWS; row++) {
      const slot = row * SKETCH_WIDTH + (fmix32(hash ^ SKETCH_SALTS[row]!) & (SKETCH_WIDTH - 1));
      estimate = Math.min(estimate, this.#counts[slot]!);
      if (this.#counts[slot]! < 0xffff) this.#counts[slot]!++;
    }
    if (++this.#additions >= SKETCH_AGE) {
      for (let i = 0; i < this.#counts.length; i++) this.#counts[i]! >>= 1;
      this.#additions = 0;
    }
    return estimate;
  }
}

/** What is remembered of an evicted checkpoint. */
export interface EvictedMark {
  /** Number of the request that stored or used it last. */
  readonly lastRequest: number;
  /** See reuse-ages.ts. */
  readonly kind: number;
}

/** The last prefixes that lost their state: tells "evicted" from "never shared", and when they would have been used. */
export class EvictedPrefixes {
  readonly #marks = new Map<number, EvictedMark>();
  /** One bit a hash: most prefixes are ruled out without a look into the map. */
  readonly #filter = new Uint8Array(FILTER_BITS >> 3);
  #additions = 0;

  add(hash: number, mark: EvictedMark): void {
    this.#marks.delete(hash);
    this.#marks.set(hash, mark);
    if (this.#marks.size > GHOSTS) {
      const [oldest] = this.#marks.keys();
      this.#marks.delete(oldest!);
    }
    if (++this.#additions % GHOSTS === 0) {
      this.#filter.fill(0);
      for (const known of this.#marks.keys()) this.#allow(known);
    }
    this.#allow(hash);
  }

  /** The longest prefix of the tokens, longer than `from`, that lost its state. */
  findLongest(tokens: Int32Array, from = 0): { readonly length: number; readonly mark: EvictedMark } | undefined {
    if (this.#marks.size === 0) return undefined;
    const filter = this.#filter;
    let hash = PREFIX_SEED;
    let longest: { readonly length: number; readonly mark: EvictedMark } | undefined;
    for (let i = 0; i < tokens.length; i++) {
      hash = extendHash(hash, tokens[i]!);
      const bit = hash & (FILTER_BITS - 1);
      if ((filter[bit >> 3]! & (1 << (bit & 7))) === 0 || i < from) continue;
      const mark = this.#marks.get(hash);
      if (mark !== undefined) longest = { length: i + 1, mark };
    }
    return longest;
  }

  #allow(hash: number): void {
    const bit = hash & (FILTER_BITS - 1);
    this.#filter[bit >> 3]! |= 1 << (bit & 7);
  }
}
