/** Writes cut ranges into the graph: parts of operations in pipeline order, then the operations that put tensors together
 *  again for the backward pass, which stays whole (paper). */
import { BY_EXPERT, WHOLE } from './axis-rules.ts';
import type { CutRange } from './range-costs.ts';
import type { OverlapGraph, OverlapOp, TensorInfo } from './types.ts';

/** Where an operation of a plan comes from. */
export interface PlanNote {
  readonly source: string;
  /** 0 … of−1 */
  readonly part: number;
  readonly of: number;
}

/** @param ranges  disjoint, in order */
export function partitionGraph(
  graph: OverlapGraph,
  ranges: readonly CutRange[],
): { readonly graph: OverlapGraph; readonly notes: ReadonlyMap<string, PlanNote> } {
  const ops: OverlapOp[] = [];
  const notes = new Map<string, PlanNote>();
  const tensors: Record<string, TensorInfo> = { ...graph.tensors };
  let next = 0;
  for (const range of ranges) {
    ops.push(...graph.ops.slice(next, range.start));
    next = range.end;
    ops.push(...cutOps(graph, range, tensors, notes));
  }
  ops.push(...graph.ops.slice(next));
  return { graph: { ...graph, ops, tensors }, notes };
}

function cutOps(
  graph: OverlapGraph,
  { start, end, numParts, axisOf, steps, merges }: CutRange,
  tensors: Record<string, TensorInfo>,
  notes: Map<string, PlanNote>,
): OverlapOp[] {
  const made = new Set(
    steps.flatMap(({ op, part }) => (part >= 0 ? graph.ops[start + op]!.outs.filter((name) => isCut(name)) : [])),
  );
  function isCut(name: string): boolean {
    return (axisOf.get(name) ?? WHOLE) !== WHOLE;
  }
  const joined = new Set(merges.map(({ tensor }) => tensor));
  const ops = steps.map(({ op: index, part, timeMs }): OverlapOp => {
    const op = graph.ops[start + index]!;
    if (part < 0) return op;
    const id = `${op.id}#${part + 1}/${numParts}`;
    notes.set(id, { source: op.id, part, of: numParts });
    const named = (name: string): string => (made.has(name) ? `${name}#${part}` : name);
    for (const name of op.outs)
      if (made.has(name)) tensors[named(name)] = partInfo(tensors[name], axisOf.get(name)!, numParts);
    // Capacity passing: each part starts from what the parts before have used.
    const isEncode = op.rule === 'encode' || op.rule === 'encode-whole';
    const used = (of: number): string[] => (isEncode && of >= 0 && of < numParts - 1 ? [`${op.id}.used#${of}`] : []);
    for (const name of used(part)) tensors[name] = { shape: [1] };
    return {
      ...op,
      id,
      kind: op.kind === 'a2a' && axisOf.get(op.ins[0]!) === BY_EXPERT ? 'a2av' : op.kind,
      ins: [...op.ins.map(named), ...used(part - 1)],
      outs: [...op.outs.map(named), ...used(part)],
      timeMs,
      ...(op.bytes === undefined ? {} : { bytes: op.bytes / numParts }),
      ...(op.flops === undefined ? {} : { flops: op.flops / numParts }),
      ...(op.movedBytes === undefined ? {} : { movedBytes: op.movedBytes / numParts }),
    };
  });
  const merged = merges.map(({ tensor, bytes, ms }): OverlapOp => ({
    id: `merge ${tensor}`,
    kind: 'compute',
    role: 'fwd',
    ins: Array.from({ length: numParts }, (_, part) => `${tensor}#${part}`),
    outs: [tensor],
    timeMs: ms,
    movedBytes: ms > 0 ? 2 * bytes : 0,
  }));
  // Cut tensors that nobody outside reads vanish as wholes.
  for (const op of graph.ops.slice(start, end))
    for (const name of op.outs) if (made.has(name) && !joined.has(name)) delete tensors[name];
  return [...ops, ...merged];
}

function partInfo(info: TensorInfo | undefined, axis: number, numParts: number): TensorInfo {
  const { shape, ...rest } = info ?? { shape: [] };
  // A part of a dispatch buffer may hold any number of rows: it is as large as the whole.
  return { ...rest, shape: shape.map((size, index) => (index === axis ? size / numParts : size)) };
}
