/** Models from files: our JSON, PipeDream's graph.txt, Piper's JSON; told apart by their content.
 *  Layouts other than ours are read as their projects write them; DAGs become a chain in topological order, edges that
 *  pass over a layer become skips. */
import { pipeError } from '../pipe-errors.ts';
import type { DiffusionModel, LayerProfile, Skip } from '../types.ts';
import { validateModel } from '../validate.ts';

export interface ReadModelOptions {
  /** For messages. */
  readonly file: string;
  /** Samples that PipeDream's times were measured at. Default 64 (its profiler's). */
  readonly profiledBatch?: number;
}

/** @throws TF-PIPE-001 with file and place */
export function readModel(text: string, options: ReadModelOptions): DiffusionModel {
  if (!text.trimStart().startsWith('{')) return readPipeDream(text, options);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw pipeError('TF-PIPE-001', {
      subject: 'readModel',
      expected: 'JSON or a PipeDream graph',
      location: options.file,
      cause,
    });
  }
  if (typeof json === 'object' && json !== null && 'nodes' in json) return readPiper(json as PiperFile, options);
  const model = json as DiffusionModel;
  if (!Array.isArray(model.backbones))
    throw pipeError('TF-PIPE-001', {
      subject: 'readModel',
      expected: '"backbones" (own layout) or "nodes" (Piper)',
      actual: Object.keys(model).join(', ') || 'an empty object',
      location: options.file,
    });
  const complete: DiffusionModel = {
    ...model,
    name: model.name ?? options.file,
    origin: model.origin ?? options.file,
    frozen: model.frozen ?? [],
    backbones: model.backbones.map((backbone) => ({ ...backbone, skips: backbone.skips ?? [] })),
  };
  validateModel(complete);
  return complete;
}

interface RawNode {
  readonly id: string;
  readonly name: string;
  readonly forwardMs: number;
  readonly backwardMs: number;
  /** For the profiled batch. */
  readonly outputBytes: number;
  readonly activationBytes: number;
  readonly paramBytes: number;
}

const PIPEDREAM_NODE =
  /^(?:\t)?(node\d+) -- (.*) -- forward_compute_time=([\d.]+), backward_compute_time=([\d.]+), activation_size=(\[[^\]]*\]|[\d.]+), parameter_size=([\d.]+)/;
const PIPEDREAM_EDGE = /^\t(node\d+) -- (node\d+)$/;
const DEFAULT_PROFILED_BATCH = 64;

function readPipeDream(
  text: string,
  { file, profiledBatch = DEFAULT_PROFILED_BATCH }: ReadModelOptions,
): DiffusionModel {
  const nodes: RawNode[] = [];
  const edges: [string, string][] = [];
  text.split('\n').forEach((line, index) => {
    if (line.trim() === '') return;
    const edge = PIPEDREAM_EDGE.exec(line);
    if (edge) {
      edges.push([edge[1]!, edge[2]!]);
      return;
    }
    const node = PIPEDREAM_NODE.exec(line);
    if (!node)
      throw pipeError('TF-PIPE-001', {
        subject: 'readModel',
        expected: 'a line "nodeN -- name -- forward_compute_time=…" or a tab and "nodeN -- nodeM"',
        actual: JSON.stringify(line.slice(0, 60)),
        location: `${file}:${index + 1}`,
      });
    const [, id, name, forward, backward, activation, parameter] = node;
    const sizes = activation!.replace(/[[\]]/g, '').split(/[;,]/).map(Number);
    const outputBytes = sizes.reduce((sum, size) => sum + size, 0);
    nodes.push({
      id: id!,
      name: `${id!} ${name!.split('(')[0]!}`,
      forwardMs: Number(forward),
      backwardMs: Number(backward),
      outputBytes,
      activationBytes: outputBytes,
      paramBytes: Number(parameter),
    });
  });
  return chainModel(nodes, edges, {
    file,
    batch: profiledBatch,
    origin: `PipeDream profile ${file}, times at ${profiledBatch} samples`,
  });
}

interface PiperFile {
  readonly nodes: readonly {
    readonly id: number;
    readonly name: string;
    readonly TMPCs: Readonly<
      Record<
        string,
        readonly {
          readonly id: string;
          readonly timePerSample: number;
          readonly parameterSize: number;
          readonly memoryUsageA: number;
        }[]
      >
    >;
  }[];
  readonly edges: readonly { readonly sourceId: number; readonly destId: number; readonly communicationCost: number }[];
}

/** Piper gives forward and backward together; a third is taken as forward. */
const FORWARD_SHARE = 1 / 3;
const MS_PER_SEC = 1000;

function readPiper({ nodes, edges }: PiperFile, { file }: ReadModelOptions): DiffusionModel {
  const bytesFrom = new Map<string, number>();
  for (const { sourceId, communicationCost } of edges)
    bytesFrom.set(String(sourceId), Math.max(bytesFrom.get(String(sourceId)) ?? 0, communicationCost));
  const raw = nodes.map(({ id, name, TMPCs }): RawNode => {
    const plain = TMPCs['1']?.find((variant) => variant.id === 'vanilla');
    if (!plain)
      throw pipeError('TF-PIPE-001', {
        subject: 'readModel',
        expected: 'a "vanilla" variant on one device',
        location: `${file}, node ${id}`,
      });
    const timeMs = plain.timePerSample * MS_PER_SEC;
    return {
      id: String(id),
      name: `${id} ${name}`,
      forwardMs: timeMs * FORWARD_SHARE,
      backwardMs: timeMs * (1 - FORWARD_SHARE),
      outputBytes: bytesFrom.get(String(id)) ?? 0,
      activationBytes: plain.memoryUsageA,
      paramBytes: plain.parameterSize,
    };
  });
  const pairs = edges.map(({ sourceId, destId }): [string, string] => [String(sourceId), String(destId)]);
  return chainModel(raw, pairs, { file, batch: 1, origin: `Piper profile ${file}, times per sample` });
}

function chainModel(
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
