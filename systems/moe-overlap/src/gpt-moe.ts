/** A GPT-2 training step whose every second block has a mixture of experts instead of its feed-forward layer, as one core
 *  graph: forward, backward (core/autodiff; dX and dW are nodes of their own), all-reduce of dense gradients, SGD with
 *  momentum. Sizes as in the paper: 2 experts per device, capacity C = ⌊factor · ⌈T/E⌉⌋. The graph can be run. */
import { createGraphBuilder, type Graph, type GraphBuilder, type GraphValue } from '@tenfold/core/graph';
import { overlapGraphFromCore } from './core-graph-import.ts';
import { overlapError } from './overlap-errors.ts';
import { appendUpdates } from './training-step.ts';
import type { GateName, OverlapGraph } from './types.ts';

export interface GptMoeOptions {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly seq: number;
  /** Sequences per device. */
  readonly batch: number;
  readonly numDevices: number;
  readonly expertsPerDevice?: number;
  readonly vocabulary?: number;
  readonly capacityFactor?: number;
  readonly gate?: GateName;
  /** Every how many layers a mixture of experts stands; default 2 (layers 1, 3, 5, …). */
  readonly every?: number;
}

/** The paper's models (batch per device as in the released configurations). */
export const GPT2_S_MOE = { layers: 12, hidden: 768, heads: 12, seq: 512, batch: 24 } as const;
export const GPT2_L_MOE = { layers: 24, hidden: 1024, heads: 16, seq: 512, batch: 24 } as const;

const VOCABULARY = 50_257;

export function gptMoe(options: GptMoeOptions): OverlapGraph {
  const { gate = 'switch', batch } = options;
  return overlapGraphFromCore(gptMoeCoreGraph(options), { gate, batch });
}

/** @throws TF-OVERLAP-003 if the capacity comes out below 1 or the width does not fit the heads */
export function gptMoeCoreGraph(options: GptMoeOptions): Graph {
  const { layers, hidden, heads, seq, batch, numDevices, vocabulary = VOCABULARY, every = 2 } = options;
  if (hidden % heads !== 0) throw sizeError('a width that the heads divide', `${hidden} and ${heads}`);
  const tokens = batch * seq;
  const g = createGraphBuilder('gpt-moe');
  const ids = g.input('ids', 'int64', [tokens]);
  const labels = g.input('labels', 'int64', [tokens]);
  const local = new Set<string>();
  const table = g.parameter('embedding', [vocabulary, hidden]);
  let x = g.scope('embed', () => g.gather(table, ids));
  for (let layer = 0; layer < layers; layer++) {
    const isMoe = layer % every === every - 1;
    x = g.scope(`layers.${layer}`, () => {
      const attended = g.add(
        x,
        attention(g, norm(g, x, `layers.${layer}.ln1`), `layers.${layer}`, { batch, seq, heads }),
      );
      const input = norm(g, attended, `layers.${layer}.ln2`);
      const output = isMoe
        ? g.scope('moe', () => mixture(g, input, `layers.${layer}.moe`, options, local))
        : feedForward(g, input, `layers.${layer}.ffn`);
      return g.add(attended, output);
    });
  }
  const loss = g.scope('head', () => {
    const logits = g.matMul(norm(g, x, 'final'), g.parameter('head.weight', [hidden, vocabulary]));
    const picked = g.gatherElements(g.logSoftmax(logits), g.reshape(labels, [tokens, 1]), 1);
    return g.neg(g.reduceMean(picked));
  });
  g.output(loss, 'loss');
  const parameters = g.states.map(({ value }) => g.values[value]!);
  appendUpdates(g, { loss, parameters, isLocal: ({ name }) => local.has(name), numDevices });
  return g.finish();
}

function norm(g: GraphBuilder, x: GraphValue, name: string): GraphValue {
  const width = x.shape.at(-1)!;
  return g.layerNorm(x, g.parameter(`${name}.scale`, [width]), g.parameter(`${name}.bias`, [width]));
}

