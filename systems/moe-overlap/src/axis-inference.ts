/** One axis per tensor such that every operation of a range is cut: a constraint problem over the tables of
 *  axis-rules.ts, solved by arc consistency and backtracking; most cut tensors win. Where nothing fits, a smallest set of
 *  operations that contradict each other is named. */
import { axisName, axisTuples, BY_EXPERT, BY_PLACE, WHOLE, type AxisTuple } from './axis-rules.ts';
import type { OverlapOp, TensorInfo } from './types.ts';

export interface AxisSolution {
  readonly kind: 'solution';
  readonly axisOf: ReadonlyMap<string, number>;
  readonly numCut: number;
  /** False if the search was cut off: a solution, perhaps not the one with most cut tensors. */
  readonly isBest: boolean;
}

export interface AxisConflict {
  readonly kind: 'conflict';
  /** Ids of operations that cannot all be cut; without any one of them it would work. */
  readonly ops: readonly string[];
  readonly text: string;
}

export interface AxisProblem {
  /** Every one of these must have a cut output. */
  readonly ops: readonly OverlapOp[];
  readonly tensors: Readonly<Record<string, TensorInfo>>;
  readonly numParts: number;
  /** Tensors that are made before the range. Each reader may take them whole or cut them as it likes; but rows of such a
   *  buffer cannot be told apart by part (only encoding in parts does that), so they have no irregular axis.
   *  Default: none. */
  readonly outside?: ReadonlySet<string>;
}

const MAX_SEARCH_NODES = 20_000;
const READ_BY = ' read by ';

interface Table {
  /** Variables of the tuple's places. */
  readonly variables: readonly number[];
  readonly tuples: readonly AxisTuple[];
}

export function inferAxes(problem: AxisProblem): AxisSolution | AxisConflict {
  return solveAxes(problem) ?? explainConflict(problem);
}

/** Also used by tests: whether an assignment satisfies every table. */
export function tablesOf({ ops, tensors, numParts, outside }: AxisProblem): {
  names: readonly string[];
  tables: Table[];
} {
  const names: string[] = [];
  const indexOf = new Map<string, number>();
  const variable = (name: string): number => {
    const known = indexOf.get(name);
    if (known !== undefined) return known;
    indexOf.set(name, names.length);
    return names.push(name) - 1;
  };
  const tables = ops.map((op) => {
    const places = [...op.ins, ...op.outs].map((name) => variable(outside?.has(name) ? readBy(name, op) : name));
    const tuples = axisTuples(op, tensors, numParts).filter(
      (tuple) =>
        tuple.length === places.length &&
        tuple.slice(op.ins.length).some((axis) => axis !== WHOLE) &&
        // The same tensor read twice has one axis.
        tuple.every((axis, place) => tuple[places.indexOf(places[place]!)] === axis),
    );
    return { variables: places, tuples };
  });
  return { names, tables };
}

/** The solution without an explanation where there is none. */
export function solveAxes(problem: AxisProblem): AxisSolution | undefined {
  const { names, tables } = tablesOf(problem);
  const domains = names.map((name) => fullDomain(name, problem));
  const tablesOfVariable = names.map((): number[] => []);
  tables.forEach(({ variables }, table) => {
    for (const variable of new Set(variables)) tablesOfVariable[variable]!.push(table);
  });
  let best: { domains: Set<number>[]; numCut: number } | undefined;
  let numNodes = 0;
  const search = (current: Set<number>[], touched: readonly number[]): void => {
    if (numNodes++ > MAX_SEARCH_NODES || !propagate(tables, tablesOfVariable, current, touched)) return;
    const bound = current.filter((domain) => domain.size > 1 || !domain.has(WHOLE)).length;
    if (best && bound <= best.numCut) return;
    let chosen = -1;
    current.forEach((domain, variable) => {
      if (domain.size > 1 && (chosen < 0 || domain.size < current[chosen]!.size)) chosen = variable;
    });
    if (chosen < 0) {
      best = { domains: current, numCut: bound };
      return;
    }
    // Cut values first, lower axes first: the batch axis is the usual answer.
    const values = [...current[chosen]!].sort((a, b) => Number(a === WHOLE) - Number(b === WHOLE) || a - b);
    for (const value of values) {
      const next = current.map((domain) => new Set(domain));
      next[chosen] = new Set([value]);
      search(next, tablesOfVariable[chosen]!);
    }
  };
  search(
    domains,
    tables.map((_, table) => table),
  );
  if (!best) return undefined;
  const axisOf = new Map(names.map((name, variable) => [name, [...best!.domains[variable]!][0]!]));
  return { kind: 'solution', axisOf, numCut: best.numCut, isBest: numNodes <= MAX_SEARCH_NODES };
}

