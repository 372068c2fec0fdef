/** The assignment problem of dw-assign.ts as a mixed-integer program, solved to proved optimality by HiGHS.
 *  o_j ≤ a_j, o_j ≤ Σ_i min(w_i, a_j) x_ij, max Σ_j o_j. Gradients that are alike (same time, same all-to-alls, no precedence) share
 *  one integer count per all-to-all, which takes the symmetry out. */
import { createMipModel, openMipSolver, type MipSolver, type MipStatus } from '@tenfold/core/schedule';
import {
  assignByPacking,
  PACKING_PREFERENCES,
  assignmentFrom,
  assignOfficial,
  assignPaper,
  type DwAssignment,
  type DwProblem,
} from './dw-assign.ts';

export interface ExactAssignment extends DwAssignment {
  /** `optimal` is a proof; `feasible`: the time limit came first, `boundMs` says how much may be missing. */
  readonly status: MipStatus;
  readonly boundMs: number;
  /** Assignments of equal value, this one first. */
  readonly ties: readonly DwAssignment[];
}

interface DwClass {
  readonly dwMs: number;
  readonly allowed: readonly number[];
  readonly members: number[];
}

const DEFAULT_TIME_LIMIT_MS = 5000;
/** Differences of sums of times that are rounding. */
const ROUNDING = 1e-9;

export interface ExactOptions {
  /** Kept open by the caller for many solves. */
  readonly solver?: MipSolver;
  /** Default 5000. */
  readonly timeLimitMs?: number;
  /** Relative gap that is good enough (status `within-gap`). Default 0: proved optimal. */
  readonly relativeGap?: number;
  readonly signal?: AbortSignal;
}

/** Cost: milliseconds for tens of gradients; bounded by the time limit. */
export async function assignExactly(problem: DwProblem, options: ExactOptions = {}): Promise<ExactAssignment> {
  const packings = PACKING_PREFERENCES.map((preference) => assignByPacking(problem, preference));
  const quick = [...packings, assignOfficial(problem), assignPaper(problem)].sort((a, b) => b.hiddenMs - a.hiddenMs);
  const [greedy] = quick as [DwAssignment];
  const trivialBoundMs = upperBoundMs(problem);
  if (greedy.hiddenMs >= trivialBoundMs * (1 - ROUNDING)) {
    const ties = quick
      .filter(({ hiddenMs }) => hiddenMs >= greedy.hiddenMs * (1 - ROUNDING))
      .map(({ a2aOf }) => trimmed(problem, a2aOf));
    return { ...ties[0]!, status: 'optimal', boundMs: greedy.hiddenMs, ties };
  }
  if (options.solver) return await solve(problem, greedy, options.solver, options);
  await using solver = openMipSolver();
  return await solve(problem, greedy, solver, options);
}

/** Cuts of the assignment as a flow: for every t, what gradients that reach an all-to-all before t can hide, plus the
 *  all-to-alls from t on. A gradient hides no more than the longest all-to-all that it may hide. */
function upperBoundMs({ a2aMs, dwMs, allowed }: DwProblem): number {
  const usableMs = dwMs.map((ms, dw) => Math.min(ms, Math.max(0, ...allowed[dw]!.map((a2a) => a2aMs[a2a]!))));
  const coverableMs = a2aMs.map((ms, a2a) => {
    return Math.min(ms, dwMs.reduce((sum, w, dw) => sum + (allowed[dw]!.includes(a2a) ? w : 0), 0)); // prettier-ignore
  });
  let leastMs = Infinity;
  for (let t = 0; t <= a2aMs.length; t++) {
    const before = usableMs.reduce((sum, ms, dw) => sum + (allowed[dw]!.some((a2a) => a2a < t) ? ms : 0), 0);
    leastMs = Math.min(leastMs, before + coverableMs.slice(t).reduce((sum, ms) => sum + ms, 0));
  }
  return leastMs;
}

