/** How well a ranking finds what it should, when the truth is known. */

/** Probability that a wrong label scores lower than a right one (ties count half).
 *  Math: Mann-Whitney U / (n₁ n₀).  Cost: O(N log N).  NaN if all or none are wrong. */
export function auroc(scores: ArrayLike<number>, isWrong: ArrayLike<number | boolean>): number {
  const order = ascending(scores);
  let numWrong = 0;
  let rankSum = 0; // of wrong labels, ranks from 1, ties at their mean
  for (let start = 0; start < order.length;) {
    let end = start;
    let wrongInTie = 0;
    while (end < order.length && scores[order[end]] === scores[order[start]])
      wrongInTie += Number(isWrong[order[end++]]);
    rankSum += (wrongInTie * (start + 1 + end)) / 2;
    numWrong += wrongInTie;
    start = end;
  }
  const numRight = order.length - numWrong;
  const u = rankSum - (numWrong * (numWrong + 1)) / 2;
  return 1 - u / (numWrong * numRight);
}

/** Mean precision at the place of each wrong label, lowest score first. */
export function averagePrecision(scores: ArrayLike<number>, isWrong: ArrayLike<number | boolean>): number {
  let numWrong = 0;
  let sum = 0;
  ascending(scores).forEach((row, place) => {
    if (Number(isWrong[row]) === 0) return;
    numWrong++;
    sum += numWrong / (place + 1);
  });
  return sum / numWrong;
}

/** Rows by rising score; equal scores keep their order. */
export function ascending(scores: ArrayLike<number>): Uint32Array {
  return Uint32Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[a] - scores[b] || a - b);
}
