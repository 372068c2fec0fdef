/** When checkpoints are used again: learned from the requests, per kind of checkpoint, in requests since the last use.
 *  From it, for an age a: P(a), the chance that a checkpoint of this age is used at all, and W(a), how many requests that
 *  takes on average. Evicted checkpoints count too (see prefix-hashes.ts), so that what the cache could not keep is learned.
 *  After the idea of least-hit-density eviction (Beckmann, Chen, Cidon, NSDI 2018), with ages in requests, kinds of a
 *  prefix tree and a scale-free prior. */

/** Ages below this have a bucket each; beyond, four buckets an octave. */
const LINEAR_AGES = 32;
const BUCKETS_PER_OCTAVE = 4;
const OCTAVES = 16;
const NUM_BUCKETS = LINEAR_AGES + BUCKETS_PER_OCTAVE * OCTAVES;
/** What is known before the first request weighs as much as so many checkpoints. */
const PRIOR_WEIGHT = 2;
/** Chance of reuse before the first request, by kind. */
const PRIOR_CHANCE = [0.5, 0.5, 0.5, 0.2, 0.4, 0.5];
const HALF_LIFE_REQUESTS = 5000;
const DECAY = 0.5 ** (1 / HALF_LIFE_REQUESTS);
/** Checkpoints that were used twice or more are one kind. */
const USE_KINDS = 3;
const NUM_KINDS = PRIOR_CHANCE.length;

const AGE_OF_BUCKET = Float64Array.from({ length: NUM_BUCKETS }, (_, bucket) =>
  bucket < LINEAR_AGES ? bucket : LINEAR_AGES * 2 ** ((bucket - LINEAR_AGES + 0.5) / BUCKETS_PER_OCTAVE),
);
/** Ages are as likely as 1 / (1 + age), before anything is known. */
const PRIOR_OF_BUCKET = priorOfBuckets();

/** Kind of a checkpoint: whether a longer one continues it, and how often it was used. */
export function reuseKind(isContinued: boolean, uses: number): number {
  return (isContinued ? USE_KINDS : 0) + Math.min(uses, USE_KINDS - 1);
}

export class ReuseAges {
  /** [kind][bucket]: fading counts of reuses at that age. */
  readonly #reuses = tables();
  /** [kind]: fading counts of checkpoints that became of this kind. */
  readonly #started = new Float64Array(NUM_KINDS);
  /** [kind][bucket]: P(a) / √(1 + W(a)). */
  readonly #density = tables();
  #scale = 1;
  #isFresh = false;

  /** A checkpoint was stored, used, or continued by a longer one: from now on it is of this kind. */
  start(kind: number): void {
    this.#started[kind]! += this.#scale;
    this.#isFresh = false;
  }

  /** A request used, or would have used, a checkpoint of this kind. */
  reuse(kind: number, age: number): void {
    this.#reuses[kind]![bucketOf(age)]! += this.#scale;
    this.#isFresh = false;
  }

  /** Call once a request: newer counts weigh more. */
  fade(): void {
    this.#scale /= DECAY;
    if (this.#scale < MAX_SCALE) return;
    for (const table of [...this.#reuses, this.#started])
      for (let i = 0; i < table.length; i++) table[i]! /= this.#scale;
    this.#scale = 1;
  }

  /** P(a) / √(1 + W(a)) of a checkpoint; call `refresh` after the last change. */
  density(kind: number, age: number): number {
    return this.#density[kind]![bucketOf(age)]!;
  }

  /** Brings `density` up to date. Cost: O(kinds · buckets) if anything changed. */
  refresh(): void {
    if (this.#isFresh) return;
    this.#isFresh = true;
    for (let kind = 0; kind < NUM_KINDS; kind++) {
      const reuses = this.#reuses[kind]!;
      let total = 0;
      for (const count of reuses) total += count;
      const unused = Math.max(0, this.#started[kind]! - total) / this.#scale + PRIOR_WEIGHT * (1 - PRIOR_CHANCE[kind]!);
      // Sums over all ages from this bucket on.
      let [later, laterAge] = [0, 0];
      for (let bucket = NUM_BUCKETS - 1; bucket >= 0; bucket--) {
        const age = AGE_OF_BUCKET[bucket]!;
        const count = reuses[bucket]! / this.#scale + PRIOR_WEIGHT * PRIOR_CHANCE[kind]! * PRIOR_OF_BUCKET[bucket]!;
        later += count;
        laterAge += count * age;
        const chance = later / (later + unused);
        const wait = Math.max(0, laterAge / later - age);
        this.#density[kind]![bucket] = chance / Math.sqrt(1 + wait);
      }
    }
  }
}

/** Counts are scaled back before they lose digits. */
const MAX_SCALE = 1e6;

function bucketOf(age: number): number {
  if (age < LINEAR_AGES) return age | 0;
  const bucket = LINEAR_AGES + Math.floor(Math.log2(age / LINEAR_AGES) * BUCKETS_PER_OCTAVE);
  return bucket < NUM_BUCKETS ? bucket : NUM_BUCKETS - 1;
}

function tables(): Float64Array[] {
  return Array.from({ length: NUM_KINDS }, () => new Float64Array(NUM_BUCKETS));
}

function priorOfBuckets(): Float64Array {
  const octaveShare = 1 / BUCKETS_PER_OCTAVE;
  const prior = AGE_OF_BUCKET.map(
    (age, bucket) => (bucket < LINEAR_AGES ? 1 : age * Math.LN2 * octaveShare) / (1 + age),
  );
  const total = prior.reduce((sum, value) => sum + value, 0);
  return prior.map((value) => value / total);
}
