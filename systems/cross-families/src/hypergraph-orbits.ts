/** Burnside counts of the extremal worlds that hold a power of two of tuples (spec §2.2, case 3).
 *
 *  complement: any k-uniform family except none and all, up to S_n; complement-swap: the same with k = n/2 and the two
 *  families exchangeable; halving: one set of every complementary pair, up to S_n. */
import { binomial } from './binomial.ts';
import { complement } from './point-sets.ts';
import { lexPrefix } from './order.ts';

interface HypergraphWorld {
  readonly n: number;
  readonly k: number;
  readonly world: 'complement' | 'complement-swap' | 'halving';
}

/** Sets per permutation up to which the count is made: C(14, 7). */
const MAX_SETS = 3432n;

/** Number of orbits; undefined above 3,432 sets.  Cost: O(partitions of n · C(n, k)). */
export function countHypergraphOrbits({ n, k, world }: HypergraphWorld): bigint | undefined {
  if (binomial(n, k) > MAX_SETS) return undefined;
  const sets = [...lexPrefix(n, k, binomial(n, k))];
  const indexOf = new Map(sets.map((set, index) => [set.join(','), index]));
  const complements = sets.map((set) => indexOf.get(complement(n, set).join(',')) ?? -1);
  let total = 0n;
  let order = 0n;
  for (const cycles of partitions(n)) {
    const { map, numPermutations } = permutationOfType(n, cycles);
    const image = sets.map((set) =>
      indexOf.get(
        [...set]
          .map((e) => map[e]!)
          .sort((a, b) => a - b)
          .join(','),
      )!,
    );
    if (world === 'halving') total += numPermutations * invariantHalvings(image, complements);
    else total += numPermutations * (2n ** BigInt(cycleLengths(image).length) - 2n);
    order += numPermutations;
    if (world !== 'complement-swap') continue;
    // Exchange of the families: A ∈ F_1 exactly when (π⁻¹A)^c ∉ F_1, so every cycle of the map must be even.
    const twisted = cycleLengths(image.map((index) => complements[index]!));
    if (twisted.every((length) => length % 2 === 0)) total += numPermutations * 2n ** BigInt(twisted.length);
    order += numPermutations;
  }
  return total / order;
}

/** Families fixed by a permutation that take one set of each complementary pair. */
function invariantHalvings(image: readonly number[], complements: readonly number[]): bigint {
  const cycleOf = new Int32Array(image.length).fill(-1);
  let numCycles = 0;
  for (let start = 0; start < image.length; start++) {
    if (cycleOf[start]! >= 0) continue;
    for (let at = start; cycleOf[at]! < 0; at = image[at]!) cycleOf[at] = numCycles;
    numCycles++;
  }
  for (let index = 0; index < image.length; index++) if (cycleOf[index] === cycleOf[complements[index]!]) return 0n;
  return 2n ** BigInt(numCycles / 2);
}

function cycleLengths(image: readonly number[]): number[] {
  const seen = new Uint8Array(image.length);
  const lengths: number[] = [];
  for (let start = 0; start < image.length; start++) {
    let length = 0;
    for (let at = start; !seen[at]; at = image[at]!) {
      seen[at] = 1;
      length++;
    }
    if (length > 0) lengths.push(length);
  }
  return lengths;
}

function permutationOfType(n: number, cycles: readonly number[]): { map: number[]; numPermutations: bigint } {
  const map = [0];
  let start = 1;
  let centraliser = 1n;
  const multiplicity = new Map<number, number>();
  for (const length of cycles) {
    for (let offset = 0; offset < length; offset++) map[start + offset] = start + ((offset + 1) % length);
    start += length;
    const seen = (multiplicity.get(length) ?? 0) + 1;
    multiplicity.set(length, seen);
    centraliser *= BigInt(length) * BigInt(seen);
  }
  return { map, numPermutations: factorial(n) / centraliser };
}

function factorial(n: number): bigint {
  let value = 1n;
  for (let i = 2; i <= n; i++) value *= BigInt(i);
  return value;
}

function* partitions(n: number, largest = n): Generator<number[]> {
  if (n === 0) {
    yield [];
    return;
  }
  for (let part = Math.min(n, largest); part >= 1; part--)
    for (const rest of partitions(n - part, part)) yield [part, ...rest];
}
