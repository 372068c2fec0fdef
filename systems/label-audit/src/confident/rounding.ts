/** Rounding of counts that keeps sums.  Semantics of cleanlab 2.9 (Apache-2.0), restated from its behaviour. */

/** Rounds to whole numbers that sum to the rounded sum: nearest even first; if the sum is then too small, the entries that
 *  lost most by rounding take one each (of equal ones the later first), if too large, those that gained most give one
 *  (the earlier first).  Mutates: values. */
export function roundKeepingSum(values: Float64Array): void {
  const exact = values.slice();
  let floatSum = 0;
  let roundedSum = 0;
  for (let i = 0; i < values.length; i++) {
    values[i] = roundHalfToEven(exact[i]);
    floatSum += exact[i];
    roundedSum += values[i];
  }
  for (let missing = roundHalfToEven(floatSum) - roundedSum; missing !== 0;) {
    const isTooSmall = missing > 0;
    const numWanted = Math.abs(missing);
    const lost = new Float64Array(values.length);
    for (let i = 0; i < values.length; i++) lost[i] = exact[i] - values[i];
    // Rows of many classes are mostly whole already: where enough entries lost something, only those are sorted.
    const changed: number[] = [];
    for (let i = 0; i < values.length; i++) if (isTooSmall ? lost[i] > 0 : lost[i] < 0) changed.push(i);
    const order = (changed.length >= numWanted ? changed : [...values.keys()]).sort((a, b) =>
      isTooSmall ? lost[b] - lost[a] || b - a : lost[a] - lost[b] || a - b,
    );
    const numChanges = Math.min(numWanted, order.length);
    const step = isTooSmall ? 1 : -1;
    for (let i = 0; i < numChanges; i++) values[order[i]] += step;
    missing -= step * numChanges;
  }
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const fraction = value - floor;
  if (fraction !== 0.5) return fraction < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
