/** The k-th smallest value without sorting.  Source: Hoare's FIND (1961), pivot the median of three. */

/** Value at place `rank` (0-based) of the ascending order.  Mutates: the order of values[0 … length−1].
 *  Cost: O(length) expected; equal values do not slow it down. */
export function selectSmallest(values: Float64Array | Float32Array, length: number, rank: number): number {
  let left = 0;
  let right = length - 1;
  while (left < right) {
    const middle = (left + right) >>> 1;
    const pivot = medianOfThree(values[left], values[middle], values[right]);
    let i = left;
    let j = right;
    while (i <= j) {
      while (values[i] < pivot) i++;
      while (values[j] > pivot) j--;
      if (i > j) break;
      const held = values[i];
      values[i++] = values[j];
      values[j--] = held;
    }
    if (rank <= j) right = j;
    else if (rank >= i) left = i;
    else return values[rank];
  }
  return values[rank];
}

function medianOfThree(a: number, b: number, c: number): number {
  if (a < b) return b < c ? b : a < c ? c : a;
  return a < c ? a : b < c ? c : b;
}
