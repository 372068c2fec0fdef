/** What the layer-wise methods need: for each prunable matrix the Gram matrix XᵀX of its inputs over the calibration rows.
 *  The sums are part of the graph; matrices that share an input (q, k, v; gate, up) share one sum. */
import { buildInference, i64, llama } from '@tenfold/core/nn';
import { createGraphBuilder, type Graph } from '@tenfold/core/graph';
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
  replace(name: string, data: Float32Array): Promise<void>;
  readonly numTokens: number;
  dispose(): Promise<void>;
}

/** Rows that go through the model together: fewer, larger products. */
const ROWS_PER_RUN = 16;

export async function openLayerInputs(model: LoadedModel, rows: readonly (readonly number[])[]): Promise<LayerInputs> {
  const context = rows[0]!.length;
  const together = greatestDivisor(rows.length, ROWS_PER_RUN);
  const { graph } = buildInference({ model: llama(model.config), inputs: { tokens: i64(together, context) } });
  const { graph: withGrams, groups } = addGrams(graph);
  const engine = await openBackend('cpu');
  const session = await engine.createSession(
    withGrams,
    Object.fromEntries(graph.states.map(({ name }) => [name, model.parameters[name]!])),
  );
  return {
    groups,
    numTokens: rows.length * context,
    gramOf: (group) => sumGrams(session, rows, together, `gram:${group[0]!}`),
    replace: (name, data) => session.writeState(name, { dtype: 'float32', shape: model.parameters[name]!.shape, data }),
    dispose: () => session.dispose(),
  };
}

/** Adds an output `gram:<first weight of the group>` per distinct input of a prunable matrix. */
function addGrams(graph: Graph): { graph: Graph; groups: string[][] } {
  const nameOf = new Map(graph.states.map((state) => [state.value, state.name]));
  const isWeight = (id: number): boolean => nameOf.has(id) && isPrunable(nameOf.get(id)!, graph.values[id]!.shape);
  const groupsByInput = new Map<number, string[]>();
  for (const node of graph.nodes) {
    const weight = node.inputs.find(isWeight);
    if (weight === undefined) continue;
    const input = node.inputs.find((id) => id !== weight)!;
    groupsByInput.set(input, [...(groupsByInput.get(input) ?? []), nameOf.get(weight)!]);
  }
  const g = createGraphBuilder(`${graph.name}.grams`, { from: graph });
  for (const [input, names] of groupsByInput) {
    const x = graph.values[input]!; // [tokens, in]
    g.output(g.fusedMatMul(x, x, { transA: 1 }), `gram:${names[0]!}`);
  }
  return { graph: g.finish(), groups: [...groupsByInput.values()] };
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
  output: string,
): Promise<Float64Array> {
  let sum: Float64Array | undefined;
  const context = rows[0]!.length;
  for (let at = 0; at < rows.length; at += together) {
    const data = BigInt64Array.from(rows.slice(at, at + together).flat(), BigInt);
    const tokens = { dtype: 'int64' as const, shape: [together, context], data };
    const gram = (await session.run({ tokens }, [output]))[output] as Tensor<'float32'>;
    sum ??= new Float64Array(gram.data.length);
    for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + gram.data[i]!;
  }
  return sum!;
}
