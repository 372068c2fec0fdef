/** Which weight gradient hides which all-to-all: a generalised assignment problem
 *      max Σ_j min(a_j, Σ_i w_i x_ij),  Σ_j x_ij ≤ 1,  x_ij = 0 unless i may hide j.
 *  a_j: time of all-to-all j; w_i: time of weight gradient i. Two greedy rules, a packing rule that the exact solver
 *  starts from, and brute force for tests; the exact rule is in dw-exact.ts. All place a weight gradient no earlier than those that it needs. */

export interface DwProblem {
  readonly a2aMs: readonly number[];
  readonly dwMs: readonly number[];
  readonly allowed: readonly (readonly number[])[];
  readonly predecessors: readonly (readonly number[])[];
}

export interface DwAssignment {
  /** a2aOf[i]: all-to-all that weight gradient i hides, or -1. */
  readonly a2aOf: Int32Array;
  /** Chosen weight gradients in the order of choice. */
  readonly chosen: readonly number[];
  readonly hiddenMs: number;
}

/** Stop filling once the best gradient is longer than this many times the time left (public code, not the paper). */
const WASTE_FACTOR = 2;

/** Algorithm 1 of the paper: for each all-to-all, take the gradient nearest to the time left until none is left. */
export function assignPaper(problem: DwProblem): DwAssignment {
  return assignGreedily(problem, { isGuarded: false, isForced: false });
}

/** The rule of the public code: as the paper, but stops before a gradient that would mostly be wasted, and puts a gradient
 *  whose last chance is this all-to-all here. */
export function assignOfficial(problem: DwProblem): DwAssignment {
  return assignGreedily(problem, { isGuarded: true, isForced: true });
}

export const PACKING_PREFERENCES = ['fullest', 'emptiest', 'earliest'] as const;
export type PackingPreference = (typeof PACKING_PREFERENCES)[number];

/** Packs without waste: gradients with few choices first, then long ones, each into an all-to-all that still holds it whole
 *  (the one preferred), else where it adds most. Where room is plenty this hides all that can be hidden, which proves it
 *  optimal; the preferences then give orders of equal value. */
export function assignByPacking(problem: DwProblem, preference: PackingPreference = 'fullest'): DwAssignment {
  const { a2aMs, dwMs, allowed, predecessors } = problem;
  const a2aOf = new Int32Array(dwMs.length).fill(-1);
  const roomMs = Float64Array.from(a2aMs);
  let waiting = [...dwMs.keys()].filter((dw) => allowed[dw]!.length > 0);
  waiting.sort((a, b) => allowed[a]!.length - allowed[b]!.length || dwMs[b]! - dwMs[a]! || a - b);
  for (let numWaiting = -1; waiting.length !== numWaiting;) {
    numWaiting = waiting.length;
    waiting = waiting.filter((dw) => {
      if (predecessors[dw]!.some((other) => a2aOf[other]! < 0)) return true;
      const first = Math.max(-1, ...predecessors[dw]!.map((other) => a2aOf[other]!));
      let best = -1;
      for (const a2a of allowed[dw]!) if (a2a >= first && isBetterHost(a2a, best, dwMs[dw]!)) best = a2a;
      if (best < 0 || roomMs[best]! <= 0) return false;
      a2aOf[dw] = best;
      roomMs[best] = Math.max(0, roomMs[best]! - dwMs[dw]!);
      return false;
    });
  }
  return assignmentFrom(problem, a2aOf);

  function isBetterHost(a2a: number, best: number, ms: number): boolean {
    if (best < 0) return true;
    const [own, other] = [roomMs[a2a]!, roomMs[best]!];
    if (own < ms || other < ms) return own >= ms || (other < ms && own > other);
    return preference !== 'earliest' && (preference === 'fullest' ? own < other : own > other);
  }
}

export function assignmentFrom(problem: DwProblem, a2aOf: Int32Array, order?: readonly number[]): DwAssignment {
  const chosen = order ?? [...a2aOf.keys()].filter((dw) => a2aOf[dw]! >= 0);
  return { a2aOf, chosen, hiddenMs: hiddenMs(problem, a2aOf) };
}

/** Value of the objective. */
export function hiddenMs({ a2aMs, dwMs }: DwProblem, a2aOf: ArrayLike<number>): number {
  const load = a2aMs.map(() => 0);
  for (let dw = 0; dw < dwMs.length; dw++) if (a2aOf[dw]! >= 0) load[a2aOf[dw]!]! += dwMs[dw]!;
  return load.reduce((sum, ms, a2a) => sum + Math.min(ms, a2aMs[a2a]!), 0);
}

/** The optimum by trying everything. Cost: (A+1)^W; for tests of small problems. */
export function assignByBruteForce(problem: DwProblem): DwAssignment {
  const { dwMs, allowed, predecessors } = problem;
  const current = new Int32Array(dwMs.length).fill(-1);
  let best: DwAssignment = assignmentFrom(problem, current.slice());
  const visit = (dw: number): void => {
    if (dw === dwMs.length) {
      if (hiddenMs(problem, current) > best.hiddenMs) best = assignmentFrom(problem, current.slice());
      return;
    }
    current[dw] = -1;
    visit(dw + 1);
    for (const a2a of allowed[dw]!) {
      if (predecessors[dw]!.some((other) => current[other] === -1 || current[other]! > a2a)) continue;
      current[dw] = a2a;
      visit(dw + 1);
    }
    current[dw] = -1;
  };
  visit(0);
  return best;
}

function assignGreedily(
  problem: DwProblem,
  { isGuarded, isForced }: { readonly isGuarded: boolean; readonly isForced: boolean },
): DwAssignment {
  const { a2aMs, dwMs, allowed, predecessors } = problem;
  const a2aOf = new Int32Array(dwMs.length).fill(-1);
  const order: number[] = [];
  const place = (dw: number, a2a: number): void => {
    a2aOf[dw] = a2a;
    order.push(dw);
  };
  for (let a2a = 0; a2a < a2aMs.length; a2a++) {
    let leftMs = a2aMs[a2a]!;
    let numPlaced = 0;
    while (leftMs > 0) {
      const best = nearest(leftMs, a2a);
      if (best < 0) break;
      if (isGuarded && numPlaced > 0 && dwMs[best]! > WASTE_FACTOR * leftMs) break;
      place(best, a2a);
      numPlaced++;
      leftMs -= dwMs[best]!;
    }
    if (!isForced) continue;
    for (let dw = 0; dw < dwMs.length; dw++) {
      if (a2aOf[dw] === -1 && allowed[dw]!.at(-1) === a2a && isReady(dw)) place(dw, a2a);
    }
  }
  return assignmentFrom(problem, a2aOf, order);

  function isReady(dw: number): boolean {
    return predecessors[dw]!.every((other) => a2aOf[other]! >= 0);
  }
  /** Smallest |left − w|; ties to the earlier gradient. */
  function nearest(leftMs: number, a2a: number): number {
    let best = -1;
    let bestDistance = Infinity;
    for (let dw = 0; dw < dwMs.length; dw++) {
      if (a2aOf[dw]! >= 0 || !allowed[dw]!.includes(a2a) || !isReady(dw)) continue;
      const distance = Math.abs(leftMs - dwMs[dw]!);
      if (distance < bestDistance) [best, bestDistance] = [dw, distance];
    }
    return best;
  }
}
