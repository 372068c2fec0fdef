/** A layer of a model described by a graph of its own: parameters, FLOPs and bytes come from the graph, not from a table.
 *  Graphs are only built and counted, never run, so full-size models cost nothing. */
import { costOfGraph, createGraphBuilder, type Graph, type GraphValue } from '@tenfold/core/graph';
import { createNet, type Net } from '@tenfold/core/nn';
import type { LayerKind } from '../types.ts';

/** Half-precision training: weights, gradients and activations in bf16. */
const BYTES_PER_NUMBER = 2;
const VIEW_OPS: ReadonlySet<string> = new Set([
  'Reshape',
  'Transpose',
  'Softmax',
  'Expand',
  'Slice',
  'Split',
  'Squeeze',
  'Unsqueeze',
]);

export interface GraphLayer {
  readonly name: string;
  readonly kind: LayerKind;
  readonly numParams: number;
  /** Per sample. */
  readonly flops: number;
  readonly activationBytesPerSample: number;
  readonly outputBytesPerSample: number;
  /** Of the output, batch 1. */
  readonly outputShape: readonly number[];
  /** Names of what it reads. */
  readonly inputs: readonly string[];
}

/** @param inputs  shapes by name, batch 1
 *  @param build  builds the layer and returns its output */
export function layerFromGraph(
  name: string,
  inputs: Readonly<Record<string, readonly number[]>>,
  build: (net: Net, values: Readonly<Record<string, GraphValue>>) => GraphValue,
  kind: LayerKind = 'trainable',
): GraphLayer {
  const builder = createGraphBuilder(name);
  const net = createNet(builder);
  const values = Object.fromEntries(
    Object.entries(inputs).map(([input, shape]) => [input, builder.input(input, 'float32', shape)]),
  );
  const output = build(net, values);
  builder.output(output, 'output');
  const graph = builder.finish();
  return {
    name,
    kind,
    numParams: graph.states.reduce((sum, { value }) => sum + numelOf(graph.values[value]!.shape), 0),
    flops: costOfGraph(graph).flops,
    activationBytesPerSample: activationBytes(graph),
    outputBytesPerSample: BYTES_PER_NUMBER * numelOf(output.shape),
    outputShape: output.shape,
    inputs: Object.keys(inputs),
  };
}

/** Outputs that the backward pass needs; views are free, and attention scores are recomputed tile by tile. */
function activationBytes(graph: Graph): number {
  const scores = new Set<number>();
  for (const { op, inputs } of graph.nodes) if (op === 'Softmax') scores.add(inputs[0]!);
  let sum = 0;
  for (const { op, outputs } of graph.nodes)
    if (!VIEW_OPS.has(op)) for (const id of outputs) if (!scores.has(id)) sum += numelOf(graph.values[id]!.shape);
  return BYTES_PER_NUMBER * sum;
}

function numelOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
