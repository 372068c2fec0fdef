/** Training steps of a small GPT over several ranks, parameter names as in the one-rank model: each builds the graph of
 *  one rank with outputs `loss` and `grad.<parameter>` and plain SGD on the parameters. */
import { backward, copyToGroup, reduceFromGroup, vectorJacobianProduct } from '../../src/autodiff/index.ts';
import { createGraphBuilder, type Graph, type GraphValue } from '../../src/graph/index.ts';
import {
  applyLinear,
  attention,
  causalMask,
  createNet,
  crossEntropy,
  gpt,
  layerNorm,
  linear,
  normal,
  type Net,
} from '../../src/nn/index.ts';

export const CONFIG = { vocabulary: 32, width: 16, layers: 2, heads: 4, context: 8, bias: false };
export const LEARNING_RATE = 0.5;
const init = normal(0.2);

/** The model of core/nn; with `numReplicas` above 1 the gradients are averaged over the axis `dp`. */
export function dataParallelStep(batch: number, numReplicas: number): { graph: Graph; states: Net['states'] } {
  const g = createGraphBuilder('gpt.dp');
  const net = createNet(g, { isTraining: true });
  const tokens = g.input('tokens', 'int64', [batch, CONFIG.context]);
  const labels = g.input('labels', 'int64', [batch, CONFIG.context]);
  const { logits } = gpt(CONFIG).forward(net, { tokens });
  const loss = g.output(crossEntropy(g, logits!, labels), 'loss');
  const gradients = backward(g, loss, [...net.parameters.values()]).map((gradient) =>
    numReplicas === 1 ? gradient : g.allReduce(gradient, { group: 'dp', groupSize: numReplicas, reduction: 'mean' }),
  );
  applySgd(net, [...net.parameters.keys()], gradients);
  return { graph: g.finish(), states: net.states };
}

/** Column-parallel q, k, v and fc, row-parallel projections (Megatron), on one of `size` ranks of the axis `tp`. */
export function tensorParallelStep(batch: number, size: number): Graph {
  const g = createGraphBuilder('gpt.tp');
  const net = createNet(g, { isTraining: true });
  const tokens = g.input('tokens', 'int64', [batch, CONFIG.context]);
  const labels = g.input('labels', 'int64', [batch, CONFIG.context]);
  const { x: embedded, table } = embed(net, tokens);
  let x = embedded;
  for (let layer = 0; layer < CONFIG.layers; layer++) x = decoderLayer(net, x, layer, batch, size);
  const loss = g.output(headLoss(net, x, table, labels), 'loss');
  const names = [...net.parameters.keys()];
  applySgd(net, names, backward(g, loss, [...net.parameters.values()]));
  return g.finish();
}

/** Two stages on the axis `pp`, `numMicroBatches` forward passes, then as many backward; the tied table's gradients are
 *  summed over both stages. Inputs `tokens.<m>` and `labels.<m>` on both stages (each reads what it needs). */
