/** Peephole clean-ups. Pre: sound graph. Post: no Identity but for outputs, no layout op that changes nothing,
 *  no Reshape-like of a Reshape-like, no Transpose of a Transpose, no Cast to the dtype a value already has,
 *  no Cast to a wider dtype and back; meaning unchanged. */
import { DTYPES, equalShapes, type Dtype } from '../../tensor/index.ts';
import type { OpName } from '../ops/op-names.ts';
import { attributesOf } from '../ops/op-schemas.ts';
import type { Graph, GraphNode, GraphValue } from '../types.ts';
import { removeDeadCode } from './remove-dead-code.ts';
import { transformGraph, type TransformContext } from './transform-graph.ts';

/** Ops whose result is the input's elements in the same order under another shape. */
const RESHAPES: ReadonlySet<OpName> = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten']);

/** Where a new value came from, for looking one step back. */
interface Origin {
  readonly op: OpName;
  readonly source: GraphValue;
  /** Transposes only. */
  readonly perm?: readonly number[];
}

/** Cost: O(nodes). */
export function cleanUp(graph: Graph): Graph {
  const origins = new Map<number, Origin>();
  const outputs = new Set(graph.outputs);
  const cleaned = transformGraph(graph, (node, context) => {
    const source = context.inputs[0];
    const resultId = node.outputs[0];
    if (source === undefined || resultId === undefined || node.outputs.length !== 1) return undefined;
    const shorter =
      outputs.has(resultId) && node.op === 'Identity' ? undefined : simplify(node, source, context, origins);
    const [result] = shorter ?? context.copy();
    const isOneStep = RESHAPES.has(node.op) || node.op === 'Transpose' || node.op === 'Cast';
    if (isOneStep && result !== source && !origins.has(result!.id))
      origins.set(result!.id, {
        op: node.op,
        source,
        ...(node.op === 'Transpose' ? attributesOf(node, 'Transpose') : {}),
      });
    return [result!];
  });
  return removeDeadCode(cleaned);
}

function simplify(
  node: GraphNode,
  source: GraphValue,
  { builder }: TransformContext,
  origins: Map<number, Origin>,
): readonly GraphValue[] | undefined {
  const before = origins.get(source.id);
  if (node.op === 'Identity') return [source];
  if (node.op === 'Transpose') {
    const { perm } = attributesOf(node, 'Transpose');
    if (isIdentityPerm(perm)) return [source];
    if (before?.perm === undefined) return undefined;
    const joined = perm.map((axis) => before.perm![axis]!);
    if (isIdentityPerm(joined)) return [before.source];
    const results = builder.node('Transpose', [before.source], { perm: joined }, { name: node.name });
    origins.set(results[0]!.id, { op: 'Transpose', source: before.source, perm: joined });
    return results;
  }
  if (node.op === 'Cast') return simplifyCast(attributesOf(node, 'Cast').to, source, before);
  if (node.op === 'Expand' || node.op === 'Tile' || node.op === 'Pad' || node.op === 'Slice')
    return isUnchanged(node, source) ? [source] : undefined;
  if (!RESHAPES.has(node.op)) return undefined;
  const shape = reshapedShape(node, source);
  if (equalShapes(shape, source.shape)) return [source];
  if (before === undefined || !RESHAPES.has(before.op)) return undefined;
  if (equalShapes(shape, before.source.shape)) return [before.source];
  const results = builder.node('Reshape', [before.source], { shape }, { name: node.name });
  origins.set(results[0]!.id, { op: 'Reshape', source: before.source });
  return results;
}

function isIdentityPerm(perm: readonly number[]): boolean {
  return perm.every((axis, i) => axis === i);
}

function simplifyCast(to: Dtype, source: GraphValue, before: Origin | undefined): readonly GraphValue[] | undefined {
  if (source.dtype === to) return [source];
  const isBack = before?.op === 'Cast' && before.source.dtype === to;
  return isBack && isWider(source.dtype, to) ? [before.source] : undefined;
}

/** Every value of the narrow float exists in the wide one. */
function isWider(wide: Dtype, narrow: Dtype): boolean {
  if (DTYPES[wide].kind !== 'float' || DTYPES[narrow].kind !== 'float') return false;
  return wide === 'float64' || (wide === 'float32' && narrow !== 'float64');
}

function isUnchanged(node: GraphNode, source: GraphValue): boolean {
  switch (node.op) {
    case 'Expand':
      return equalShapes(attributesOf(node, 'Expand').shape, source.shape);
    case 'Tile':
      return attributesOf(node, 'Tile').repeats.every((count) => count === 1);
    case 'Pad':
      return attributesOf(node, 'Pad').pads.every((pad) => pad === 0);
    default: {
      const { starts, ends, axes, steps } = attributesOf(node, 'Slice');
      return axes.every((axis, i) => starts[i] === 0 && steps[i] === 1 && ends[i] === source.shape[axis]);
    }
  }
}

function reshapedShape(node: GraphNode, source: GraphValue): readonly number[] {
  if (node.op === 'Reshape') return attributesOf(node, 'Reshape').shape;
  const { shape } = source;
  if (node.op === 'Squeeze') {
    const { axes } = attributesOf(node, 'Squeeze');
    return shape.filter((_, axis) => !axes.includes(axis));
  }
  if (node.op === 'Unsqueeze') {
    const wider = [...shape];
    for (const axis of attributesOf(node, 'Unsqueeze').axes) wider.splice(axis, 0, 1);
    return wider;
  }
  const { axis } = attributesOf(node, 'Flatten');
  const product = (sizes: readonly number[]) => sizes.reduce((all, size) => all * size, 1);
  return [product(shape.slice(0, axis)), product(shape.slice(axis))];
}
