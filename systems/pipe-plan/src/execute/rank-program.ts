/** What each worker runs: its stage's instructions, with frozen work of the next iteration between them.
 *  Instruction words: `F3` forward of micro-batch 3, `B3` backward, `Z7` item 7 of the stage's frozen list, `P3` the extra
 *  forward pass of self-conditioning, whose prediction goes back to the first stage. */
import { normalAt, streamFromId } from '@tenfold/core/base';
import { openRankSession, type Handle, type RankContext, type RankSession } from '@tenfold/core/ranks';
import { createTensor, type Tensor } from '@tenfold/core/tensor';
import {
  frozenInputShape,
  LATENT_CHANNELS,
  LATENT_SIZE,
  MINI_FROZEN,
  type FrozenName,
  type MiniConfig,
} from './mini-model.ts';
import { buildFrozenGraph, buildStageGraphs, type StageRange } from './stage-graphs.ts';

export interface FrozenItem {
  readonly component: FrozenName;
  readonly layer: number;
  /** Samples [start, start + count) of the batch. */
  readonly start: number;
  readonly count: number;
}

export interface RankParams {
  readonly config: MiniConfig;
  readonly batch: number;
  readonly numMicroBatches: number;
  readonly stages: readonly StageRange[];
  /** Per stage. */
  readonly instructions: readonly (readonly string[])[];
  readonly frozen: readonly (readonly FrozenItem[])[];
  /** Frozen items run in the pipeline for the next iteration; otherwise before it, for this one. */
  readonly isFilled: boolean;
  readonly numIterations: number;
  readonly learningRate: number;
  readonly returnsGradients: boolean;
}

export interface RankResult {
  readonly losses: number[];
  /** Start and end of every iteration on the launch's clock. */
  readonly iterations: readonly (readonly [startMs: number, endMs: number])[];
  /** Gradients of the last iteration. */
  readonly gradients: Readonly<Record<string, Float32Array>>;
  /** Time inside the engine, all iterations. */
  readonly busyMs: number;
}

type Values = Record<string, Tensor>;