export function pipelineStep(stage: number, microBatch: number, numMicroBatches: number): Graph {
  const g = createGraphBuilder(`gpt.stage${stage}`);
  const net = createNet(g, { isTraining: true });
  const peer = 1 - stage;
  const group = { group: 'pp', groupSize: 2 };
  const rows = [microBatch * CONFIG.context, CONFIG.width];
  const perMicroBatch = Array.from({ length: numMicroBatches }, (_, m) => m);
  const totals = new Map<string, GraphValue>();
  const accumulate = (names: readonly string[], gradients: readonly GraphValue[]): void =>
    names.forEach((name, i) => {
      const before = totals.get(name);
      totals.set(name, before ? g.add(before, gradients[i]!) : gradients[i]!);
    });
  const input = (name: string, m: number) => g.input(`${name}.${m}`, 'int64', [microBatch, CONFIG.context]);

  if (stage === 0) {
    const sent = perMicroBatch.map((m) => {
      const { x } = embed(net, input('tokens', m));
      const y = decoderLayer(net, x, 0, microBatch, 1);
      g.send(y, peer, { ...group, tag: m });
      return y;
    });
    for (const m of perMicroBatch) {
      const gradient = g.recv(peer, rows, { ...group, tag: 100 + m });
      const names = [...net.parameters.keys()];
      accumulate(names, vectorJacobianProduct(g, [{ value: sent[m]!, gradient }], [...net.parameters.values()]));
    }
  } else {
    const losses: GraphValue[] = [];
    for (const m of perMicroBatch) {
      const received = g.recv(peer, rows, { ...group, tag: m });
      const y = decoderLayer(net, received, 1, microBatch, 1);
      const table = net.in('wte', () => net.parameter('weight', [CONFIG.vocabulary, CONFIG.width], init));
      const loss = g.mul(headLoss(net, y, table, input('labels', m)), 1 / numMicroBatches);
      losses.push(loss);
      const names = [...net.parameters.keys()];
      const [gradient, ...rest] = backward(g, loss, [received, ...net.parameters.values()]);
      g.send(gradient!, peer, { ...group, tag: 100 + m });
      accumulate(names, rest);
    }
    g.output(
      losses.reduce((sum, loss) => g.add(sum, loss)),
      'loss',
    );
  }
  totals.set('wte.weight', g.allReduce(totals.get('wte.weight')!, group));
  applySgd(net, [...totals.keys()], [...totals.values()]);
  return g.finish();
}

function embed(net: Net, tokens: GraphValue): { x: GraphValue; table: GraphValue } {
  const { g } = net;
  const table = net.in('wte', () => net.parameter('weight', [CONFIG.vocabulary, CONFIG.width], init));
  const position = net.in('wpe', () => net.parameter('weight', [CONFIG.context, CONFIG.width], init));
  const rows = tokens.shape[0]! * CONFIG.context;
  return { x: g.reshape(g.add(g.gather(table, tokens), position), [rows, CONFIG.width]), table };
}

function decoderLayer(net: Net, x: GraphValue, layer: number, batch: number, size: number): GraphValue {
  const { g } = net;
  const { width, heads } = CONFIG;
  const group = { group: 'tp', groupSize: size };
  const enter = (value: GraphValue) => (size === 1 ? value : copyToGroup(g, value, group));
  const leave = (value: GraphValue) => (size === 1 ? value : reduceFromGroup(g, value, group));
  return net.in(`layers.${layer}`, () => {
    const normed = enter(layerNorm(net, 'ln_1', x, { bias: false }));
    const mixed = net.in('attn', () =>
      attention(net, normed, {
        batch,
        heads: heads / size,
        headWidth: width / heads,
        mask: causalMask(net, CONFIG.context),
        init,
        names: ['q', 'k', 'v', 'proj'],
      }),
    );
    const middle = g.add(x, leave(mixed.y));
    return g.add(
      middle,
      net.in('mlp', () => {
        const inside = enter(layerNorm(net, 'ln_2', middle, { bias: false }));
        const inner = g.gelu(linear(net, 'fc', inside, (4 * width) / size, { bias: false, init }), 'tanh');
        return leave(linear(net, 'proj', inner, width, { bias: false, init }));
      }),
    );
  });
}

function headLoss(net: Net, x: GraphValue, table: GraphValue, labels: GraphValue): GraphValue {
  const last = layerNorm(net, 'ln_f', x, { bias: false });
  return crossEntropy(net.g, applyLinear(net, last, table), labels);
}

function applySgd({ g, parameters }: Net, names: readonly string[], gradients: readonly GraphValue[]): void {
  g.withNotes({ module: 'optimizer', phase: 'update', role: 'none' }, () =>
    names.forEach((name, i) => {
      const gradient = g.output(gradients[i]!, `grad.${name}`);
      const value = parameters.get(name)!;
      g.setNextState(value, g.sub(value, g.mul(gradient, LEARNING_RATE)));
    }),
  );
}
