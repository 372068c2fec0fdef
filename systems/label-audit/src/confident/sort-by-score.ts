/** Rows in the order of their scores, for hundreds of thousands of rows: each becomes one whole number, upper bits from the
 *  score and lower bits its place, and numbers are sorted without comparing by a function; the few runs that agree in the
 *  upper bits are put right after. */

/** Whole numbers that f64 holds exactly have this many bits. */
const NUM_BITS = 53;
const SCORE_BITS = 32;
const LONG_RUN_MOVES = 1000;

/** @param rows  ascending, at most 2^52 @param scores  by row, no NaN
 *  @returns a new array: rows by rising score, equal scores in the order given */
export function sortByScore(rows: Uint32Array, scores: Float64Array): Uint32Array {
  const placeBits = Math.ceil(Math.log2(Math.max(rows.length, 2)));
  const dropped = Math.max(0, SCORE_BITS + placeBits - NUM_BITS);
  const scale = 2 ** placeBits;
  const numbers = new Float64Array(rows.length);
  const number = new Float64Array(1);
  const words = new Uint32Array(number.buffer);
  for (let i = 0; i < rows.length; i++) {
    number[0] = scores[rows[i]] + 0; // −0 is 0
    const high = words[HIGH_WORD];
    const key = (high >>> 31 === 1 ? ~high : high | 0x8000_0000) >>> dropped; // the order of the numbers, as unsigned
    numbers[i] = key * scale + i;
  }
  numbers.sort();
  const order = new Uint32Array(rows.length);
  let start = 0;
  let keyOfRun = -1;
  for (let i = 0; i < order.length; i++) {
    const key = Math.floor(numbers[i] / scale);
    order[i] = rows[numbers[i] - key * scale];
    if (key === keyOfRun) continue;
    if (i - start > 1) sortRun(order, start, i, scores);
    start = i;
    keyOfRun = key;
  }
  sortRun(order, start, order.length, scores);
  return order;
}

const HIGH_WORD = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 1 : 0;

/** A short run, or one of nearly equal scores, by insertion.  Mutates: order[start … end). */
function sortRun(order: Uint32Array, start: number, end: number, scores: Float64Array): void {
  let numMoves = 0;
  for (let i = start + 1; i < end; i++) {
    const row = order[i];
    let at = i;
    for (; at > start && scores[order[at - 1]] > scores[row]; at--) order[at] = order[at - 1];
    order[at] = row;
    numMoves += i - at;
    if (numMoves <= LONG_RUN_MOVES) continue;
    order.subarray(start, end).sort((a, b) => scores[a] - scores[b] || a - b);
    return;
  }
}
