/** Explains why a program cannot finish: finds one circle of operations that wait for each other. */
import { scheduleError } from './schedule-errors.ts';
import type { Program } from './types.ts';

/** How many operations of a circle the text spells out. */
const MAX_NAMED = 8;

/** @param isStuck  true for operations that never started
 *  @throws TF-SCHEDULE-002 always */
export function failDeadlock(program: Program, isStuck: (op: number) => boolean): never {
  const circle = findCircle(program, isStuck);
  const shown = circle.slice(0, MAX_NAMED).map(({ op, why }) => `"${program.opNames[op]}" ${why}`);
  throw scheduleError('TF-SCHEDULE-002', {
    subject: 'simulate',
    expected: 'an order in which every operation can start',
    actual: `a circle of ${circle.length}: ${shown.join(' → ')}${circle.length > MAX_NAMED ? ' → …' : ''}`,
    hints: ['Change a dependency or the order on one of these resources.'],
  });
}

interface Wait {
  readonly op: number;
  readonly why: string;
}

function findCircle(program: Program, isStuck: (op: number) => boolean): Wait[] {
  const { numOps, resources, dependencyStarts, dependencyIds, resourceStarts, resourceIds, orderStarts, orderIds } =
    program;
  let op = 0;
  while (op < numOps && !isStuck(op)) op++;
  const stepOf = new Map<number, number>();
  const path: Wait[] = [];
  while (!stepOf.has(op)) {
    stepOf.set(op, path.length);
    const [next, why] = waitsFor(op);
    path.push({ op, why });
    op = next;
  }
  return path.slice(stepOf.get(op)!);

  /** A stuck operation always waits for a stuck dependency or a stuck operation before it on an in-order resource. */
  function waitsFor(waiting: number): [number, string] {
    for (let k = dependencyStarts[waiting]!; k < dependencyStarts[waiting + 1]!; k++) {
      if (isStuck(dependencyIds[k]!)) return [dependencyIds[k]!, 'needs'];
    }
    for (let k = resourceStarts[waiting]!; k < resourceStarts[waiting + 1]!; k++) {
      const resource = resourceIds[k]!;
      if (resources[resource]!.policy !== 'in-order') continue;
      for (let j = orderStarts[resource]!; orderIds[j] !== waiting; j++) {
        if (isStuck(orderIds[j]!)) return [orderIds[j]!, `comes on "${resources[resource]!.name}" after`];
      }
    }
    return [waiting, 'waits for itself'];
  }
}
