/** P(start, end, k) of a real forward pass: axes are inferred, operations that can be cut are pipelined, parts are put
 *  together where the backward pass or later layers read the whole. Repeated layers are priced once. */
import { BY_EXPERT, BY_PLACE, WHOLE } from './axis-rules.ts';
import { inferAxes, solveAxes, type AxisConflict, type AxisProblem, type AxisSolution } from './axis-inference.ts';
import { structuralKeys, type ForwardGroups } from './forward-groups.ts';
import { dataflowOf, isAllToAll, isComm } from './op-graph.ts';
import { pipelineMs, pipelineSteps, type PipelineStep, type RangeOp } from './pipeline.ts';
import type { RangeProblem } from './range-choice.ts';
import type { OverlapGraph, OverlapOp, PartCosts } from './types.ts';

export interface CutRange {
  /** Operations [start, end). */
  readonly start: number;
  readonly end: number;
  readonly numParts: number;
  readonly axisOf: ReadonlyMap<string, number>;
  readonly steps: readonly PipelineStep[];
  /** Tensors that must be put together after the range, with their time. */
  readonly merges: readonly { readonly tensor: string; readonly bytes: number; readonly ms: number }[];
}

export interface RangePricer {
  readonly problem: RangeProblem;
  /** The range in detail; a conflict names operations that cannot be cut together. */
  cutRange(
    firstOp: number,
    endOp: number,
    numParts: number,
  ): CutRange | AxisConflict | { readonly kind: 'no-exchange' };
}

