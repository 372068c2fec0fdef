/** A profiled graph as a chain: nodes in topological order, edges that pass over a node become skips. */
import { pipeError } from '../pipe-errors.ts';
import type { DiffusionModel, LayerProfile, Skip } from '../types.ts';
import { validateModel } from '../validate.ts';

export interface RawNode {
  readonly id: string;
  readonly name: string;
  readonly forwardMs: number;
  readonly backwardMs: number;
  /** For the profiled batch. */
  readonly outputBytes: number;
  readonly activationBytes: number;
  readonly paramBytes: number;
}

export function chainModel(
  nodes: readonly RawNode[],
  edges: readonly (readonly [string, string])[],
  { file, batch, origin }: { readonly file: string; readonly batch: number; readonly origin: string },
): DiffusionModel {
  const order = topologicalNodes(nodes, edges, file);
  const position = new Map(order.map(({ id }, index) => [id, index]));
  const table = (ms: number): LayerProfile['forward'] => ({
    sizes: [1, batch + 1],
    timesMs: [ms / batch, (ms / batch) * (batch + 1)],
  });
  const layers = order.map((node): LayerProfile => ({
    name: node.name,
    kind: 'trainable',
    forward: table(node.forwardMs),
    backward: table(node.backwardMs),
    paramBytes: node.paramBytes,
    gradBytes: node.paramBytes,
    activationBytesPerSample: node.activationBytes / batch,
    outputBytesPerSample: node.outputBytes / batch,
  }));
  const skips: Skip[] = [];
  for (const [source, target] of edges) {
    const from = position.get(source)!;
    const to = position.get(target)!;
    if (to > from + 1) skips.push({ from, to, bytesPerSample: layers[from]!.outputBytesPerSample });
  }
  // A layer that its successor does not read sends nothing but its skips: the main output is then a skip already.
  const reads = new Set(edges.map(([source, target]) => `${position.get(source)!}>${position.get(target)!}`));
  const chained = layers.map((layer, index) =>
    index < layers.length - 1 && !reads.has(`${index}>${index + 1}`) && !skips.some(({ from }) => from === index)
      ? { ...layer, outputBytesPerSample: 0 }
      : layer,
  );
  const name = file.split('/').at(-1)!;
  const model: DiffusionModel = { name, backbones: [{ name, layers: chained, skips }], frozen: [], origin };
  validateModel(model);
  return model;
}

function topologicalNodes(
  nodes: readonly RawNode[],
  edges: readonly (readonly [string, string])[],
  file: string,
): RawNode[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const numInputs = new Map(nodes.map(({ id }) => [id, 0]));
  const readers = new Map<string, string[]>();
  for (const [source, target] of edges) {
    if (!byId.has(source) || !byId.has(target))
      throw pipeError('TF-PIPE-001', {
        subject: 'readModel',
        expected: 'edges between listed nodes',
        actual: `${source} → ${target}`,
        location: file,
      });
    numInputs.set(target, numInputs.get(target)! + 1);
    readers.set(source, [...(readers.get(source) ?? []), target]);
  }
  const number = (id: string): number => Number(id.replace(/\D/g, ''));
  const ready = nodes.filter(({ id }) => numInputs.get(id) === 0).map(({ id }) => id);
  const order: RawNode[] = [];
  while (ready.length > 0) {
    ready.sort((a, b) => number(a) - number(b));
    const id = ready.shift()!;
    order.push(byId.get(id)!);
    for (const reader of readers.get(id) ?? []) {
      numInputs.set(reader, numInputs.get(reader)! - 1);
      if (numInputs.get(reader) === 0) ready.push(reader);
    }
  }
  if (order.length < nodes.length)
    throw pipeError('TF-PIPE-001', {
      subject: 'readModel',
      expected: 'a graph without a circle',
      actual: `${nodes.length - order.length} nodes in a circle`,
      location: file,
    });
  return order;
}
