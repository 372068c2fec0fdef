/** Runs graphs in onnxruntime-node through the ONNX form, with reproducible random feeds. */
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { createRng } from '../../src/base/index.ts';
import { createOnnxOutputNames, writeOnnx, type Graph } from '../../src/graph/index.ts';
import { createTensor, numel, type Tensor } from '../../src/tensor/index.ts';

export type NamedTensors = Readonly<Record<string, Tensor>>;

/** Normal numbers, alternating bools, small integers, for every graph input and state. */
export function randomFeeds(graph: Graph, seed: number, scale = 1): NamedTensors {
  const feeds: Record<string, Tensor> = {};
  for (const id of [...graph.inputs, ...graph.states.map((state) => state.value)]) {
    const { name, dtype, shape } = graph.values[id]!;
    const rng = createRng(seed, name);
    const tensor = createTensor(dtype, shape);
    for (let i = 0; i < numel(shape); i++) {
      if (dtype === 'int64') tensor.data[i] = BigInt(rng.integer(2)) as never;
      else tensor.data[i] = (dtype === 'float32' ? rng.normal() * scale : rng.integer(2)) as never;
    }
    feeds[name] = tensor;
  }
  return feeds;
}

/** All outputs and next states, by value name. */
export async function runOnnx(model: Uint8Array, graph: Graph, feeds: NamedTensors): Promise<NamedTensors> {
  const options: InferenceSession.SessionOptions = { logSeverityLevel: 4, intraOpNumThreads: 1 };
  const session = await InferenceSession.create(model, options);
  try {
    const inputs: Record<string, OrtTensor> = {};
    for (const name of session.inputNames) {
      const tensor = feeds[name]!;
      inputs[name] = new OrtTensor(tensor.dtype as 'float32', tensor.data as Float32Array, [...tensor.shape]);
    }
    const fetched = await session.run(inputs);
    const nameOf = createOnnxOutputNames(graph);
    const ids = new Set(graph.outputs);
    for (const state of graph.states) if (state.next !== undefined) ids.add(state.next);
    const results: Record<string, Tensor> = {};
    for (const id of ids) {
      const tensor = fetched[nameOf(id)]!;
      results[graph.values[id]!.name] = {
        dtype: tensor.type,
        shape: tensor.dims,
        data: tensor.data,
      } as unknown as Tensor;
    }
    return results;
  } finally {
    await session.release();
  }
}

/** Writes the graph and runs it. */
export function runGraph(graph: Graph, feeds: NamedTensors): Promise<NamedTensors> {
  return runOnnx(writeOnnx(graph).model, graph, feeds);
}
