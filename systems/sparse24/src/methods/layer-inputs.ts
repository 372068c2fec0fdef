/** What the layer-wise methods need: for each prunable matrix the Gram matrix XᵀX of its inputs over the calibration rows.
 *  The sums are part of the graph; matrices that share an input (q, k, v; gate, up) share one sum. */
import { throwIfCancelled } from '@tenfold/core/base';
import { buildInference, i64, llama } from '@tenfold/core/nn';
import { createGraphBuilder, removeDeadCode, type Graph } from '@tenfold/core/graph';
import { openBackend, type Session } from '@tenfold/core/runtime';
import type { Tensor } from '@tenfold/core/tensor';
import { isPrunable } from '../mask/mask24.ts';
import type { LoadedModel } from '../types.ts';

export interface LayerInputs {
  /** Prunable matrices in the order of the forward pass, in groups that share their input. */
  readonly groups: readonly (readonly string[])[];
  /** Sum over all tokens of x xᵀ for the group's input, with the weights as they are now.  @returns [in, in] f64 */
  gramOf(group: readonly string[]): Promise<Float64Array>;
  /** Replaces a weight in the model that the next `gramOf` runs. */
  replace(name: string, data: Float32Array): void;
  readonly numTokens: number;
}

/** Rows that go through the model together: fewer, larger products. */
const ROWS_PER_RUN = 16;

/** Nothing runs yet: each Gram matrix runs only the part of the model that it depends on. */
export function layerInputsOf(
  model: LoadedModel,
  rows: readonly (readonly number[])[],
  signal?: AbortSignal,
): LayerInputs {
  const context = rows[0]!.length;
  const together = greatestDivisor(rows.length, ROWS_PER_RUN);
  const { graph } = buildInference({ model: llama(model.config), inputs: { tokens: i64(together, context) } });
  const groups = groupsOf(graph);
  const current: Record<string, Tensor> = { ...model.parameters };
  return {
    groups: [...groups.values()],
    numTokens: rows.length * context,
    async gramOf(group) {
      const [input] = [...groups].find(([, names]) => names[0] === group[0])!;
      const part = gramGraph(graph, input);
      const engine = await openBackend('cpu');
      await using session = await engine.createSession(
        part,
        Object.fromEntries(part.states.map(({ name }) => [name, current[name]!])),
      );
      return await sumGrams(session, rows, together, signal);
    },
    replace(name, data) {
      current[name] = { dtype: 'float32', shape: model.parameters[name]!.shape, data };
    },
  };
}

/** Names of prunable weights by the value that they multiply, in the order of the forward pass. */
function groupsOf(graph: Graph): Map<number, string[]> {
  const nameOf = new Map(graph.states.map((state) => [state.value, state.name]));
  const isWeight = (id: number): boolean => nameOf.has(id) && isPrunable(nameOf.get(id)!, graph.values[id]!.shape);
  const groups = new Map<number, string[]>();
  for (const node of graph.nodes) {
    const weight = node.inputs.find(isWeight);
    if (weight === undefined) continue;
    const input = node.inputs.find((id) => id !== weight)!;
    groups.set(input, [...(groups.get(input) ?? []), nameOf.get(weight)!]);
  }
  return groups;
}

/** The part of the graph that makes the value `input` [tokens, in], and its only output `gram` = inputᵀ input. */
function gramGraph(graph: Graph, input: number): Graph {
  const g = createGraphBuilder(`${graph.name}.gram`, { from: { ...graph, outputs: [] } });
  const x = graph.values[input]!;
  g.output(g.fusedMatMul(x, x, { transA: 1 }), 'gram');
  const part = removeDeadCode(g.finish());
  const used = new Set(part.nodes.flatMap((node) => node.inputs));
  return { ...part, states: part.states.filter((state) => used.has(state.value)) };
}

/** Largest divisor of `count` that is at most `limit`. */
function greatestDivisor(count: number, limit: number): number {
  for (let size = Math.min(count, limit); size > 1; size--) if (count % size === 0) return size;
  return 1;
}

async function sumGrams(
  session: Session,
  rows: readonly (readonly number[])[],
  together: number,
  signal: AbortSignal | undefined,
): Promise<Float64Array> {
  let sum: Float64Array | undefined;
  const context = rows[0]!.length;
  for (let at = 0; at < rows.length; at += together) {
    throwIfCancelled(signal, 'the inputs of a layer');
    const data = BigInt64Array.from(rows.slice(at, at + together).flat(), BigInt);
    const tokens = { dtype: 'int64' as const, shape: [together, context], data };
    const gram = (await session.run({ tokens }))['gram'] as Tensor<'float32'>;
    sum ??= new Float64Array(gram.data.length);
    for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + gram.data[i]!;
  }
  return sum!;
}