export async function run(context: RankContext, params: RankParams): Promise<RankResult> {
  const { config, batch, numMicroBatches, stages, isFilled, numIterations, learningRate } = params;
  const stage = context.rank;
  const numStages = stages.length;
  const microBatch = batch / numMicroBatches;
  const graphs = buildStageGraphs(config, stages[stage]!, microBatch, 1 / numMicroBatches);
  const forward = await openRankSession(context, graphs.forward, {
    states: pick(graphs.states, graphs.forward.states),
  });
  const backward = await openRankSession(context, graphs.backward, {
    states: pick(graphs.states, graphs.backward.states),
  });
  const frozen = await openFrozen(context, params, stage);
  const isLast = stage === numStages - 1;
  let busyMs = 0;
  const inEngine = async <T>(action: () => Promise<T>): Promise<T> => {
    const startMs = context.nowMs();
    const result = await action();
    busyMs += context.nowMs() - startMs;
    return result;
  };
  /** Work of the stage from `startMs` to now: what the thread does around the engine is part of it, waiting is not. */
  const note = (name: string, category: string, startMs: number): void =>
    context.addSpan({ name, startMs, endMs: context.nowMs(), category, lane: `stage ${stage}` });
  /** What an iteration takes besides: `begin`, `exchange`, `end`. */
  const noteRest = (name: string, startMs: number): void =>
    context.addSpan({ name, startMs, endMs: context.nowMs(), category: 'rest', lane: `rest ${stage}` });
  const runFrozen = (iteration: number, items: readonly FrozenItem[]): Promise<void> =>
    items.reduce(
      (before, item) =>
        before.then(async () => {
          const startMs = context.nowMs();
          await inEngine(() => frozen.run(iteration, item));
          note(`${item.component}.${item.layer} × ${item.count}`, `frozen ${item.component}`, startMs);
        }),
      Promise.resolve(),
    );
  const exchangeFrozen = (): Tensor => {
    const startMs = context.nowMs();
    const all = frozen.exchange(context);
    noteRest('exchange', startMs);
    return all;
  };
  const items = params.frozen[stage]!;

  // Cold start: the first iteration's frozen part, before any clock runs.
  let conditioned: Tensor | undefined;
  if (isFilled) {
    for (const item of items) await frozen.run(0, item);
    conditioned = frozen.exchange(context);
  }
  const losses: number[] = [];
  const iterations: [number, number][] = [];
  let totals: Record<string, Float32Array> = {};
  for (let iteration = 0; iteration < numIterations; iteration++) {
    context.barrier().wait();
    const startMs = context.nowMs();
    if (!isFilled) {
      await runFrozen(iteration, items);
      conditioned = exchangeFrozen();
    }
    const begunMs = context.nowMs();
    const feeds = microBatches(params, iteration, conditioned!);
    const sends: Handle<void>[] = [];
    // A run without instructions (profiling of frozen layers) exchanges nothing.
    const numExpected = params.instructions[stage]!.length > 0 ? numMicroBatches : 0;
    const arriving = expect(context, stage > 0 ? stage - 1 : -1, graphs.arrives, numExpected, 0);
    const returning = expect(context, isLast ? -1 : stage + 1, graphs.leaves, numExpected, 1);
    const isExtra = numExpected > 0 && config.isSelfConditioned === true;
    const extra = expect(context, stage > 0 ? stage - 1 : -1, graphs.arrives, isExtra ? numMicroBatches : 0, EXTRA);
    const estimates = isExtra && stage === 0 ? expectEstimates(context, params) : undefined;
    const kept: Values[] = [];
    totals = {};
    let loss = 0;
    noteRest('begin', begunMs);
    for (const word of params.instructions[stage]!) {
      const micro = Number(word.slice(1));
      if (word[0] === 'Z') {
        if (isFilled) await runFrozen(iteration + 1, [items[micro]!]);
        continue;
      }
      const sendOn = (outputs: Values, got: Values, kind: 'F' | 'P'): void =>
        Object.keys(graphs.leaves).forEach((name, index) => {
          const tensor = graphs.relays[name] === undefined ? outputs[`out.${name}`]! : got[graphs.relays[name]]!;
          const tag = tagOf(micro, kind === 'F' ? 0 : EXTRA, index);
          sends.push(context.send(tensor, stage + 1, { tag, label: `send ${kind}${stage}.${micro}` }));
        });
      if (word[0] === 'P') {
        const got = { ...take(extra, micro), ...(stage === 0 ? { estimate: emptyEstimate(params) } : {}) };
        const workMs = context.nowMs();
        const outputs = await inEngine(() => forward.run(inputsOf(forward, { ...got, ...feeds[micro]! })));
        if (!isLast) sendOn(outputs, got, 'P');
        else if (estimates) estimates.own[micro] = outputs['out.prediction']!;
        else {
          const options = { tag: tagOf(micro, FEEDBACK, 0), label: `send feedback ${micro}` };
          sends.push(context.send(outputs['out.prediction']!, 0, options));
        }
        note(`P${stage}.${micro}`, 'self-conditioning', workMs);
        continue;
      }
      if (word[0] === 'F') {
        const got = { ...take(arriving, micro), ...(estimates ? { estimate: estimates.take(micro) } : {}) };
        kept[micro] = got;
        const workMs = context.nowMs();
        const outputs = await inEngine(() => forward.run(inputsOf(forward, { ...got, ...feeds[micro]! })));
        if (isLast) loss += outputs['out.loss']!.data[0] as number;
        else sendOn(outputs, got, 'F');
        note(`F${stage}.${micro}`, 'forward', workMs);
        continue;
      }
      const back = take(returning, micro);
      const workMs = context.nowMs();
      const given = Object.fromEntries(Object.entries(back).map(([name, tensor]) => [`grad.${name}`, tensor]));
      const outputs = await inEngine(() =>
        backward.run(inputsOf(backward, { ...kept[micro]!, ...feeds[micro]!, ...given })),
      );
      kept[micro] = {};
      Object.keys(graphs.arrives).forEach((name, index) => {
        const gradient = returned(name, outputs[`d.${name}`], back, graphs);
        sends.push(
          context.send(gradient, stage - 1, { tag: tagOf(micro, 1, index), label: `send B${stage}.${micro}` }),
        );
      });
      // The stage before can go on while this one adds up.
      for (const name of graphs.parameters) accumulate(totals, name, outputs[`p.${name}`]!);
      note(`B${stage}.${micro}`, 'backward', workMs);
    }
    for (const handle of sends) handle.wait();
    if (learningRate > 0) update(totals, learningRate, [forward, backward]);
    if (isFilled) conditioned = exchangeFrozen();
    const endedMs = context.nowMs();
    context.barrier().wait();
    noteRest('end', endedMs);
    iterations.push([startMs, context.nowMs()]);
    losses.push(loss);
  }
  await forward.dispose();
  await backward.dispose();
  await frozen.dispose();
  return { losses, iterations, gradients: params.returnsGradients ? totals : {}, busyMs };
}

