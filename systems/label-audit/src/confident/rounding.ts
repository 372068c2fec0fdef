/** Rounding of counts that keeps sums.  Semantics of cleanlab 2.9 (Apache-2.0), restated from its behaviour. */

/** Rounds to whole numbers that sum to the rounded sum: nearest even first; if the sum is then too small, the entries that
 *  lost most by rounding take one each (of equal ones the later first), if too large, those that gained most give one
 *  (the earlier first).  Mutates: values. */
export function roundKeepingSum(values: Float64Array): void {
  const floats = values.slice();
  let floatSum = 0;
  let roundedSum = 0;
  for (let i = 0; i < values.length; i++) {
    values[i] = roundHalfToEven(floats[i]);
    floatSum += floats[i];
    roundedSum += values[i];
  }
  for (let missing = roundHalfToEven(floatSum) - roundedSum; missing !== 0;) {
    const isTooSmall = missing > 0;
    const numWanted = Math.abs(missing);
    const lost = floats.map((float, i) => float - values[i]);
    // Rows of many classes are mostly whole already: where enough entries lost something, only those are sorted.
    const changed = Uint32Array.from(floats.keys()).filter((i) => (isTooSmall ? lost[i] > 0 : lost[i] < 0));
    const order = (changed.length >= numWanted ? changed : Uint32Array.from(floats.keys())).sort((a, b) =>
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
