/** Rolling hashes of prefixes, a count-min sketch over them, and a ring of prefixes whose state was evicted. */
import { fmix32 } from '@tenfold/core/base';

export const PREFIX_SEED = 0x2545f491;
const SKETCH_ROWS = 4;
const SKETCH_WIDTH = 1 << 14;
const SKETCH_SALTS = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f];
/** Counters are halved after this many additions, so that old traffic fades. */
const SKETCH_AGE = SKETCH_WIDTH * 8;
const GHOSTS = 4096;

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

/** The last prefixes that lost their state, to tell "evicted" from "never shared". */
export class EvictedPrefixes {
  readonly #ring = new Float64Array(GHOSTS).fill(-1);
  readonly #known = new Map<number, number>();
  #next = 0;

  add(hash: number): void {
    const old = this.#ring[this.#next]!;
    if (old >= 0) {
      const count = this.#known.get(old)! - 1;
      if (count > 0) this.#known.set(old, count);
      else this.#known.delete(old);
    }
    this.#ring[this.#next] = hash;
    this.#known.set(hash, (this.#known.get(hash) ?? 0) + 1);
    this.#next = (this.#next + 1) % GHOSTS;
  }

  /** @returns length of the longest prefix of the tokens that lost its state, 0 if none */
  longestOf(tokens: Int32Array): number {
    if (this.#known.size === 0) return 0;
    let hash = PREFIX_SEED;
    let longest = 0;
    for (let i = 0; i < tokens.length; i++) {
      hash = extendHash(hash, tokens[i]!);
      if (this.#known.has(hash)) longest = i + 1;
    }
    return longest;
  }
}
