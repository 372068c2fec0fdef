/** Quorums that share at least t nodes: Byzantine dissemination (t = f + 1), masking (t = 2f + 1), erasure codes with
 *  k data fragments (t = k). Thresholds need r + w ≥ n + t; in general W = dual_t(R). */
import { familiesError } from '../families-errors.ts';

export interface ThresholdPair {
  readonly readQuorum: number;
  readonly writeQuorum: number;
  /** Crash failures that both sides survive. */
  readonly resilience: number;
}

/** All pairs r ≤ n, w = n + t − r ≤ n. @throws TF-FAMILIES-011 if t is not in 1..n */
export function thresholdPairs(n: number, t: number): ThresholdPair[] {
  if (!Number.isInteger(t) || t < 1 || t > n)
    throw familiesError('TF-FAMILIES-011', { subject: 'thresholdPairs', expected: `t in 1..${n}`, actual: String(t) });
  return Array.from({ length: n - t + 1 }, (_, index) => {
    const readQuorum = t + index;
    const writeQuorum = n + t - readQuorum;
    return { readQuorum, writeQuorum, resilience: n - Math.max(readQuorum, writeQuorum) };
  });
}

const MAX_NODES = 20;

/** dual_t of explicit quorums: the minimal sets that share at least t nodes with each of them.
 *  @param quorums  masks @throws TF-FAMILIES-003 above 20 nodes, TF-FAMILIES-012 if no set does */
export function dualT(quorums: readonly number[], n: number, t: number): number[] {
  if (n > MAX_NODES)
    throw familiesError('TF-FAMILIES-003', {
      subject: 'dualT',
      expected: `at most ${MAX_NODES} nodes`,
      actual: String(n),
    });
  const size = 2 ** n;
  const isDual = new Uint8Array(size);
  for (let set = 0; set < size; set++) {
    let isGood = true;
    for (const quorum of quorums) {
      let shared = 0;
      for (let rest = set & quorum; rest !== 0; rest &= rest - 1) shared++;
      if (shared < t) {
        isGood = false;
        break;
      }
    }
    isDual[set] = isGood ? 1 : 0;
  }
  if (!isDual[size - 1])
    throw familiesError('TF-FAMILIES-012', {
      subject: 'dualT',
      expected: `quorums of at least t = ${t} nodes`,
      actual: 'a smaller one',
    });
  const minimal: number[] = [];
  for (let set = 0; set < size; set++) {
    if (!isDual[set]) continue;
    let isMinimal = true;
    for (let rest = set; rest !== 0 && isMinimal; rest &= rest - 1) isMinimal = !isDual[set & ~(rest & -rest)];
    if (isMinimal) minimal.push(set);
  }
  return minimal;
}
