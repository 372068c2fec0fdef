/** Interleaved timing of ours and a peer in one run. */

import { median } from '../src/base/index.ts';
import type { BenchRow } from '../src/report/index.ts';

export interface SideBySide {
  readonly name: string;
  readonly ours: () => unknown;
  /** Absent: no peer does this. */
  readonly peer?: () => unknown;
  /** Work of one call, in units of `unit` per second. */
  readonly work: number;
  readonly unit: string;
  readonly note?: string;
  readonly numRounds?: number;
}

const DEFAULT_ROUNDS = 7;

/** Rates from median times; the two take turns, after one unmeasured call each. */
export async function sideBySide(task: SideBySide): Promise<BenchRow> {
  const { name, ours, peer, work, unit, note, numRounds = DEFAULT_ROUNDS } = task;
  const [oursSec, peerSec]: number[][] = [[], []];
  for (let round = 0; round <= numRounds; round++) {
    const [oursTime, peerTime] = [await seconds(ours), peer ? await seconds(peer) : NaN];
    if (round === 0) continue;
    oursSec.push(oursTime);
    peerSec.push(peerTime);
  }
  const [oursRate, peerRate] = [work / median(oursSec), work / median(peerSec)];
  return { name, ours: oursRate, peer: peerRate, unit, ratio: oursRate / peerRate, note };
}

let sink: unknown;

async function seconds(call: () => unknown): Promise<number> {
  const start = performance.now();
  sink = await call();
  const elapsed = (performance.now() - start) / 1e3;
  if (sink === undefined) throw new Error('a bench must return what it computed');
  return elapsed;
}
