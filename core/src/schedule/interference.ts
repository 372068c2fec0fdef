/** Slow-downs of operations that run side by side on one device.
 *
 *  slow-down(op) = max over its devices of the product of the factors of all rules whose victim is the op's kind there
 *  and whose aggressor kind runs there now (the operation itself does not count as its own aggressor). */
import type { InterferenceRule, Program, ResourceKind } from './types.ts';

const KINDS: readonly ResourceKind[] = ['compute', 'communication', 'host'];

export interface Interference {
  begin(op: number, now: number): void;
  end(op: number): void;
  /** Recomputes the ends of all running operations on devices that changed. */
  settle(now: number, setEnd: (op: number, time: number) => void): void;
}

export function createInterference(program: Program, rules: readonly InterferenceRule[]): Interference {
  const { numOps, resources, durationMs, resourceStarts, resourceIds } = program;
  const deviceNames = [...new Set(resources.map(({ device }) => device))];
  const deviceIndex = new Map(deviceNames.map((name, index) => [name, index]));
  // A site is a device and a kind; an operation that holds two links of one device is there once.
  const siteOfResource = resources.map(
    ({ device, kind }) => deviceIndex.get(device)! * KINDS.length + KINDS.indexOf(kind),
  );
  const factors = new Float64Array(KINDS.length * KINDS.length).fill(1); // [victim, aggressor]
  for (const { victim, aggressor, factor } of rules)
    factors[KINDS.indexOf(victim) * KINDS.length + KINDS.indexOf(aggressor)]! *= factor;
  const numRunning = new Int32Array(deviceNames.length * KINDS.length);
  const runningOn = deviceNames.map(() => new Set<number>());
  const remainingMs = Float64Array.from(durationMs);
  const updatedMs = new Float64Array(numOps);
  const slowdown = new Float64Array(numOps); // 0: not yet started
  const changed = new Set<number>();
  const [siteStarts, siteIds] = sitesOfOps();

  return {
    begin(op, now) {
      updatedMs[op] = now;
      for (let k = siteStarts[op]!; k < siteStarts[op + 1]!; k++) {
        const device = deviceOf(siteIds[k]!);
        numRunning[siteIds[k]!]!++;
        runningOn[device]!.add(op);
        changed.add(device);
      }
    },
    end(op) {
      for (let k = siteStarts[op]!; k < siteStarts[op + 1]!; k++) {
        const device = deviceOf(siteIds[k]!);
        numRunning[siteIds[k]!]!--;
        runningOn[device]!.delete(op);
        changed.add(device);
      }
    },
    settle(now, setEnd) {
      // The order of visits does not matter: ends depend on their own operation only, and the heap sorts by (time, id).
      for (const device of changed) for (const op of runningOn[device]!) retime(op, now, setEnd);
      changed.clear();
    },
  };

  function retime(op: number, now: number, setEnd: (op: number, time: number) => void): void {
    const next = slowdownNow(op);
    const previous = slowdown[op]!;
    if (next === previous) return;
    if (previous > 0) remainingMs[op] = Math.max(0, remainingMs[op]! - (now - updatedMs[op]!) / previous);
    updatedMs[op] = now;
    slowdown[op] = next;
    setEnd(op, now + remainingMs[op]! * next);
  }

  function deviceOf(site: number): number {
    return Math.floor(site / KINDS.length);
  }

  /** Distinct sites per operation, as compressed rows. */
  function sitesOfOps(): [Int32Array, Int32Array] {
    const starts = new Int32Array(numOps + 1);
    const ids = new Int32Array(resourceIds.length);
    let length = 0;
    for (let op = 0; op < numOps; op++) {
      for (let k = resourceStarts[op]!; k < resourceStarts[op + 1]!; k++) {
        const site = siteOfResource[resourceIds[k]!]!;
        if (ids.subarray(starts[op]!, length).includes(site)) continue;
        ids[length++] = site;
      }
      starts[op + 1] = length;
    }
    return [starts, ids];
  }

  function slowdownNow(op: number): number {
    let largest = 1;
    for (let k = siteStarts[op]!; k < siteStarts[op + 1]!; k++) {
      const site = siteIds[k]!;
      const victim = site % KINDS.length;
      const firstSite = site - victim;
      let product = 1;
      for (let aggressor = 0; aggressor < KINDS.length; aggressor++) {
        const others = numRunning[firstSite + aggressor]! - (isAt(op, firstSite + aggressor) ? 1 : 0);
        if (others > 0) product *= factors[victim * KINDS.length + aggressor]!;
      }
      if (product > largest) largest = product;
    }
    return largest;
  }

  function isAt(op: number, site: number): boolean {
    for (let k = siteStarts[op]!; k < siteStarts[op + 1]!; k++) if (siteIds[k] === site) return true;
    return false;
  }
}
