/** Two runs disagree: which one is off? A third run (better in higher precision) decides per tensor. */
import { KINDS, parseId } from '../trace/canonical-id.ts';
import type { TraceRun } from '../trace/trace-run.ts';
import { compareSteps } from './compare-runs.ts';
import { leastTau } from './judge.ts';
import { unitOf } from './tolerance.ts';
import { atOnce, type Steps } from './turns.ts';

export interface TriangleRow {
  readonly id: string;
  /** Relative distances. */
  readonly betweenAB: number;
  readonly aToOracle: number;
  readonly bToOracle: number;
  readonly suspect: 'a' | 'b' | 'both' | 'none';
  /** Distance that counts as agreement for this tensor. */
  readonly limit: number;
}

export interface TriangleResult {
  /** In causal order, disagreements only. */
  readonly rows: readonly TriangleRow[];
  readonly numCompared: number;
  /** Tensors whose values were not recorded and whose norms and sums agree: no agreement is proven. */
  readonly numUnsure: number;
  readonly suspect: TriangleRow['suspect'];
  readonly text: string;
}

/** One side counts as off if it is this much farther from the oracle than the other. */
const DECISIVE = 3;

/** @param tolerance  relative distance that counts as agreement; default 16 rounding units of the coarser run */
export function triangulate(a: TraceRun, b: TraceRun, oracle: TraceRun, tolerance?: number): TriangleResult {
  return atOnce(triangulateSteps(a, b, oracle, tolerance));
}

/** The same, a tensor a step. */
export function* triangulateSteps(
  a: TraceRun,
  b: TraceRun,
  oracle: TraceRun,
  tolerance?: number,
): Steps<TriangleResult> {
  const limit = tolerance ?? 16 * Math.max(unitOf(a.info.precision), unitOf(b.info.precision));
  const ab = yield* compareSteps(b, a);
  const ao = yield* compareSteps(oracle, a);
  const bo = yield* compareSteps(oracle, b);
  const rows: TriangleRow[] = [];
  let numCompared = 0;
  let numUnsure = 0;
  const seqOf = (id: string): number => oracle.tensors.get(id)?.seq ?? Infinity;
  for (const id of ab.keys()) {
    const [between, left, right] = [ab.get(id), ao.get(id), bo.get(id)];
    if (!between || !left || !right || between.missingIn || left.missingIn || right.missingIn) continue;
    // θ moves so little in a step that Δθ is judged in its place, with what Adam's first step does to round-off.
    if (parseId(id).kind === 'param_next' && ab.has(id.replace('/param_next/', '/delta/'))) continue;
    numCompared++;
    const own = Math.max(limit, leastTau(between, ab, limit));
    if (between.rel <= own) {
      // Norms and sums prove differences, never agreement.
      if (between.isLowerBound) numUnsure++;
      continue;
    }
    rows.push({
      id,
      betweenAB: between.rel,
      aToOracle: left.rel,
      bToOracle: right.rel,
      suspect: suspectOf(left.rel, right.rel, own),
      limit: own,
    });
  }
  rows.sort((x, y) => {
    const [p, q] = [parseId(x.id), parseId(y.id)];
    return p.iteration - q.iteration || KINDS[p.kind].phase - KINDS[q.kind].phase || seqOf(x.id) - seqOf(y.id);
  });
  const suspect = rows[0]?.suspect ?? 'none';
  const first = rows[0]?.id ?? '';
  const nearer = Math.min(rows[0]?.aToOracle ?? 0, rows[0]?.bToOracle ?? 0);
  const how = nearer <= (rows[0]?.limit ?? limit) ? 'agrees with' : 'is nearer to';
  const text: Readonly<Record<TriangleRow['suspect'], string>> = {
    none:
      rows.length === 0
        ? agreementText(numCompared, numUnsure)
        : `The runs disagree from ${first} on; the third run does not decide.`,
    a: `The first run is off from ${first} on; the second ${how} the third.`,
    b: `The second run is off from ${first} on; the first ${how} the third.`,
    both: `Both runs are off from ${first} on.`,
  };
  return { rows, numCompared, numUnsure, suspect, text: text[suspect] };
}

function agreementText(numCompared: number, numUnsure: number): string {
  if (numCompared === 0) return 'The three traces share no tensor: nothing was compared.';
  if (numUnsure === 0) return `The two runs agree in all ${numCompared} tensors that the three traces share.`;
  return `Norms and sums of ${numUnsure} of ${numCompared} tensors agree; values were not recorded, so agreement is not proven.`;
}

function suspectOf(a: number, b: number, limit: number): TriangleRow['suspect'] {
  if (a > DECISIVE * b && a > limit) return 'a';
  if (b > DECISIVE * a && b > limit) return 'b';
  return a > limit && b > limit ? 'both' : 'none';
}