/** 0 forward, 1 backward. */
const EXTRA = 2;
const FEEDBACK = 3;
const DIRECTIONS = 4;
type Direction = 0 | 1 | typeof EXTRA | typeof FEEDBACK;
const TENSORS_PER_CUT = 8;
const tagOf = (micro: number, direction: Direction, index: number): number =>
  (micro * DIRECTIONS + direction) * TENSORS_PER_CUT + index;

type Arriving = Record<string, Handle<Tensor>>[];

/** Asks for everything at once, so that links carry it while the stage computes. */
function expect(
  context: RankContext,
  from: number,
  shapes: Readonly<Record<string, readonly number[]>>,
  numMicroBatches: number,
  direction: Direction,
): Arriving {
  return Array.from({ length: numMicroBatches }, (_, micro) =>
    Object.fromEntries(
      from < 0
        ? []
        : Object.entries(shapes).map(([name, shape], index) => [
            name,
            context.recv(from, { dtype: 'float32', shape }, { tag: tagOf(micro, direction, index) }),
          ]),
    ),
  );
}

function take(arriving: Arriving, micro: number): Values {
  return Object.fromEntries(Object.entries(arriving[micro]!).map(([name, handle]) => [name, handle.wait()]));
}

function estimateShape({ batch, numMicroBatches }: RankParams): number[] {
  return [batch / numMicroBatches, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE];
}

/** What the extra pass itself is conditioned on. */
function emptyEstimate(params: RankParams): Tensor {
  return createTensor('float32', estimateShape(params));
}

/** Predictions of the extra passes on their way to the first stage; `own` holds them where it is also the last. */
function expectEstimates(context: RankContext, params: RankParams): { own: Tensor[]; take(micro: number): Tensor } {
  const last = params.stages.length - 1;
  const own: Tensor[] = [];
  const arriving = Array.from({ length: last > 0 ? params.numMicroBatches : 0 }, (_, micro) =>
    context.recv(last, { dtype: 'float32', shape: estimateShape(params) }, { tag: tagOf(micro, FEEDBACK, 0) }),
  );
  return { own, take: (micro) => own[micro] ?? arriving[micro]!.wait() };
}

/** Gradient of an arriving tensor: what the stage used of it plus what came back for relayed copies. */
function returned(
  name: string,
  own: Tensor | undefined,
  back: Values,
  {
    relays,
    arrives,
  }: {
    readonly relays: Readonly<Record<string, string>>;
    readonly arrives: Readonly<Record<string, readonly number[]>>;
  },
): Tensor {
  const sum = createTensor('float32', arrives[name]!);
  const data = sum.data as Float32Array;
  if (own) data.set(own.data as Float32Array);
  for (const [leaving, source] of Object.entries(relays)) {
    if (source !== name) continue;
    const more = back[leaving]!.data as Float32Array;
    for (let i = 0; i < data.length; i++) data[i]! += more[i]!;
  }
  return sum;
}

function accumulate(totals: Record<string, Float32Array>, name: string, { data }: Tensor): void {
  const total = totals[name];
  if (!total) {
    totals[name] = Float32Array.from(data as Float32Array);
    return;
  }
  for (let i = 0; i < total.length; i++) total[i]! += data[i] as number;
}

function update(
  totals: Readonly<Record<string, Float32Array>>,
  learningRate: number,
  sessions: readonly RankSession[],
): void {
  for (const [name, gradient] of Object.entries(totals)) {
    const old = sessions[1]!.readState(name);
    const next = createTensor('float32', old.shape);
    for (let i = 0; i < gradient.length; i++)
      (next.data as Float32Array)[i] = (old.data[i] as number) - learningRate * gradient[i]!;
    for (const session of sessions)
      if (session.graph.states.some((state) => state.name === name)) session.writeState(name, next);
  }
}

function pick(states: Readonly<Values>, wanted: readonly { readonly name: string }[]): Values {
  return Object.fromEntries(wanted.map(({ name }) => [name, states[name]!]));
}

