/** Operations of the room from a core graph (built here, or read from ONNX). All-to-alls and reductions become
 *  communication; nodes of a module named `encode` or `decode` (forward) become one operation; roles come from autodiff. */
import { costOfNode, OP_PROPERTIES, type Graph, type GraphNode } from '@tenfold/core/graph';
import { bytesPerElement, numel } from '@tenfold/core/tensor';
import { NEEDS_WHOLE_BATCH } from './gates.ts';
import { verifyOverlapGraph } from './op-graph.ts';
import type { AxisRule, GateName, MoePart, OverlapGraph, OverlapOp, OpKind, OpRole, TensorInfo } from './types.ts';

export interface CoreImportOptions {
  readonly gate: GateName;
  readonly batch: number;
}

type Timed = Omit<OverlapOp, 'timeMs'>;

/** @returns a graph with all times 0; see withTimes. */
export function overlapGraphFromCore(graph: Graph, { gate, batch }: CoreImportOptions): OverlapGraph {
  // Other exporters keep weights as constants; single numbers are no operands to cut.
  const constants = [...graph.initializers.keys()].filter((value) => numel(graph.values[value]!.shape) > 1);
  const parameters = new Set([...graph.states.map(({ value }) => value), ...constants]);
  const known = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  const isRead = (value: number): boolean => known.has(value) || graph.inputs.includes(value) || parameters.has(value);
  const nameOf = (value: number): string => graph.values[value]!.name;
  const runs = joinedRuns(graph.nodes);
  const lastReader = new Map<number, number>();
  runs.forEach((nodes, run) => nodes.forEach((node) => node.inputs.forEach((value) => lastReader.set(value, run))));
  const outputs = new Set([...graph.outputs, ...graph.states.flatMap(({ next }) => next ?? [])]);
  const dispatch = new Set<number>();
  const ops = runs.map((nodes, run): OverlapOp => {
    const own = new Set(nodes.flatMap((node) => node.outputs));
    const ins = [...new Set(nodes.flatMap(({ inputs }) => inputs))].filter((value) => !own.has(value) && isRead(value));
    const outs = [...own].filter((value) => value >= 0 && (lastReader.get(value) !== run || outputs.has(value)));
    const first = nodes[0]!;
    const kind = kindOf(first);
    const part = moePartOf(first);
    const isBuffered = part === 'a2a' || part === 'expert' || part === 'dispatch';
    for (const value of outs) if (isBuffered && graph.values[value]!.shape.length > 2) dispatch.add(value);
    const costs = nodes.map((node) => costOfNode(graph, node));
    const sum = (pick: (cost: (typeof costs)[number]) => number) => costs.reduce((all, cost) => all + pick(cost), 0);
    const layer = Number(/layers\.(\d+)/.exec(first.notes.module)?.[1] ?? 0);
    const moved =
      nodes.length === 1
        ? sum(({ bytesRead, bytesWritten }) => bytesRead + bytesWritten)
        : [...ins, ...outs].reduce((all, value) => all + byteLengthOf(graph, value), 0);
    const base: Timed = {
      id: nodes.length === 1 ? placedName(first) : `${first.notes.module}/${first.notes.phase}`,
      kind,
      role: roleOf(first),
      ins: ins.map(nameOf),
      outs: outs.map(nameOf),
      ...(kind === 'compute'
        ? { flops: sum(({ flops }) => flops), movedBytes: isView(nodes) ? 0 : moved }
        : { bytes: byteLengthOf(graph, first.inputs[0]!) }),
      ...(part || kind === 'a2a' ? { moe: { layer, part: part ?? ('a2a' as const) } } : {}),
      ...ruleOf(nodes, graph, gate),
    };
    return { ...base, timeMs: 0 };
  });
  const tensors: Record<string, TensorInfo> = {};
  for (const { id, name, shape, dtype } of graph.values) {
    tensors[name] = {
      shape,
      bytesPerElement: bytesPerElement(dtype),
      ...(dispatch.has(id) ? { isDispatchBuffer: true } : {}),
      ...(/(^|\/)places(:|_|$)/.test(name) ? { isPlaces: true } : {}),
      ...(parameters.has(id) ? { isParameter: true } : {}),
    };
  }
  return verifyOverlapGraph({ name: graph.name, gate, ops, tensors, batch });
}