export function priceRanges(
  graph: OverlapGraph,
  groups: ForwardGroups,
  options: { readonly costs: PartCosts; readonly maxParts: number },
): RangePricer {
  const { ops, tensors } = graph;
  const { costs, maxParts } = options;
  const flow = dataflowOf(graph);
  const lastReader = new Map<string, number>();
  ops.forEach((op, index) => op.ins.forEach((tensor) => lastReader.set(tensor, index)));
  const isBatchFree = batchFreeOps(graph);
  const groupKeys = keysOfGroups(graph, groups);
  const known = new Map<string, number>();

  interface Candidate {
    readonly isCut: readonly boolean[];
    readonly problem: Omit<AxisProblem, 'numParts'>;
  }

  function parts(start: number, end: number): Candidate | undefined {
    const range = ops.slice(start, end);
    if (!range.some(isAllToAll)) return undefined;
    const connected = connectedToExchange(range, start, flow.producers, isBatchFree);
    const cut = range.filter((_, index) => connected[index] === 1);
    const made = new Set(cut.flatMap(({ outs }) => outs));
    const outside = new Set(cut.flatMap(({ ins }) => ins.filter((name) => !made.has(name))));
    return { isCut: Array.from(connected, (on) => on === 1), problem: { ops: cut, tensors, outside } };
  }

  function detail(start: number, end: number, isCut: readonly boolean[], solution: AxisSolution) {
    const range = ops.slice(start, end);
    const rangeOps: RangeOp[] = range.map((op, index) => ({
      isComm: isComm(op),
      isCut: isCut[index]!,
      producers: flow.producers[start + index]!.flatMap((producer) => (producer >= start ? [producer - start] : [])),
    }));
    const partMs = (op: number, k: number): number => costs.partMs(range[op]!, k);
    const merges = range.flatMap((op, index) =>
      op.outs.flatMap((tensor) => {
        const axis = solution.axisOf.get(tensor) ?? WHOLE;
        if (!isCut[index] || axis === WHOLE || !((lastReader.get(tensor) ?? -1) >= end)) return [];
        const bytes = byteLength(graph, tensor);
        // Parts along axis 0 are written side by side: nothing is moved.
        const isMoved = axis === BY_EXPERT || axis === BY_PLACE || axis > 0;
        return [{ tensor, bytes, ms: isMoved ? costs.mergeMs(bytes) : (costs.sideBySideMs?.(bytes) ?? 0) }];
      }),
    );
    return { rangeOps, partMs, merges };
  }

  function rangeMs(firstGroup: number, endGroup: number, numParts: number): number {
    const key = `${groupKeys.slice(firstGroup, endGroup).join()}/${numParts}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const ms = priceOf(groups.firstOp[firstGroup]!, groups.firstOp[endGroup]!, numParts);
    known.set(key, ms);
    return ms;
  }

  function priceOf(start: number, end: number, numParts: number): number {
    if (numParts === 1) return ops.slice(start, end).reduce((sum, op) => sum + op.timeMs, 0);
    const candidate = parts(start, end);
    if (!candidate) return Infinity;
    const solution = solveAxes({ ...candidate.problem, numParts });
    if (!solution) return Infinity;
    const { rangeOps, partMs, merges } = detail(start, end, candidate.isCut, solution);
    return pipelineMs(rangeOps, numParts, partMs) + merges.reduce((sum, { ms }) => sum + ms, 0);
  }

  return {
    problem: { numGroups: groups.firstOp.length - 1, maxParts, maxGroups: groups.maxGroups, rangeMs },
    cutRange(start, end, numParts) {
      const candidate = parts(start, end);
      if (!candidate) return { kind: 'no-exchange' };
      const solution = inferAxes({ ...candidate.problem, numParts });
      if (solution.kind === 'conflict') return solution;
      const { rangeOps, partMs, merges } = detail(start, end, candidate.isCut, solution);
      return {
        start,
        end,
        numParts,
        axisOf: solution.axisOf,
        steps: pipelineSteps(rangeOps, numParts, partMs),
        merges,
      };
    },
  };
}

export function byteLength({ tensors }: OverlapGraph, name: string): number {
  const info = tensors[name];
  return info ? info.shape.reduce((product, size) => product * size, info.bytesPerElement ?? 4) : 0;
}

/** Operations that no input of the batch reaches (masks, constants): they run once. */
function batchFreeOps(graph: OverlapGraph): Uint8Array {
  const free = new Uint8Array(graph.ops.length);
  const freeTensors = new Set<string>();
  graph.ops.forEach((op, index) => {
    const isFree =
      op.kind === 'compute' &&
      (op.rule ?? 'whole') === 'whole' &&
      op.ins.every((name) => freeTensors.has(name) || graph.tensors[name]?.isParameter);
    if (!isFree) return;
    free[index] = 1;
    for (const tensor of op.outs) freeTensors.add(tensor);
  });
  return free;
}

/** 1 for operations of the range that data ties to one of its exchanges. */
function connectedToExchange(
  range: readonly OverlapOp[],
  start: number,
  producers: readonly (readonly number[])[],
  isBatchFree: Uint8Array,
): Uint8Array {
  const component = range.map((_, index) => index);
  const find = (op: number): number => {
    while (component[op] !== op) op = component[op] = component[component[op]!]!;
    return op;
  };
  range.forEach((_, index) => {
    if (isBatchFree[start + index] === 1) return;
    for (const producer of producers[start + index]!) {
      if (producer >= start && isBatchFree[producer] === 0) component[find(index)] = find(producer - start);
    }
  });
  const roots = new Set(range.flatMap((op, index) => (isAllToAll(op) ? [find(index)] : [])));
  return Uint8Array.from(range, (_, index) => (isBatchFree[start + index] === 0 && roots.has(find(index)) ? 1 : 0));
}

function keysOfGroups(graph: OverlapGraph, { firstOp }: ForwardGroups): number[] {
  const keys = structuralKeys(graph);
  const idOf = new Map<string, number>();
  return firstOp.slice(0, -1).map((first, group) => {
    const text = keys.slice(first, firstOp[group + 1]).join('\n');
    const id = idOf.get(text) ?? idOf.size;
    idOf.set(text, id);
    return id;
  });
}