async function solve(
  problem: DwProblem,
  greedy: DwAssignment,
  solver: MipSolver,
  { timeLimitMs = DEFAULT_TIME_LIMIT_MS, relativeGap = 0, signal }: ExactOptions,
): Promise<ExactAssignment> {
  const { a2aMs, predecessors } = problem;
  const classes = classesOf(problem);
  const builder = createMipModel('maximize');
  const hidden = a2aMs.map((ms, a2a) => builder.addVariable({ name: `hidden ${a2a}`, cost: 1, upper: ms }));
  const counts = classes.map(({ allowed, members }, index) =>
    allowed.map((a2a) =>
      builder.addVariable({ name: `class ${index} under ${a2a}`, upper: members.length, isInteger: true }),
    ),
  );
  const start: number[] = a2aMs.map((ms, a2a) =>
    Math.min(
      ms,
      problem.dwMs.reduce((sum, w, dw) => sum + (greedy.a2aOf[dw] === a2a ? w : 0), 0),
    ),
  );
  for (const { allowed, members } of classes) {
    for (const a2a of allowed) start.push(members.filter((dw) => greedy.a2aOf[dw] === a2a).length);
  }
  a2aMs.forEach((_, a2a) => {
    const terms = classes.flatMap(({ allowed, dwMs }, index): (readonly [number, number])[] => {
      const slot = allowed.indexOf(a2a);
      return slot < 0 ? [] : [[counts[index]![slot]!, -Math.min(dwMs, a2aMs[a2a]!)]];
    });
    builder.addConstraint({ name: `covered ${a2a}`, terms: [[hidden[a2a]!, 1], ...terms], upper: 0 });
  });
  const classOf = new Map(classes.flatMap(({ members }, index) => members.map((dw) => [dw, index] as const)));
  classes.forEach(({ allowed, members }, index) => {
    builder.addConstraint({
      name: `once ${index}`,
      terms: counts[index]!.map((variable) => [variable, 1] as const),
      upper: members.length,
    });
    for (const other of predecessors[members[0]!]!) {
      const otherIndex = classOf.get(other)!;
      allowed.forEach((a2a, slot) => {
        const earlier = classes[otherIndex]!.allowed.flatMap((otherA2a, otherSlot) =>
          otherA2a <= a2a ? [[counts[otherIndex]![otherSlot]!, -1] as const] : [],
        );
        builder.addConstraint({ terms: [[counts[index]![slot]!, 1], ...earlier], upper: 0 });
      });
    }
  });
  const solution = await solver.solve(builder.build(), {
    timeLimitMs,
    relativeGap,
    start: Float64Array.from(start),
    ...(signal ? { signal } : {}),
  });
  if (solution.x.length === 0) {
    return { ...greedy, status: solution.status, boundMs: upperBoundMs(problem), ties: [greedy] };
  }
  const a2aOf = new Int32Array(problem.dwMs.length).fill(-1);
  classes.forEach(({ allowed, members }, index) => {
    let next = 0;
    allowed.forEach((a2a, slot) => {
      for (let count = Math.round(solution.x[counts[index]![slot]!]!); count > 0; count--)
        a2aOf[members[next++]!] = a2a;
    });
  });
  const found = trimmed(problem, a2aOf);
  const better = found.hiddenMs >= greedy.hiddenMs ? found : greedy;
  const boundMs = Math.max(Math.min(solution.bound, upperBoundMs(problem)), better.hiddenMs);
  return { ...better, status: solution.status, boundMs, ties: [better] };
}

function classesOf({ dwMs, allowed, predecessors }: DwProblem): DwClass[] {
  const isNeeded = new Set(predecessors.flat());
  const classes = new Map<string, DwClass>();
  dwMs.forEach((ms, dw) => {
    if (allowed[dw]!.length === 0) return;
    const isFree = predecessors[dw]!.length === 0 && !isNeeded.has(dw);
    const key = isFree ? `${ms}|${allowed[dw]!.join()}` : `own ${dw}`;
    const found = classes.get(key);
    if (found) found.members.push(dw);
    else classes.set(key, { dwMs: ms, allowed: allowed[dw]!, members: [dw] });
  });
  return [...classes.values()];
}

/** Leaves in place what adds nothing to the objective (nobody may need it there). */
function trimmed(problem: DwProblem, a2aOf: Int32Array): DwAssignment {
  const kept = a2aOf.slice();
  const { a2aMs, dwMs, predecessors } = problem;
  const isNeeded = new Set(predecessors.flatMap((list, dw) => (kept[dw]! >= 0 ? list : [])));
  const load = a2aMs.map((_, a2a) => dwMs.reduce((sum, ms, dw) => sum + (kept[dw] === a2a ? ms : 0), 0));
  const smallestFirst = [...kept.keys()].sort((a, b) => dwMs[b]! - dwMs[a]! || a - b);
  for (const dw of smallestFirst) {
    const a2a = kept[dw]!;
    if (a2a < 0 || isNeeded.has(dw) || load[a2a]! - dwMs[dw]! < a2aMs[a2a]!) continue;
    load[a2a]! -= dwMs[dw]!;
    kept[dw] = -1;
  }
  return assignmentFrom(problem, kept);
}
