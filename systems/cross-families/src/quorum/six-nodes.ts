/** Monotone functions of six alike-able nodes up to symmetry, on two 32-bit words (low: node 5 down, high: node 5 up). */
import { allMonotone } from './monotone.ts';

export interface WideTable {
  readonly low: number;
  readonly high: number;
}

/** Delta-swap masks: sets that hold node i and not node i + 1, within 32 bits. */
const SWAP_MASKS = [0x22222222, 0x0c0c0c0c, 0x00f000f0, 0x0000ff00];

/** One representative per class under permutations that keep alike nodes alike.
 *  @param classOf  nodes with equal numbers may be exchanged; alike nodes must be neighbours
 *  Cost: the 7.8 million functions are made; a class keeps the least table. */
export function* sixNodeClasses(classOf: readonly number[]): Generator<WideTable> {
  const five = Uint32Array.from(allMonotone(5));
  const permutations = classPermutations(classOf);
  const neighbours = [0, 1, 2, 3].filter((i) => classOf[i] === classOf[i + 1]);
  const topSwaps = classOf[4] === classOf[5];
  for (const low of five) {
    for (const high of five) {
      if ((low & ~high) !== 0) continue;
      if ((low === 0 && high === 0) || (low === 0xffffffff && high === 0xffffffff)) continue;
      if (!neighbours.every((i) => !lessPair(swapNeighbours(low, i), swapNeighbours(high, i), low, high))) continue;
      if (topSwaps) {
        // Exchange of nodes 4 and 5: the sets with node 4 alone and node 5 alone change places.
        const swappedLow = ((low & 0x0000ffff) | (high << 16)) >>> 0;
        const swappedHigh = ((low >>> 16) | (high & 0xffff0000)) >>> 0;
        if (lessPair(swappedLow, swappedHigh, low, high)) continue;
      }
      if (isLeast(low, high, permutations)) yield { low, high };
    }
  }
}

function swapNeighbours(word: number, i: number): number {
  const mask = SWAP_MASKS[i]!;
  const shift = 1 << i;
  // Bits under the mask move up by 2^i, their partners down.
  const up = (word & mask) << shift;
  const down = (word >>> shift) & mask;
  return ((word & ~(mask | (mask << shift))) | up | down) >>> 0;
}

function isLess(a: number, b: number): boolean {
  return a >>> 0 < b >>> 0;
}

function lessPair(aLow: number, aHigh: number, bLow: number, bHigh: number): boolean {
  return aHigh >>> 0 === bHigh >>> 0 ? isLess(aLow, bLow) : isLess(aHigh, bHigh);
}

/** Images of all 64 node sets under each permutation that keeps the classes. */
function classPermutations(classOf: readonly number[]): Uint8Array[] {
  const found: Uint8Array[] = [];
  const grow = (map: number[]): void => {
    if (map.length === 6) {
      found.push(
        Uint8Array.from({ length: 64 }, (_, set) =>
          map.reduce((image, to, from) => image | (((set >> from) & 1) << to), 0),
        ),
      );
      return;
    }
    for (let to = 0; to < 6; to++) if (!map.includes(to) && classOf[to] === classOf[map.length]) grow([...map, to]);
  };
  grow([]);
  return found;
}

function isLeast(low: number, high: number, permutations: readonly Uint8Array[]): boolean {
  for (const image of permutations) {
    let mappedLow = 0;
    let mappedHigh = 0;
    for (let set = 0; set < 32; set++) {
      if ((low >>> set) & 1) {
        const to = image[set]!;
        if (to < 32) mappedLow |= 1 << to;
        else mappedHigh |= 1 << (to - 32);
      }
      if ((high >>> set) & 1) {
        const to = image[set + 32]!;
        if (to < 32) mappedLow |= 1 << to;
        else mappedHigh |= 1 << (to - 32);
      }
    }
    if (lessPair(mappedLow, mappedHigh, low, high)) return false;
  }
  return true;
}
