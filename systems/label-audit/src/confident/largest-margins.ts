/** The n largest numbers of each of many streams, with memory for at most 2n of each. */
import { selectSmallest } from './select.ts';

/** Keeps, for each stream s, the wanted[s] largest numbers offered; a full buffer is cut to its upper half in linear time. */
export interface LargestOfStreams {
  offer(stream: number, value: number): void;
  /** The wanted[s]-th largest number offered; −∞ if fewer were offered, +∞ if none is wanted. */
  cutOf(stream: number): number;
  /** How many of the wanted[s] largest equal the cut; after cutOf. */
  numAtCut(stream: number): number;
  /** Whether at least wanted[s] numbers were offered. */
  isFilled(stream: number): boolean;
}

/** @param wanted  [S] whole numbers; 0 or less: the stream is ignored */
export function createLargestOfStreams(wanted: ArrayLike<number>): LargestOfStreams {
  const starts = new Float64Array(wanted.length + 1);
  for (let s = 0; s < wanted.length; s++) starts[s + 1] = starts[s] + 2 * Math.max(wanted[s], 0);
  const kept = new Float64Array(starts[wanted.length]);
  const numKept = new Uint32Array(wanted.length);
  const cuts = new Float64Array(wanted.length).fill(Infinity);
  for (let s = 0; s < wanted.length; s++) if (wanted[s] > 0) cuts[s] = -Infinity;
  const cut = (s: number, count: number): void => {
    const buffer = kept.subarray(starts[s], starts[s] + numKept[s]);
    const rank = buffer.length - count;
    cuts[s] = selectSmallest(buffer, buffer.length, rank);
    buffer.copyWithin(0, rank); // after the selection all from its place on are as large or larger
    numKept[s] = count;
  };
  return {
    offer(s, value) {
      if (value <= cuts[s]) return; // as large as the n-th largest changes nothing
      kept[starts[s] + numKept[s]++] = value;
      if (numKept[s] === 2 * wanted[s]) cut(s, wanted[s]);
    },
    cutOf(s) {
      if (numKept[s] > wanted[s]) cut(s, wanted[s]);
      else if (numKept[s] === wanted[s] && wanted[s] > 0 && cuts[s] === -Infinity) cut(s, wanted[s]);
      return cuts[s];
    },
    numAtCut(s) {
      const end = starts[s] + Math.min(numKept[s], Math.max(wanted[s], 0));
      let numEqual = 0;
      for (let at = starts[s]; at < end; at++) if (kept[at] === cuts[s]) numEqual++;
      return numEqual;
    },
    isFilled: (s) => numKept[s] >= wanted[s],
  };
}
