/** Graphs of a pipeline stage: forward, and backward that recomputes the forward pass from what came in (so a stage
 *  keeps only its inputs per micro-batch). Tensors that merely pass a stage are relayed and never enter its graphs. */
import { backward, vectorJacobianProduct } from '@tenfold/core/autodiff';
import { createGraphBuilder, optimizeGraph, type Graph, type GraphValue } from '@tenfold/core/graph';
import { createNet, initialStates, type Net } from '@tenfold/core/nn';
import type { StateValues } from '@tenfold/core/runtime';
import {
  frozenInputShape,
  LATENT_CHANNELS,
  LATENT_SIZE,
  MINI_FROZEN,
  MINI_LAYERS,
  MINI_SKIPS,
  type FrozenName,
  type MiniConfig,
} from './mini-model.ts';

export interface StageRange {
  readonly start: number;
  readonly end: number;
}

export interface StageGraphs {
  readonly forward: Graph;
  readonly backward: Graph;
  readonly states: StateValues;
  /** What arrives (empty for the first stage) and what leaves (empty for the last), with shapes. */
  readonly arrives: Readonly<Record<string, readonly number[]>>;
  readonly leaves: Readonly<Record<string, readonly number[]>>;
  /** Leaving tensors that are an arriving one unchanged: leaving name → arriving name. */
  readonly relays: Readonly<Record<string, string>>;
  readonly parameters: readonly string[];
}

/** Skips alive at the cut before layer `cut`. */
function liveSkips(cut: number): number[] {
  return MINI_SKIPS.flatMap(({ from, to }, skip) => (from < cut && to >= cut ? [skip] : []));
}

/** A skip that the layer before the cut has just made is the main output and travels once. */
function nameAt(cut: number, skip: number): string {
  return MINI_SKIPS[skip]!.from === cut - 1 ? 'x' : `s${skip}`;
}

function crossing(cut: number): string[] {
  return [...new Set(['x', ...liveSkips(cut).map((skip) => nameAt(cut, skip))])];
}