function inputsOf({ graph }: RankSession, values: Values): Values {
  return Object.fromEntries(graph.inputs.map((id) => [graph.values[id]!.name, values[graph.values[id]!.name]!]));
}

/** Noise and times of an iteration are the same on every rank; latents and text states come from the frozen part. */
function microBatches(
  { config, batch, numMicroBatches }: RankParams,
  iteration: number,
  conditioned: Tensor,
): Values[] {
  const microBatch = batch / numMicroBatches;
  const latentSize = LATENT_CHANNELS * LATENT_SIZE ** 2;
  const rowSize = latentSize + config.width;
  const noiseStream = streamFromId(`noise ${iteration}`, config.seed);
  const frozenOutputs = conditioned.data as Float32Array;
  return Array.from({ length: numMicroBatches }, (_, micro) => {
    const noisy = createTensor('float32', [microBatch, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE]);
    const noise = createTensor('float32', noisy.shape);
    const condition = createTensor('float32', [microBatch, config.width]);
    for (let k = 0; k < microBatch; k++) {
      const sample = micro * microBatch + k;
      const time = (sample + 0.5) / batch;
      for (let i = 0; i < latentSize; i++) {
        const e = normalAt(noiseStream, sample * latentSize + i);
        (noise.data as Float32Array)[k * latentSize + i] = e;
        (noisy.data as Float32Array)[k * latentSize + i] =
          Math.sqrt(1 - time) * frozenOutputs[sample * rowSize + i]! + Math.sqrt(time) * e;
      }
      for (let i = 0; i < config.width; i++)
        (condition.data as Float32Array)[k * config.width + i] =
          frozenOutputs[sample * rowSize + latentSize + i]! + Math.sin(time * (i + 1));
    }
    return { noisy, noise, condition };
  });
}

/** Frozen layers of this rank's items; activations between layers stay here. */
async function openFrozen(context: RankContext, { config, batch, frozen }: RankParams, stage: number) {
  const sessions = new Map<string, RankSession>();
  for (const { component, layer, count } of frozen[stage]!) {
    const key = `${component}.${layer} × ${count}`;
    if (sessions.has(key)) continue;
    const { graph, states } = buildFrozenGraph(config, component, layer, count);
    sessions.set(key, await openRankSession(context, graph, { states }));
  }
  const latentSize = LATENT_CHANNELS * LATENT_SIZE ** 2;
  const rowSize = latentSize + config.width;
  const samples = new Map<string, Float32Array>(); // component.layer.sample → output row
  let outputs = createTensor('float32', [batch, rowSize]);
  return {
    async run(iteration: number, { component, layer, start, count }: FrozenItem): Promise<void> {
      const session = sessions.get(`${component}.${layer} × ${count}`)!;
      const shape = session.graph.values[session.graph.inputs[0]!]!.shape;
      const x = createTensor('float32', shape);
      const rowLength = x.data.length / count;
      for (let k = 0; k < count; k++) {
        const row =
          layer === 0
            ? inputRow(component, iteration, start + k)
            : samples.get(`${component}.${layer - 1}.${start + k}`)!;
        (x.data as Float32Array).set(row, k * rowLength);
      }
      const { y } = await session.run({ x });
      const length = y!.data.length / count;
      for (let k = 0; k < count; k++) {
        const row = (y!.data as Float32Array).subarray(k * length, (k + 1) * length);
        if (layer < MINI_FROZEN[component].length - 1) samples.set(`${component}.${layer}.${start + k}`, row);
        else (outputs.data as Float32Array).set(row, (start + k) * rowSize + (component === 'image' ? 0 : latentSize));
      }
    },
    /** Every sample was made by one rank; the others hold zeros, so the sum is exact. */
    exchange(ranks: RankContext): Tensor {
      const all = ranks.allReduce(outputs, { label: 'frozen outputs' }).wait();
      outputs = createTensor('float32', [batch, rowSize]);
      samples.clear();
      return all;
    },
    async dispose(): Promise<void> {
      for (const session of sessions.values()) await session.dispose();
    },
  };

  function inputRow(component: FrozenName, iteration: number, sample: number): Float32Array {
    const length = frozenInputShape(component, config).reduce((product, size) => product * size, 1);
    const stream = streamFromId(`${component} ${iteration}`, config.seed);
    return Float32Array.from({ length }, (_, i) => normalAt(stream, sample * length + i));
  }
}
