/** Building programs: resources, operations, dependencies, static orders. */
import { scheduleError } from './schedule-errors.ts';
import type { Program, QueuePolicy, Resource, ResourceKind } from './types.ts';

export interface ResourceSpec {
  readonly name: string;
  readonly kind?: ResourceKind;
  readonly policy?: QueuePolicy;
  /** Default: the resource's own name. */
  readonly device?: string;
}

export interface OpSpec {
  readonly name: string;
  /** One resource, or several occupied together (a transfer takes a send and a receive link). */
  readonly on: number | readonly number[];
  readonly durationMs: number;
  /** Operations that must have ended. */
  readonly after?: readonly number[];
  readonly earliestMs?: number;
  readonly priority?: number;
  readonly category?: string;
}

export interface ProgramBuilder {
  /** @returns the resource's id */
  addResource(spec: ResourceSpec): number;
  /** @returns the operation's id */
  addOp(spec: OpSpec): number;
  /** Adds a dependency afterwards; `dependency` may be an operation added later than `op`. */
  addDependency(op: number, dependency: number): void;
  /** Replaces the static list of a resource; default is the order of addition. */
  setOrder(resource: number, ops: readonly number[]): void;
  readonly numOps: number;
  /** @throws TF-SCHEDULE-001 on a negative or NaN time, an unknown id, or an order that is not a permutation */
  build(): Program;
}

/** An empty program to add resources, operations, dependencies and orders to. */
export function createProgramBuilder(): ProgramBuilder {
  const resources: Resource[] = [];
  const opNames: string[] = [];
  const opCategories: string[] = [];
  const durations: number[] = [];
  const earliest: number[] = [];
  const priorities: number[] = [];
  const dependencyPairs: number[] = []; // op, dependency, op, dependency, …
  const resourceStarts: number[] = [0];
  const resourceIds: number[] = [];
  const orders = new Map<number, readonly number[]>();

  return {
    get numOps() {
      return opNames.length;
    },
    addResource({ name, kind = 'compute', policy = 'in-order', device = name }) {
      resources.push({ id: resources.length, name, kind, policy, device });
      return resources.length - 1;
    },
    addOp({ name, on, durationMs, after, earliestMs = 0, priority = 0, category = '' }) {
      const op = opNames.length;
      if (!(durationMs >= 0) || durationMs === Infinity) failOp(name, 'a finite duration ≥ 0 ms', String(durationMs));
      if (!(earliestMs >= 0) || earliestMs === Infinity)
        failOp(name, 'a finite earliest time ≥ 0 ms', String(earliestMs));
      opNames.push(name);
      opCategories.push(category);
      durations.push(durationMs);
      earliest.push(earliestMs);
      priorities.push(priority);
      if (typeof on === 'number') resourceIds.push(on);
      else for (const resource of new Set(on)) resourceIds.push(resource);
      if (resourceIds.length === resourceStarts[op]) failOp(name, 'at least one resource', 'none');
      for (let k = resourceStarts[op]!; k < resourceIds.length; k++) {
        if (!resources[resourceIds[k]!]) failOp(name, 'a known resource', `id ${resourceIds[k]}`);
      }
      resourceStarts.push(resourceIds.length);
      if (after) for (const dependency of after) dependencyPairs.push(op, dependency);
      return op;
    },
    addDependency: (op, dependency) => void dependencyPairs.push(op, dependency),
    setOrder: (resource, ops) => void orders.set(resource, ops),
    build() {
      const numOps = opNames.length;
      for (let k = 0; k < dependencyPairs.length; k++) {
        const id = dependencyPairs[k]!;
        const isKnown = Number.isInteger(id) && id >= 0 && id < numOps;
        if (!isKnown) failOp(opNames[dependencyPairs[k & ~1]!] ?? '?', 'a dependency that exists', `id ${id}`);
      }
      const [dependencyStarts, dependencyIds] = rowsFromPairs(dependencyPairs, numOps);
      const program = {
        resources,
        numOps,
        opNames,
        opCategories,
        durationMs: Float64Array.from(durations),
        earliestMs: Float64Array.from(earliest),
        priority: Float64Array.from(priorities),
        dependencyStarts,
        dependencyIds,
        resourceStarts: Int32Array.from(resourceStarts),
        resourceIds: Int32Array.from(resourceIds),
      };
      return { ...program, ...resourceOrders(program, orders) };
    },
  };
}

/** A copy with other durations (what-if, measured times); everything else is shared. */
export function withDurations(program: Program, durationMs: Float64Array): Program {
  if (durationMs.length !== program.numOps)
    throw scheduleError('TF-SCHEDULE-001', {
      subject: 'withDurations',
      expected: `${program.numOps} durations`,
      actual: String(durationMs.length),
    });
  return { ...program, durationMs };
}

/** Compressed rows from (row, item) pairs, items in order of appearance. */
export function rowsFromPairs(pairs: ArrayLike<number>, numRows: number): [Int32Array, Int32Array] {
  const starts = new Int32Array(numRows + 1);
  for (let k = 0; k < pairs.length; k += 2) starts[pairs[k]! + 1]!++;
  for (let row = 0; row < numRows; row++) starts[row + 1]! += starts[row]!;
  const cursor = starts.slice(0, numRows);
  const items = new Int32Array(pairs.length >> 1);
  for (let k = 0; k < pairs.length; k += 2) items[cursor[pairs[k]!]!++] = pairs[k + 1]!;
  return [starts, items];
}

function resourceOrders(
  program: Pick<Program, 'numOps' | 'opNames' | 'resources' | 'resourceStarts' | 'resourceIds'>,
  orders: ReadonlyMap<number, readonly number[]>,
): { orderStarts: Int32Array; orderIds: Int32Array } {
  const { numOps, opNames, resources, resourceStarts, resourceIds } = program;
  const pairs = new Int32Array(resourceIds.length * 2);
  for (let op = 0; op < numOps; op++) {
    for (let k = resourceStarts[op]!; k < resourceStarts[op + 1]!; k++) {
      pairs[2 * k] = resourceIds[k]!;
      pairs[2 * k + 1] = op;
    }
  }
  const [orderStarts, orderIds] = rowsFromPairs(pairs, resources.length);
  for (const [resource, ops] of orders) {
    const start = orderStarts[resource] ?? 0;
    const own = orderIds.subarray(start, orderStarts[resource + 1] ?? 0);
    const sorted = Int32Array.from(ops).sort();
    if (sorted.length !== own.length || sorted.some((op, k) => op !== own[k])) {
      throw scheduleError('TF-SCHEDULE-001', {
        subject: 'setOrder',
        expected: `each of the ${own.length} operations of resource "${resources[resource]?.name}" once`,
        actual: ops.map((op) => opNames[op] ?? op).join(', '),
      });
    }
    own.set(ops);
  }
  return { orderStarts, orderIds };
}

function failOp(name: string, expected: string, actual: string): never {
  throw scheduleError('TF-SCHEDULE-001', { subject: 'addOp', expected, actual, location: `operation "${name}"` });
}