/** Generalised arc consistency. Mutates: domains. @returns false if a domain became empty */
function propagate(
  tables: readonly Table[],
  tablesOfVariable: readonly (readonly number[])[],
  domains: Set<number>[],
  touched: readonly number[],
): boolean {
  const queue = [...touched];
  const isQueued = new Set(queue);
  for (let table = queue.shift(); table !== undefined; table = queue.shift()) {
    isQueued.delete(table);
    const { variables, tuples } = tables[table]!;
    const supported = variables.map(() => new Set<number>());
    for (const tuple of tuples) {
      if (!tuple.every((axis, place) => domains[variables[place]!]!.has(axis))) continue;
      tuple.forEach((axis, place) => supported[place]!.add(axis));
    }
    for (const [place, variable] of variables.entries()) {
      const domain = domains[variable]!;
      const kept = new Set([...domain].filter((axis) => supported[place]!.has(axis)));
      if (kept.size === 0) return false;
      if (kept.size === domain.size) continue;
      domains[variable] = kept;
      for (const other of tablesOfVariable[variable]!) {
        if (isQueued.has(other)) continue;
        isQueued.add(other);
        queue.push(other);
      }
    }
  }
  return true;
}

/** Leaves out one operation after the other as long as the rest still contradicts itself. */
function explainConflict(problem: AxisProblem): AxisConflict {
  let core = [...problem.ops];
  for (const op of problem.ops) {
    const without = core.filter((other) => other !== op);
    if (without.length > 0 && !solveAxes({ ...problem, ops: without })) core = without;
  }
  const described = core.map((op) => `"${op.id}" ${describeTuples(op, problem)}`);
  const fixed = core.flatMap((op) => {
    const places = [...op.ins, ...op.outs];
    return op.ins.filter((name) => {
      const place = places.indexOf(name);
      const isIrregular = axisTuples(op, problem.tensors, problem.numParts).some((tuple) => tuple[place]! >= BY_EXPERT);
      return isIrregular && problem.outside?.has(name);
    });
  });
  if (fixed.length > 0)
    described.push(`${[...new Set(fixed)].join(', ')} made before the range, before encoding in parts`);
  return { kind: 'conflict', ops: core.map(({ id }) => id), text: described.join('; but ') };
}

function describeTuples(op: OverlapOp, { tensors, numParts }: AxisProblem): string {
  const tuples = axisTuples(op, tensors, numParts);
  if ((op.rule ?? 'whole') === 'whole') return 'cannot be cut';
  if (tuples.length === 0) return `has no axis that ${numParts} parts divide`;
  const places = [...op.ins, ...op.outs];
  const forms = tuples
    .slice(0, 3)
    .map((tuple) =>
      tuple
        .flatMap((axis, place) => (tensors[places[place]!]?.isParameter ? [] : [`${places[place]} ${axisName(axis)}`]))
        .join(', '),
    );
  return `needs ${forms.join(', or ')}`;
}

/** A variable of its own for every reader of an outside tensor. */
function readBy(name: string, { id }: OverlapOp): string {
  return `${name}${READ_BY}${id}`;
}

function fullDomain(variable: string, { tensors, outside }: AxisProblem): Set<number> {
  const [name] = variable.split(READ_BY) as [string];
  const axes = tensors[name]?.shape.keys() ?? [];
  return new Set([WHOLE, ...axes, ...(outside?.has(name) ? [] : [BY_EXPERT, BY_PLACE])]);
}
