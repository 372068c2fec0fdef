/** The rest of a training step behind a forward pass: backward, all-reduce of dense gradients, SGD with momentum. Forward
 *  graphs come from the builder here, or from another exporter, whose weights are constants until now. */
import { backward } from '@tenfold/core/autodiff';
import { createGraphBuilder, type Graph, type GraphBuilder, type GraphValue } from '@tenfold/core/graph';
import { DTYPES, numel } from '@tenfold/core/tensor';

const LEARNING_RATE = 0.01;
const MOMENTUM = 0.9;

export interface UpdateOptions {
  readonly loss: GraphValue;
  readonly parameters: readonly GraphValue[];
  /** Weights of experts live on one device: their gradients are not reduced. */
  readonly isLocal: (parameter: GraphValue) => boolean;
  readonly numDevices: number;
}

/** Mutates: g. Parameters must be states. */
export function appendUpdates(g: GraphBuilder, { loss, parameters, isLocal, numDevices }: UpdateOptions): void {
  const gradients = backward(g, loss, parameters);
  parameters.forEach((parameter, index) => {
    const gradient = gradients[index];
    if (!gradient) return;
    const summed =
      isLocal(parameter) || numDevices === 1
        ? gradient
        : g.withNotes({ module: 'reduce', phase: 'update' }, () =>
            g.allReduce(gradient, { group: 'dp', groupSize: numDevices, reduction: 'mean' }),
          );
    g.withNotes({ module: 'update', phase: 'update' }, () => {
      const momentum = g.optimizerState(`${parameter.name}.momentum`, parameter.shape);
      const next = g.add(g.mul(momentum, MOMENTUM), summed);
      g.setNextState(momentum, next);
      g.setNextState(parameter, g.sub(parameter, g.mul(next, LEARNING_RATE)));
    });
  });
}

/** A forward pass of another exporter with its backward pass and updates: its output that is one floating-point number is
 *  the loss, its floating-point constants of more than one element are the weights.
 *  @returns undefined where there is no such output, or where the graph is a whole step already */
export function stepFromForward(forward: Graph, numDevices: number): Graph | undefined {
  if (forward.states.length > 0 || forward.nodes.some(({ notes }) => notes.phase !== 'forward')) return undefined;
  const isFloat = (value: GraphValue): boolean => DTYPES[value.dtype].kind === 'float';
  const losses = forward.outputs
    .map((id) => forward.values[id]!)
    .filter((value) => isFloat(value) && numel(value.shape) === 1);
  if (losses.length !== 1) return undefined;
  const weights = [...forward.initializers.keys()].filter((id) => {
    const value = forward.values[id]!;
    return isFloat(value) && numel(value.shape) > 1;
  });
  const local = expertWeights(forward);
  const states = weights.map((id) => ({ name: forward.values[id]!.name, value: id, kind: 'parameter' as const }));
  const initializers = new Map([...forward.initializers].filter(([id]) => !weights.includes(id)));
  const g = createGraphBuilder(forward.name, { from: { ...forward, states, initializers } });
  appendUpdates(g, {
    loss: g.values[losses[0]!.id]!,
    parameters: weights.map((id) => g.values[id]!),
    isLocal: ({ id }) => local.has(id),
    numDevices,
  });
  return g.finish();
}

/** Constants that are read between an all-to-all and the next one, which brings the rows back: what follows from the first
 *  and leads to the second. */
function expertWeights({ nodes, initializers }: Graph): ReadonlySet<number> {
  const exchanges = nodes.flatMap(({ op }, index) => (op === 'AllToAll' ? [index] : []));
  const found = new Set<number>();
  for (let pair = 0; pair + 1 < exchanges.length; pair += 2) {
    const between = nodes.slice(exchanges[pair]!, exchanges[pair + 1]! + 1);
    const after = new Set<number>(between[0]!.outputs);
    const reached = between.filter((node, index) => {
      const isReached = index > 0 && node.inputs.some((value) => after.has(value));
      if (isReached) node.outputs.forEach((value) => after.add(value));
      return isReached;
    });
    const before = new Set<number>(between.at(-1)!.inputs);
    for (const node of reached.toReversed()) {
      if (!node.outputs.some((value) => before.has(value))) continue;
      for (const value of node.inputs) {
        before.add(value);
        if (initializers.has(value)) found.add(value);
      }
    }
  }
  return found;
}
