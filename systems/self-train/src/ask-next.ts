/** Which target samples to ask a person about. */
import type { PooledLabels } from './uncertainty.ts';

/** Rows in the order of asking. Each predicted class gets a part of the list in proportion to its expected number of wrong
 *  labels Σ(1 − confidence); within a class the largest variance comes first. */
export function askOrder(labels: PooledLabels, count: number): number[] {
  const { hard, confidence, varianceTotal, numClasses } = labels;
  const expected = new Float64Array(numClasses);
  const rowsOf: number[][] = Array.from({ length: numClasses }, () => []);
  hard.forEach((label, n) => {
    expected[label] += 1 - confidence[n];
    rowsOf[label].push(n);
  });
  for (const rows of rowsOf) rows.sort((a, b) => varianceTotal[b] - varianceTotal[a] || a - b);
  const taken = new Int32Array(numClasses);
  const order: number[] = [];
  const total = Math.min(count, hard.length);
  while (order.length < total) {
    // The class whose next row is worth most: what it expects to be wrong, shared by the rows asked so far.
    let best = -1;
    for (let c = 0; c < numClasses; c++) {
      if (taken[c] >= rowsOf[c].length) continue;
      if (best < 0 || expected[c] / (taken[c] + 1) > expected[best] / (taken[best] + 1)) best = c;
    }
    order.push(rowsOf[best][taken[best]++]);
  }
  return order;
}
