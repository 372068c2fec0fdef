/** Rows with a label apart from rows without one, and single rows, out of any source. */
import { MISSING_LABEL } from './class-names.ts';
import type { Passes, ProbabilitySource } from './passes.ts';

export interface UnlabelledRow {
  readonly row: number;
  /** The model's choice and its probability. */
  readonly suggested: number;
  readonly probability: number;
}

/** The rows that have a label, in order; the source itself if all have one. */
export function labelledRows(source: ProbabilitySource, labels: Int32Array): ProbabilitySource {
  const numRows = labels.reduce((count, label) => count + Number(label !== MISSING_LABEL), 0);
  if (numRows === labels.length) return source;
  const { numClasses } = source;
  return {
    numRows,
    numClasses,
    async *blocks() {
      let next = 0;
      for await (const { block, start } of source.blocks()) {
        const data = new (block.data.constructor as Float64ArrayConstructor)(block.data.length);
        let kept = 0;
        for (let i = 0; i < block.numRows; i++) {
          if (labels[start + i] === MISSING_LABEL) continue;
          data.set(block.data.subarray(i * numClasses, (i + 1) * numClasses), kept++ * numClasses);
        }
        yield { block: { numRows: kept, numClasses, data: data.subarray(0, kept * numClasses) }, start: next };
        next += kept;
      }
    },
  };
}

/** The most likely class of every row without a label. One pass over all rows. */
export function* unlabelledPass(labels: Int32Array): Passes<readonly UnlabelledRow[]> {
  const found: UnlabelledRow[] = [];
  if (!labels.includes(MISSING_LABEL)) return found;
  yield ({ data, numRows, numClasses }, start) => {
    for (let i = 0; i < numRows; i++) {
      if (labels[start + i] !== MISSING_LABEL) continue;
      const p = data.subarray(i * numClasses, (i + 1) * numClasses);
      let best = 0;
      for (let k = 1; k < numClasses; k++) if (p[k] > p[best]) best = k;
      found.push({ row: start + i, suggested: best, probability: p[best] });
    }
  };
  return found;
}

/** The probabilities of chosen rows, in the order asked for. */
export function* chosenRowsPass(rows: ArrayLike<number>, numClasses: number): Passes<Float64Array> {
  const chosen = new Float64Array(rows.length * numClasses);
  if (rows.length === 0) return chosen;
  const places = Uint32Array.from({ length: rows.length }, (_, place) => place).sort((a, b) => rows[a] - rows[b]);
  let next = 0;
  yield ({ data, numRows }, start) => {
    for (; next < places.length && rows[places[next]] < start + numRows; next++) {
      const from = (rows[places[next]] - start) * numClasses;
      chosen.set(data.subarray(from, from + numClasses), places[next] * numClasses);
    }
  };
  return chosen;
}