function attention(
  g: GraphBuilder,
  x: GraphValue,
  name: string,
  { batch, seq, heads }: { readonly batch: number; readonly seq: number; readonly heads: number },
): GraphValue {
  return g.scope('attn', () => {
    const hidden = x.shape[1]!;
    const width = hidden / heads;
    const qkv = g.matMul(x, g.parameter(`${name}.qkv`, [hidden, 3 * hidden])); // [B·T, 3C]
    const [q, k, v] = g
      .split(qkv, 3, 1)
      .map((part) => g.transpose(g.reshape(part, [batch, seq, heads, width]), [0, 2, 1, 3])); // [B, H, T, D]
    const scores = g.mul(g.matMul(q!, g.transpose(k!, [0, 1, 3, 2])), 1 / Math.sqrt(width));
    const mask = g.triu(g.full([seq, seq], -1e9), 1);
    const mixed = g.matMul(g.softmax(g.add(scores, mask)), v!);
    const merged = g.reshape(g.transpose(mixed, [0, 2, 1, 3]), [batch * seq, hidden]);
    return g.matMul(merged, g.parameter(`${name}.proj`, [hidden, hidden]));
  });
}

function feedForward(g: GraphBuilder, x: GraphValue, name: string): GraphValue {
  const hidden = x.shape[1]!;
  return g.scope('ffn', () => {
    const inner = g.gelu(g.matMul(x, g.parameter(`${name}.fc1`, [hidden, 4 * hidden])));
    return g.matMul(inner, g.parameter(`${name}.fc2`, [4 * hidden, hidden]));
  });
}

function mixture(g: GraphBuilder, x: GraphValue, name: string, options: GptMoeOptions, local: Set<string>): GraphValue {
  const { numDevices, expertsPerDevice = 2, capacityFactor = 1 } = options;
  const [tokens, hidden] = x.shape as readonly [number, number];
  const experts = numDevices * expertsPerDevice;
  const capacity = Math.floor(capacityFactor * Math.ceil(tokens / experts));
  if (!(capacity >= 1)) throw sizeError('a capacity of at least 1', String(capacity));
  const probabilities = g.scope('gate', () => g.softmax(g.matMul(x, g.parameter(`${name}.gate`, [hidden, experts]))));
  // First choice wins; place = how many tokens chose the same expert before.
  const [slot, weight, sent] = g.scope('encode', () => {
    const chosen = g.argMax(probabilities); // [B·T]
    const isChosen = g.cast(g.oneHot(chosen, experts), 'float32'); // [B·T, E]
    const running = g.sub(g.cumSum(isChosen, 0), 1);
    const place = g.reduceSum(g.mul(running, isChosen), { axes: [1] });
    const row = g.add(g.mul(g.cast(chosen, 'float32'), capacity), place);
    const full = g.cast(g.where(g.less(place, capacity), row, experts * capacity), 'int64');
    const places = g.op('Identity', [full], {}, { name: `${name}.encode/places` });
    const value = g.gatherElements(probabilities, g.reshape(chosen, [tokens, 1]), 1); // [B·T, 1]
    const empty = g.full([experts * capacity + 1, hidden], 0);
    const rows = g.reshape(places, [tokens, 1], `${name}.encode/places_rows`);
    const filled = g.scatterND(empty, rows, x);
    const kept = g.sliceAxis(filled, 0, 0, experts * capacity);
    return [places, value, g.reshape(kept, [experts, capacity, hidden])] as const;
  });
  const exchange = (buffer: GraphValue): GraphValue =>
    numDevices === 1 ? buffer : g.allToAll(buffer, { group: 'ep', groupSize: numDevices });
  const received = exchange(sent); // [G·El, C, H]: by source, then local expert
  const done = g.scope('experts', () => {
    const perSource = [numDevices, expertsPerDevice, capacity, hidden];
    const rows = g.reshape(g.transpose(g.reshape(received, perSource), [1, 0, 2, 3]), [
      expertsPerDevice,
      numDevices * capacity,
      hidden,
    ]);
    const w1 = g.parameter(`${name}.fc1`, [expertsPerDevice, hidden, 4 * hidden]);
    const w2 = g.parameter(`${name}.fc2`, [expertsPerDevice, 4 * hidden, hidden]);
    local.add(w1.name).add(w2.name);
    const answers = g.matMul(g.gelu(g.matMul(rows, w1)), w2);
    const bySource = g.transpose(g.reshape(answers, [expertsPerDevice, numDevices, capacity, hidden]), [1, 0, 2, 3]);
    return g.reshape(bySource, [experts, capacity, hidden]);
  });
  const returned = exchange(done);
  return g.scope('decode', () => {
    const padded = g.concat([g.reshape(returned, [experts * capacity, hidden]), g.full([1, hidden], 0)], 0);
    return g.mul(g.gather(padded, slot), weight);
  });
}

function sizeError(expected: string, actual: string): Error {
  return overlapError('TF-OVERLAP-003', { subject: 'gptMoe', expected, actual });
}
