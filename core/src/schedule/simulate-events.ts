/** Event simulation: queues that choose among ready operations, and interference that changes speeds while they run.
 *
 *  State of a running operation under interference: remaining work w (ms at full speed), slow-down s;
 *  when s changes at time t: w −= (t − t_last) / s_old, end = t + w · s_new. */
import { failDeadlock } from './deadlock.ts';
import { createEventHeap, type EventHeap } from './event-heap.ts';
import { createInterference } from './interference.ts';
import { rowsFromPairs } from './program.ts';
import type { InterferenceRule, Program, Simulation } from './types.ts';

export function simulateEvents(program: Program, rules: readonly InterferenceRule[]): Simulation {
  const { numOps, resources, durationMs, earliestMs, priority } = program;
  const { dependencyStarts, dependencyIds, resourceStarts, resourceIds, orderStarts, orderIds } = program;
  const [dependentStarts, dependentIds] = dependents(program);
  const startMs = new Float64Array(numOps);
  const endMs = new Float64Array(numOps);
  const blockedBy = new Int32Array(numOps).fill(-1);
  const numWaiting = new Int32Array(numOps);
  const lastDependency = new Int32Array(numOps).fill(-1);
  const isReady = new Uint8Array(numOps);
  const isStarted = new Uint8Array(numOps);
  const opOfSequence = new Int32Array(numOps); // order in which operations became ready
  const isInOrder = resources.map(({ policy }) => policy === 'in-order');
  const isPriority = resources.map(({ policy }) => policy === 'priority');
  const head = orderStarts.slice(0, resources.length);
  const readyHeaps = resources.map((_, resource): EventHeap | undefined =>
    isInOrder[resource] ? undefined : createEventHeap(),
  );
  const isBusy = new Uint8Array(resources.length);
  const lastOnResource = new Int32Array(resources.length).fill(-1);
  const isDirty = new Uint8Array(resources.length);
  const dirty: number[] = [];
  const newlyReady: number[] = [];
  const interference = rules.length > 0 ? createInterference(program, rules) : undefined;
  // Event ids: `op` = it ends, `op + numOps` = its earliest time has come.
  const events = createEventHeap(64);
  let numReady = 0;
  let numEnded = 0;
  let makespanMs = 0;

  for (let op = 0; op < numOps; op++) {
    numWaiting[op] = dependencyStarts[op + 1]! - dependencyStarts[op]!;
    if (numWaiting[op] === 0) makeReady(op, 0);
  }
  startWhatCan(0);
  while (events.size > 0) {
    const now = events.peekKey();
    while (events.size > 0 && events.peekKey() === now) {
      const event = events.pop();
      if (event >= numOps) newlyReady.push(event - numOps);
      else if (isStarted[event] === 1 && endMs[event] === now) finish(event, now);
    }
    startWhatCan(now);
  }
  if (numEnded < numOps) failDeadlock(program, (op) => isStarted[op] === 0);
  return { program, startMs, endMs, blockedBy, makespanMs };

  function finish(op: number, now: number): void {
    isStarted[op] = 2; // a second event at the same time must not finish it twice
    numEnded++;
    makespanMs = now;
    for (let k = resourceStarts[op]!; k < resourceStarts[op + 1]!; k++) {
      const resource = resourceIds[k]!;
      isBusy[resource] = 0;
      lastOnResource[resource] = op;
      markDirty(resource);
    }
    interference?.end(op);
    for (let k = dependentStarts[op]!; k < dependentStarts[op + 1]!; k++) {
      const dependent = dependentIds[k]!;
      lastDependency[dependent] = op;
      if (--numWaiting[dependent]! === 0) makeReady(dependent, now);
    }
  }

  function makeReady(op: number, now: number): void {
    if (earliestMs[op]! > now) events.push(earliestMs[op]!, op + numOps);
    else newlyReady.push(op);
  }

  function markDirty(resource: number): void {
    if (isDirty[resource]) return;
    isDirty[resource] = 1;
    dirty.push(resource);
  }

  function startWhatCan(now: number): void {
    newlyReady.sort(ascending);
    for (const op of newlyReady) {
      isReady[op] = 1;
      const sequence = numReady++;
      opOfSequence[sequence] = op;
      for (let k = resourceStarts[op]!; k < resourceStarts[op + 1]!; k++) {
        const resource = resourceIds[k]!;
        readyHeaps[resource]?.push(isPriority[resource] ? -priority[op]! : 0, sequence);
        markDirty(resource);
      }
    }
    newlyReady.length = 0;
    dirty.sort(ascending);
    for (const resource of dirty) {
      isDirty[resource] = 0;
      if (!isBusy[resource]) chooseOn(resource, now);
    }
    dirty.length = 0;
    interference?.settle(now, setEnd);
  }

  function chooseOn(resource: number, now: number): void {
    const heap = readyHeaps[resource];
    if (!heap) {
      const op = orderIds[head[resource]!]!;
      if (head[resource]! < orderStarts[resource + 1]! && isReady[op] && canStart(op)) start(op, now);
      return;
    }
    const passedOver: number[] = [];
    while (heap.size > 0) {
      const sequence = heap.pop();
      const op = opOfSequence[sequence]!;
      if (isStarted[op]) continue;
      if (canStart(op)) {
        start(op, now);
        break;
      }
      passedOver.push(sequence);
    }
    for (const sequence of passedOver)
      heap.push(isPriority[resource] ? -priority[opOfSequence[sequence]!]! : 0, sequence);
  }

  function canStart(op: number): boolean {
    for (let k = resourceStarts[op]!; k < resourceStarts[op + 1]!; k++) {
      const resource = resourceIds[k]!;
      if (isBusy[resource] || (isInOrder[resource] && orderIds[head[resource]!] !== op)) return false;
    }
    return true;
  }

  function start(op: number, now: number): void {
    isStarted[op] = 1;
    startMs[op] = now;
    blockedBy[op] = blockerOf(op, now);
    for (let k = resourceStarts[op]!; k < resourceStarts[op + 1]!; k++) {
      const resource = resourceIds[k]!;
      isBusy[resource] = 1;
      if (isInOrder[resource]) head[resource]!++;
    }
    if (interference) interference.begin(op, now);
    else setEnd(op, now + durationMs[op]!);
  }

  function blockerOf(op: number, now: number): number {
    if (now === 0) return -1;
    const dependency = lastDependency[op]!;
    if (dependency >= 0 && endMs[dependency] === now) return dependency;
    for (let k = resourceStarts[op]!; k < resourceStarts[op + 1]!; k++) {
      const before = lastOnResource[resourceIds[k]!]!;
      if (before >= 0 && endMs[before] === now) return before;
    }
    return -1;
  }

  function setEnd(op: number, time: number): void {
    endMs[op] = time;
    events.push(time, op);
  }

  function dependents(of: Program): [Int32Array, Int32Array] {
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

function ascending(a: number, b: number): number {
  return a - b;
}
