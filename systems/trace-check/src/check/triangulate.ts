/** Two runs disagree: which one is off? A third run (better in higher precision) decides per tensor. */
import { KINDS, parseId } from '../trace/canonical-id.ts';
import type { TraceRun } from '../trace/trace-run.ts';
import { compareRuns } from './compare-runs.ts';
import { unitOf } from './tolerance.ts';

export interface TriangleRow {
  readonly id: string;
  /** Relative distances. */
  readonly betweenAB: number;
  readonly aToOracle: number;
  readonly bToOracle: number;
  readonly suspect: 'a' | 'b' | 'both' | 'none';
}

export interface TriangleResult {
  /** In causal order, disagreements only. */
  readonly rows: readonly TriangleRow[];
  readonly numCompared: number;
  readonly suspect: TriangleRow['suspect'];
  readonly text: string;
}

/** One side counts as off if it is this much farther from the oracle than the other. */
const DECISIVE = 3;

/** @param tolerance  relative distance that counts as agreement; default 16 rounding units of the coarser run */
export function triangulate(a: TraceRun, b: TraceRun, oracle: TraceRun, tolerance?: number): TriangleResult {
  const limit = tolerance ?? 16 * Math.max(unitOf(a.info.precision), unitOf(b.info.precision));
  const ab = compareRuns(b, a);
  const ao = compareRuns(oracle, a);
  const bo = compareRuns(oracle, b);
  const rows: TriangleRow[] = [];
  let numCompared = 0;
  const seqOf = (id: string): number => oracle.tensors.get(id)?.seq ?? Infinity;
  for (const id of ab.keys()) {
    const [between, left, right] = [ab.get(id), ao.get(id), bo.get(id)];
    if (!between || !left || !right || between.missingIn || left.missingIn || right.missingIn) continue;
    numCompared++;
    if (between.rel <= limit) continue;
    rows.push({
      id,
      betweenAB: between.rel,
      aToOracle: left.rel,
      bToOracle: right.rel,
      suspect: suspectOf(left.rel, right.rel, limit),
    });
  }
  rows.sort((x, y) => {
    const [p, q] = [parseId(x.id), parseId(y.id)];
    return p.iteration - q.iteration || KINDS[p.kind].phase - KINDS[q.kind].phase || seqOf(x.id) - seqOf(y.id);
  });
  const suspect = rows[0]?.suspect ?? 'none';
  const first = rows[0]?.id ?? '';
  const text: Readonly<Record<TriangleRow['suspect'], string>> = {
    none:
      rows.length === 0 ? 'The two runs agree.' : `The runs disagree from ${first} on; the third run does not decide.`,
    a: `The first run is off from ${first} on; the second agrees with the third.`,
    b: `The second run is off from ${first} on; the first agrees with the third.`,
    both: `Both runs are off from ${first} on.`,
  };
  return { rows, numCompared, suspect, text: text[suspect] };
}

function suspectOf(a: number, b: number, limit: number): TriangleRow['suspect'] {
  if (a > DECISIVE * b && a > limit) return 'a';
  if (b > DECISIVE * a && b > limit) return 'b';
  return a > limit && b > limit ? 'both' : 'none';
}
