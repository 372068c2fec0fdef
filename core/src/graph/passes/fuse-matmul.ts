/** Moves transposes and scalar factors into FusedMatMul. Pre: sound graph. Post: no MatMul or FusedMatMul of an allowed
 *  dtype reads a Transpose of the last two axes, is read only by such a Transpose, or is read only by a Mul or Div with a
 *  scalar constant; meaning unchanged up to where the factor is rounded. */
import { numbersFromTensor, type Dtype } from '../../tensor/index.ts';
import { attributesOf, type AttributesOf } from '../ops/op-schemas.ts';
import type { Graph, GraphNode, GraphValue, ValueId } from '../types.ts';
import { removeDeadCode } from './remove-dead-code.ts';
import { countUses, findProducers, transformGraph, type TransformContext } from './transform-graph.ts';

export interface FuseMatMulOptions {
  /** Engines have kernels for these; default f32 alone. */
  readonly dtypes?: readonly Dtype[];
}

type FusedAttributes = AttributesOf<'FusedMatMul'>;

interface Product {
  readonly a: ValueId;
  readonly b: ValueId;
  readonly attributes: FusedAttributes;
}

const PLAIN: FusedAttributes = { alpha: 1, transA: 0, transB: 0, transBatchA: 0, transBatchB: 0 };

/** Cost: O(nodes) a round; rounds go on while they shorten the graph, two or three in practice. */
export function fuseMatMul(graph: Graph, { dtypes = ['float32'] }: FuseMatMulOptions = {}): Graph {
  let before = graph;
  let after = fuseOnce(before, dtypes);
  while (after.nodes.length < before.nodes.length) {
    before = after;
    after = fuseOnce(before, dtypes);
  }
  return after;
}

/** A fusion can leave a product with one reader less, which the next round uses. */
function fuseOnce(graph: Graph, dtypes: readonly Dtype[]): Graph {
  const producers = findProducers(graph);
  const uses = countUses(graph);
  // Old output id → the product that now makes it.
  const products = new Map<ValueId, Product>();
  for (const node of graph.nodes) {
    if (!dtypes.includes(graph.values[node.outputs[0] ?? -1]?.dtype as Dtype)) continue;
    const product = productOf(graph, node, producers) ?? absorbed(graph, node, products, uses);
    if (product !== undefined) products.set(node.outputs[0]!, product);
  }
  const fused = transformGraph(graph, (node, context) => {
    const product = products.get(node.outputs[0]!);
    return product === undefined ? undefined : build(node, product, context);
  });
  return removeDeadCode(fused);
}

function build(
  node: GraphNode,
  { a, b, attributes }: Product,
  { builder, map }: TransformContext,
): readonly GraphValue[] {
  const { alpha, transA, transB, transBatchA, transBatchB } = attributes;
  const options = { name: node.name };
  if (alpha === 1 && transA + transB + transBatchA + transBatchB === 0)
    return builder.node('MatMul', [map(a), map(b)], {}, options);
  return builder.node('FusedMatMul', [map(a), map(b)], attributes, options);
}

/** A product with the transposes of its operands taken in. */
function productOf(graph: Graph, node: GraphNode, producers: readonly (GraphNode | undefined)[]): Product | undefined {
  if (node.op !== 'MatMul' && node.op !== 'FusedMatMul') return undefined;
  const given = node.op === 'MatMul' ? PLAIN : attributesOf(node, 'FusedMatMul');
  let [a, b] = node.inputs as [ValueId, ValueId];
  let { transA, transB } = given;
  // FusedMatMul ignores trans of vectors, so both operands must be matrices at least.
  if (Math.min(graph.values[a]!.shape.length, graph.values[b]!.shape.length) < 2) return undefined;
  for (let source = sourceOfSwap(producers[a]); source !== undefined && given.transBatchA === 0;) {
    [a, transA] = [source, 1 - transA];
    source = sourceOfSwap(producers[a]);
  }
  for (let source = sourceOfSwap(producers[b]); source !== undefined && given.transBatchB === 0;) {
    [b, transB] = [source, 1 - transB];
    source = sourceOfSwap(producers[b]);
  }
  return { a, b, attributes: { ...given, transA, transB } };
}

/** Input of a Transpose that swaps the last two axes. */
function sourceOfSwap(node: GraphNode | undefined): ValueId | undefined {
  return node !== undefined && isSwap(node) ? node.inputs[0] : undefined;
}

function isSwap(node: GraphNode): boolean {
  if (node.op !== 'Transpose') return false;
  const { perm } = attributesOf(node, 'Transpose');
  const rank = perm.length;
  return rank >= 2 && perm.every((axis, i) => axis === (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i));
}

/** A Transpose or scalar Mul or Div that is the only reader of a product. */
function absorbed(
  graph: Graph,
  node: GraphNode,
  products: ReadonlyMap<ValueId, Product>,
  uses: Uint32Array,
): Product | undefined {
  const onlyRead = (id: ValueId | undefined) => (id !== undefined && uses[id] === 1 ? products.get(id) : undefined);
  if (isSwap(node)) {
    const product = onlyRead(node.inputs[0]);
    const rankA = graph.values[product?.a ?? -1]?.shape.length;
    const isPlain = product?.attributes.transBatchA === 0 && product.attributes.transBatchB === 0;
    // (A·B)ᵀ = Bᵀ·Aᵀ
    if (product === undefined || !isPlain || rankA === undefined) return undefined;
    const { alpha, transA, transB } = product.attributes;
    return { a: product.b, b: product.a, attributes: { ...PLAIN, alpha, transA: 1 - transB, transB: 1 - transA } };
  }
  if (node.op !== 'Mul' && node.op !== 'Div') return undefined;
  const [first, second] = node.inputs as [ValueId, ValueId];
  const factor = scalarConstant(graph, second) ?? (node.op === 'Mul' ? scalarConstant(graph, first) : undefined);
  const product = onlyRead(scalarConstant(graph, second) === undefined ? second : first);
  if (factor === undefined || product === undefined) return undefined;
  const alpha = product.attributes.alpha * (node.op === 'Mul' ? factor : 1 / factor);
  return { ...product, attributes: { ...product.attributes, alpha } };
}

/** The value of a one-element constant of rank at most 1, which cannot widen a matrix. */
function scalarConstant(graph: Graph, id: ValueId): number | undefined {
  const tensor = graph.initializers.get(id);
  return tensor !== undefined && tensor.data.length === 1 && tensor.shape.length <= 1
    ? numbersFromTensor(tensor)[0]
    : undefined;
}
