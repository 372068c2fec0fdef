/** The forward pass as groups: the only places where a range may begin or end. A group ends when it has γ ms; encoding
 *  and decoding stand alone; from the first to the second all-to-all of a layer everything is one group. */
import { dataflowOf, isAllToAll } from './op-graph.ts';
import type { OverlapGraph, OverlapOp } from './types.ts';

export interface ForwardGroups {
  /** Operations [firstOp[i], firstOp[i+1]) form group i; the last entry is the number of forward operations. */
  readonly firstOp: readonly number[];
  readonly gammaMs: number;
  /** ι in groups: from one mixture-of-experts layer to the next. */
  readonly maxGroups: number;
}

/** Groups between two mixture-of-experts layers in the paper's settings. */
const GROUPS_PER_LAYER = 5;

/** @param options.gammaMs  default: the time between two layers / 5 */
export function groupForward(
  graph: OverlapGraph,
  options: { readonly gammaMs?: number; readonly maxGroups?: number } = {},
): ForwardGroups {
  const { ops } = graph;
  const numForward = numForwardOps(graph);
  const blocks = exchangeBlocks(ops.slice(0, numForward));
  const gammaMs = options.gammaMs ?? timeBetween(ops, blocks, numForward) / GROUPS_PER_LAYER;
  const firstOp: number[] = [0];
  const cut = (at: number): void => {
    if (at > firstOp.at(-1)! && at < numForward) firstOp.push(at);
  };
  let timeMs = 0;
  for (let op = 0; op < numForward; op++) {
    const block = blocks.find(({ start }) => start === op);
    const isAlone = ops[op]!.moe?.part === 'dispatch' || ops[op]!.moe?.part === 'gather';
    if (block || isAlone) {
      cut(op);
      op = block ? block.end - 1 : op;
      cut(op + 1);
      timeMs = 0;
      continue;
    }
    timeMs += ops[op]!.timeMs;
    if (timeMs >= gammaMs) {
      cut(op + 1);
      timeMs = 0;
    }
  }
  const groupOf = (op: number): number => firstOp.findLastIndex((first) => first <= op);
  const apart = blocks.length > 1 ? groupOf(blocks[1]!.start) - groupOf(blocks[0]!.start) : Math.max(1, firstOp.length);
  return { firstOp: [...firstOp, numForward], gammaMs, maxGroups: options.maxGroups ?? apart };
}

export function numForwardOps({ ops }: OverlapGraph): number {
  const first = ops.findIndex(({ role }) => role !== 'fwd');
  return first < 0 ? ops.length : first;
}

interface Block {
  readonly start: number;
  readonly end: number;
}

/** From a layer's first all-to-all to its last, [start, end). */
function exchangeBlocks(ops: readonly OverlapOp[]): Block[] {
  const blocks = new Map<number, { start: number; end: number }>();
  ops.forEach((op, index) => {
    if (!isAllToAll(op)) return;
    const layer = op.moe?.layer ?? 0;
    const block = blocks.get(layer);
    if (block) block.end = index + 1;
    else blocks.set(layer, { start: index, end: index + 1 });
  });
  return [...blocks.values()];
}

function timeBetween(ops: readonly OverlapOp[], blocks: readonly Block[], numForward: number): number {
  const [first, second] = blocks;
  const [start, end] = first && second ? [first.end, second.start] : [0, numForward];
  return ops.slice(start, end).reduce((sum, { timeMs }) => sum + timeMs, 0);
}

/** Structure of every forward operation relative to its place: equal texts behave alike (layers repeat). */
export function structuralKeys(graph: OverlapGraph): string[] {
  const { producers } = dataflowOf(graph);
  const producerOf = new Map(graph.ops.flatMap((op, index) => op.outs.map((tensor) => [tensor, index] as const)));
  return graph.ops.map((op, index) => {
    const shape = (name: string): string => graph.tensors[name]?.shape.join('x') ?? '';
    const ins = op.ins.map((name) => `${shape(name)}@${producerOf.has(name) ? index - producerOf.get(name)! : 'in'}`);
    const reads = producers[index]!.map((producer) => index - producer);
    return [op.kind, op.rule, op.axis, op.timeMs, ins.join(), op.outs.map(shape).join(), reads.join()].join('|');
  });
}
