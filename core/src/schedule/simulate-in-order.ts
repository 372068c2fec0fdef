/** Longest path through dependencies and static orders (Kahn's order, no heap). */
import { failDeadlock } from './deadlock.ts';
import { rowsFromPairs } from './program.ts';
import type { Program, Simulation } from './types.ts';

export function simulateInOrder(program: Program): Simulation {
  const { numOps, durationMs, dependencyStarts, dependencyIds, resourceStarts } = program;
  const [dependentStarts, dependentIds] = dependentsOf(program);
  const nextOnResource = nextOperations(program);
  const startMs = Float64Array.from(program.earliestMs);
  const endMs = new Float64Array(numOps);
  const blockedBy = new Int32Array(numOps).fill(-1);
  const numWaiting = new Int32Array(numOps);
  for (let op = 0; op < numOps; op++) numWaiting[op] = dependencyStarts[op + 1]! - dependencyStarts[op]!;
  for (let k = 0; k < nextOnResource.length; k++) if (nextOnResource[k]! >= 0) numWaiting[nextOnResource[k]!]!++;

  const queue = new Int32Array(numOps);
  let queueEnd = 0;
  for (let op = 0; op < numOps; op++) if (numWaiting[op] === 0) queue[queueEnd++] = op;
  let makespanMs = 0;
  for (let queueStart = 0; queueStart < queueEnd; queueStart++) {
    const op = queue[queueStart]!;
    const end = startMs[op]! + durationMs[op]!;
    endMs[op] = end;
    if (end > makespanMs) makespanMs = end;
    for (let k = dependentStarts[op]!; k < dependentStarts[op + 1]!; k++) release(dependentIds[k]!, op, end);
    for (let k = resourceStarts[op]!; k < resourceStarts[op + 1]!; k++) {
      if (nextOnResource[k]! >= 0) release(nextOnResource[k]!, op, end);
    }
  }
  if (queueEnd < numOps) failDeadlock(program, (op) => numWaiting[op]! > 0);
  return { program, startMs, endMs, blockedBy, makespanMs };

  function release(op: number, by: number, time: number): void {
    if (time > startMs[op]!) {
      startMs[op] = time;
      blockedBy[op] = by;
    }
    if (--numWaiting[op]! === 0) queue[queueEnd++] = op;
  }

  function dependentsOf(of: Program): [Int32Array, Int32Array] {
    const pairs = new Int32Array(of.dependencyIds.length * 2);
    for (let op = 0; op < numOps; op++) {
      for (let k = dependencyStarts[op]!; k < dependencyStarts[op + 1]!; k++) {
        pairs[2 * k] = dependencyIds[k]!;
        pairs[2 * k + 1] = op;
      }
    }
    return rowsFromPairs(pairs, numOps);
  }
}

/** Per (operation, resource) slot: the next operation in the resource's static list, or -1. */
function nextOperations({ resources, resourceStarts, resourceIds, orderStarts, orderIds }: Program): Int32Array {
  const next = new Int32Array(resourceIds.length).fill(-1);
  for (let resource = 0; resource < resources.length; resource++) {
    for (let k = orderStarts[resource]!; k + 1 < orderStarts[resource + 1]!; k++) {
      const op = orderIds[k]!;
      let slot = resourceStarts[op]!;
      while (resourceIds[slot] !== resource) slot++;
      next[slot] = orderIds[k + 1]!;
    }
  }
  return next;
}