/** Consecutive forward nodes of one `encode` or `decode` module belong together. */
function joinedRuns(nodes: readonly GraphNode[]): GraphNode[][] {
  const runs: GraphNode[][] = [];
  let key = '';
  for (const node of nodes) {
    const { module, phase } = node.notes;
    const isJoined = phase === 'forward' && /\.(encode|decode)$/.test(module);
    if (isJoined && key === module) runs.at(-1)!.push(node);
    else runs.push([node]);
    key = isJoined ? module : '';
  }
  return runs;
}

/** PyTorch's names (`node_linear_3`) do not say where a node is. */
function placedName({ name, notes: { module } }: GraphNode): string {
  return module === '' || name.includes('/') ? name : `${module}/${name}`;
}

function kindOf({ op }: GraphNode): OpKind {
  if (op === 'AllToAll') return 'a2a';
  return OP_PROPERTIES[op].isCollective ? 'allreduce' : 'compute';
}

function roleOf({ notes: { phase, role } }: GraphNode): OpRole {
  if (phase === 'forward') return 'fwd';
  if (phase === 'update') return 'opt';
  return role === 'dW' ? 'dW' : 'dX';
}

const PART_OF_SCOPE: Readonly<Record<string, MoePart>> = {
  gate: 'gate',
  encode: 'dispatch',
  a2a: 'a2a',
  experts: 'expert',
  decode: 'gather',
};

function moePartOf({ op, notes: { module } }: GraphNode): MoePart | undefined {
  const scope = /\.moe\.(gate|encode|experts|decode)/.exec(module)?.[1];
  if (op === 'AllToAll') return 'a2a';
  return scope === undefined ? undefined : PART_OF_SCOPE[scope];
}

/** Layout changes that move nothing. */
function isView(nodes: readonly GraphNode[]): boolean {
  return nodes.every(({ op }) =>
    ['Reshape', 'Identity', 'Squeeze', 'Unsqueeze', 'StopGradient', 'Flatten'].includes(op),
  );
}

function byteLengthOf({ values }: Graph, value: number): number {
  const { shape, dtype } = values[value]!;
  return shape.reduce((product, size) => product * size, bytesPerElement(dtype));
}

function ruleOf(
  nodes: readonly GraphNode[],
  graph: Graph,
  gate: GateName,
): { rule: AxisRule; axis?: number; permutation?: readonly number[] } {
  const [node] = nodes as readonly [GraphNode];
  const { op, attributes, notes, inputs } = node;
  if (notes.phase !== 'forward') return { rule: 'whole' };
  if (notes.module.endsWith('.encode')) return { rule: NEEDS_WHOLE_BATCH[gate] ? 'encode-whole' : 'encode' };
  if (notes.module.endsWith('.decode')) return { rule: 'decode' };
  if (op === 'AllToAll') return { rule: 'a2a' };
  if (notes.module.endsWith('.experts')) return { rule: 'expert' };
  if (OP_PROPERTIES[op].isElementwise) return { rule: 'elementwise' };
  const rankOf = (input: number): number => graph.values[inputs[input]!]?.shape.length ?? 0;
  const last = rankOf(0) - 1;
  const axis = attributes['axis'] as number | undefined;
  switch (op) {
    case 'MatMul':
      return { rule: rankOf(1) > 2 ? 'batch-matmul' : 'matmul' };
    case 'Gemm':
    case 'FusedMatMul':
      // Rows only: the columns of a transposed weight lie on another axis.
      return attributes['transA'] === 1 || rankOf(1) > 2 ? { rule: 'whole' } : { rule: 'norm', axis: last };
    case 'Softmax':
    case 'LogSoftmax':
    case 'LayerNormalization':
    case 'SimplifiedLayerNormalization':
      return { rule: 'norm', axis: axis ?? last };
    case 'Reshape':
    case 'Flatten':
    case 'Squeeze':
    case 'Unsqueeze':
    case 'Identity':
      return { rule: 'reshape' };
    case 'Transpose':
      return { rule: 'transpose', permutation: attributes['perm'] as readonly number[] };
    case 'Split':
    case 'Slice':
      return { rule: 'split', axis: axis ?? (attributes['axes'] as readonly number[] | undefined)?.[0] ?? 0 };
    case 'Concat':
      return { rule: 'concat', axis: axis ?? 0 };
    case 'Gather':
      return axis === 0 ? { rule: 'embedding' } : { rule: 'whole' };
    default:
      return { rule: 'whole' };
  }
}