/** @param microBatch  samples; @param scale  weight of the micro-batch's mean loss in the step */
export function buildStageGraphs(
  config: MiniConfig,
  { start, end }: StageRange,
  microBatch: number,
  scale: number,
): StageGraphs {
  const shapes = crossingShapes(config, microBatch);
  const isFirst = start === 0;
  const isLast = end === MINI_LAYERS.length;
  const arrives = isFirst ? {} : Object.fromEntries(crossing(start).map((name) => [name, shapes(start, name)]));
  const leaves = isLast ? {} : Object.fromEntries(crossing(end).map((name) => [name, shapes(end, name)]));
  const relays: Record<string, string> = {};
  for (const skip of isLast ? [] : liveSkips(end))
    if (MINI_SKIPS[skip]!.from < start) relays[nameAt(end, skip)] = nameAt(start, skip);

  const build = (net: Net): { inputs: Record<string, GraphValue>; outputs: Record<string, GraphValue> } => {
    const { g } = net;
    const latent = [microBatch, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE];
    const condition = g.input('condition', 'float32', [microBatch, config.width]);
    const inputs: Record<string, GraphValue> = {};
    const isUsed = (name: string): boolean =>
      name === 'x' ||
      MINI_SKIPS.some(({ from, to }, skip) => nameAt(start, skip) === name && from < start && to >= start && to < end);
    for (const [name, shape] of Object.entries(arrives))
      if (isUsed(name)) inputs[name] = g.input(name, 'float32', shape);
    let x = isFirst ? g.input('noisy', 'float32', latent) : inputs['x']!;
    if (isFirst && config.isSelfConditioned) x = g.concat([x, g.input('estimate', 'float32', latent)], 1);
    const skips = new Map<number, GraphValue>();
    for (const skip of isFirst ? [] : liveSkips(start)) {
      const value = inputs[nameAt(start, skip)];
      if (value) skips.set(skip, value);
    }
    for (let layer = start; layer < end; layer++) {
      const { name, reads, writes, build: buildLayer } = MINI_LAYERS[layer]!;
      x = net.in(name, () => buildLayer(net, x, condition, reads === undefined ? undefined : skips.get(reads), config));
      if (writes !== undefined) skips.set(writes, x);
    }
    if (isLast) {
      const error = g.sub(x, g.input('noise', 'float32', latent));
      const loss = g.mul(g.reduceMean(g.square(error)), scale);
      return { inputs, outputs: config.isSelfConditioned ? { loss, prediction: x } : { loss } };
    }
    const outputs: Record<string, GraphValue> = { x };
    for (const skip of liveSkips(end)) {
      const name = nameAt(end, skip);
      if (name !== 'x' && !(name in relays)) outputs[name] = skips.get(skip)!;
    }
    return { inputs, outputs };
  };

  const forwardNet = createNet(createGraphBuilder(`stage ${start}-${end} forward`));
  for (const [name, value] of Object.entries(build(forwardNet).outputs)) forwardNet.g.output(value, `out.${name}`);
  const backwardNet = createNet(createGraphBuilder(`stage ${start}-${end} backward`));
  const { g } = backwardNet;
  const { inputs, outputs } = build(backwardNet);
  const names = [...backwardNet.parameters.keys()];
  const wrt = [...Object.values(inputs), ...backwardNet.parameters.values()];
  const gradients = isLast
    ? backward(g, outputs['loss']!, wrt)
    : vectorJacobianProduct(
        g,
        Object.entries(outputs).map(([name, value]) => ({
          value,
          gradient: g.input(`grad.${name}`, 'float32', value.shape),
        })),
        wrt,
      );
  const labels = [...Object.keys(inputs).map((name) => `d.${name}`), ...names.map((name) => `p.${name}`)];
  gradients.forEach((gradient, index) => g.output(gradient, labels[index]!));
  if (isLast) g.output(outputs['loss']!, 'loss');
  return {
    forward: optimizeGraph(forwardNet.finish()),
    backward: optimizeGraph(g.finish()),
    states: initialStates(backwardNet.states, { seed: config.seed }),
    arrives,
    leaves,
    relays,
    parameters: names,
  };
}

/** One frozen layer for n samples. */
export function buildFrozenGraph(
  config: MiniConfig,
  component: FrozenName,
  layer: number,
  samples: number,
): { graph: Graph; states: StateValues; shape: readonly number[] } {
  let shape: readonly number[] = [samples, ...frozenInputShape(component, config)];
  for (let before = 0; ; before++) {
    const net = createNet(createGraphBuilder(`${component}.${before}`));
    const x = net.g.input('x', 'float32', shape);
    const y = net.in(`${component}.${before}`, () => MINI_FROZEN[component][before]!(net, x, config));
    const flat =
      component === 'text' && before === MINI_FROZEN.text.length - 1 ? net.g.reshape(y, [samples, config.width]) : y;
    net.g.output(flat, 'y');
    shape = flat.shape;
    if (before === layer)
      return { graph: optimizeGraph(net.finish()), states: initialStates(net.states, { seed: config.seed }), shape };
  }
}

function crossingShapes(config: MiniConfig, microBatch: number): (cut: number, name: string) => readonly number[] {
  const net = createNet(createGraphBuilder('shapes'));
  const condition = net.g.input('condition', 'float32', [microBatch, config.width]);
  const channels = LATENT_CHANNELS * (config.isSelfConditioned ? 2 : 1);
  let x = net.g.input('x', 'float32', [microBatch, channels, LATENT_SIZE, LATENT_SIZE]);
  const skips = new Map<number, GraphValue>();
  const after = MINI_LAYERS.map(({ name, reads, writes, build }) => {
    x = net.in(name, () => build(net, x, condition, reads === undefined ? undefined : skips.get(reads), config));
    if (writes !== undefined) skips.set(writes, x);
    return x.shape;
  });
  return (cut, name) => (name === 'x' ? after[cut - 1]! : skips.get(Number(name.slice(1)))!.shape);
}
