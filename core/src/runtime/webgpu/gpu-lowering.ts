/** Rewrites what ONNX Runtime's WebGPU provider has no kernel for into what it has (found by trying every op of ours on
 *  version 1.30): int64 travels as int32, and the ops of GPU_REWRITES become others. Value ids stay; new ids are appended. */
import { castTensor } from '../../tensor/index.ts';
import type { Dtype, Shape, Tensor } from '../../tensor/index.ts';
import type { Attributes, Graph, GraphNode, GraphValue, ValueId } from '../../graph/index.ts';
import { GPU_REWRITES } from './gpu-rewrites.ts';

/** @param options.isDeterministic  sums in a fixed order, so that runs repeat bit for bit; default true */
export function lowerForGpu(graph: Graph, { isDeterministic = true }: { isDeterministic?: boolean } = {}): Graph {
  const values: GraphValue[] = graph.values.map((value) => ({
    ...value,
    dtype: value.dtype === 'int64' ? 'int32' : value.dtype,
  }));
  const initializers = new Map<ValueId, Tensor>();
  for (const [id, tensor] of graph.initializers) {
    initializers.set(id, tensor.dtype === 'int64' ? castTensor(tensor, 'int32') : tensor);
  }
  const names = new Set(graph.values.map((value) => value.name));
  const scalars = new Map<string, ValueId>();
  const nodes: GraphNode[] = [];
  const addValue = (base: string, dtype: Dtype, shape: Shape): GraphValue => {
    let name = base;
    for (let i = 1; names.has(name); i++) name = `${base}.${i}`;
    names.add(name);
    const value = { id: values.length, name, dtype, shape };
    values.push(value);
    return value;
  };
  const constant = (tensor: Tensor): ValueId => {
    const value = addValue('gpu/constant', tensor.dtype, tensor.shape);
    initializers.set(value.id, tensor);
    return value.id;
  };

  for (const original of graph.nodes) {
    const node: GraphNode = { ...original, attributes: narrowAttributes(original.attributes) };
    const rewrite = GPU_REWRITES[node.op];
    if (rewrite !== undefined) {
      rewrite({
        node,
        isDeterministic,
        valueOf: (id) => values[id],
        add(op, inputs, { shape, dtype = values[node.outputs[0]].dtype }, attributes = {}) {
          const value = addValue(`${node.name}/${op}`, dtype, shape);
          nodes.push({ name: value.name, op, inputs, outputs: [value.id], attributes, notes: node.notes });
          return value.id;
        },
        addWithOutputs(op, inputs, outputs, attributes = {}) {
          const name = op === node.op ? node.name : `${node.name}/${op}`;
          nodes.push({ name, op, inputs, outputs, attributes, notes: node.notes });
        },
        define: (suffix, dtype, shape) => addValue(`${node.name}/${suffix}`, dtype, shape).id,
        originalDtype: (id) => graph.values[id].dtype,
        finish(op, inputs, attributes = {}, output = 0) {
          const name =
            nodes.at(-1)?.name === node.name ? `${node.name}/last` : `${node.name}${output === 0 ? '' : `:${output}`}`;
          nodes.push({ name, op, inputs, outputs: [node.outputs[output]], attributes, notes: node.notes });
        },
        scalar(number, dtype) {
          const key = `${dtype}:${number}`;
          let id = scalars.get(key);
          if (id === undefined) {
            id = constant(castTensor({ dtype: 'float64', shape: [], data: Float64Array.of(number) }, dtype));
            scalars.set(key, id);
          }
          return id;
        },
        constant,
      });
    } else nodes.push(node);
  }
  return { ...graph, values, nodes, initializers };
}

function narrowAttributes(attributes: Attributes): Attributes {
  const changed: Record<string, Attributes[string]> = { ...attributes };
  for (const key of ['to', 'dtype']) if (changed[key] === 'int64') changed[key] = 'int32';
  return changed;
}
